#!/bin/sh
# Makes an authority, certificates for servers and one for a client, in `certs` of the folder that it is called in.
# For trying things out: keys that matter are not made like this.
set -eu

mkdir -p certs
cd certs

new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

# shellcheck disable=SC2086 # these are several words
authority() {
    openssl req -x509 $new_key -days 365 -subj "/CN=Loom example authority" -keyout ca.key -out ca.pem
}

# identity NAME SUBJECT EXTENSIONS: a key and a certificate of the authority
# shellcheck disable=SC2086
identity() {
    openssl req $new_key -subj "$2" -keyout "$1.key" -out "$1.csr"
    printf '%s\n' "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -extfile "$1.ext" -out "$1.pem"
    rm "$1.csr" "$1.ext"
}

{
    authority
    identity server "/CN=localhost" "subjectAltName=DNS:localhost,IP:127.0.0.1"
    identity wildcard "/CN=*.example.test" "subjectAltName=DNS:*.example.test"
    identity client "/O=Loom/CN=client" "subjectAltName=URI:spiffe://example.test/client
extendedKeyUsage=clientAuth"
} 2> log || { cat log >&2; exit 1; }
rm -f log ca.srl
echo "made $(pwd)"
