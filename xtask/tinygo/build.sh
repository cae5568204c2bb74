#!/usr/bin/env bash
# Builds TinyGo from source, with LLVM and the C library from the packages of Debian or Ubuntu.
#
#     build.sh VERSION FOLDER [--install]
#
# FOLDER gets bin/tinygo, and root/ for TINYGOROOT, with a target `wasip1-debian`: the stock target `wasip1` wants
# sources of the C library that are no part of TinyGo's Go module. With --install, packages that are missing are
# installed; without it, they are named.
set -euo pipefail

version=$1 folder=$2 install=${3:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=(g++ llvm-19-dev libclang-19-dev clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 binaryen)

missing=()
for package in "${packages[@]}"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
if ((${#missing[@]})); then
    command="apt-get install -y --no-install-recommends ${missing[*]}"
    if [[ $install != --install ]]; then
        echo "TinyGo is built with packages that are not installed (1 GB in all): $command" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # What the lists know may do; when it does not, they are fetched anew.
    $command -qq || { apt-get update -qq && $command -qq; } ||
        { echo "TinyGo's packages cannot be installed: $command" >&2; exit 1; }
fi

# Newer versions of Go are not known to this version of TinyGo.
export GOTOOLCHAIN=go1.25.5
source=$(go mod download -json "github.com/tinygo-org/tinygo@v$version" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
(cd "$source" && go build -tags llvm19 -o "$folder/bin/tinygo" .)

mkdir "$folder/root"
cp -r "$source/src" "$source/targets" "$folder/root/"
chmod -R u+w "$folder/root"
# Left out of the module, and looked for.
mkdir -p "$folder/root/src/net"
cp "$here/wasip1-debian.json" "$folder/root/targets/"
