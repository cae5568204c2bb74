#!/usr/bin/env bash
# A token for the user of this name, valid for an hour and signed with private.pem.
set -eu
encode() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
header=$(printf '{"alg":"RS256","typ":"JWT"}' | encode)
claims=$(printf '{"iss":"https://issuer.example.com","aud":"shop","sub":"%s","exp":%d}' \
  "$1" "$(($(date +%s) + 3600))" | encode)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign private.pem -binary | encode)
printf '%s.%s.%s\n' "$header" "$claims" "$signature"
