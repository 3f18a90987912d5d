#!/bin/sh
# Chromium, which the tests of the screen drive, and openssl, which makes their TLS certificates.
# Installs them on Debian; says what to do elsewhere.
set -eu

usable() {
    command -v openssl >/dev/null || return 1
    for program in chromium chromium-browser google-chrome; do
        if command -v "$program" >/dev/null; then return 0; fi
    done
    return 1
}

give_up() {
    echo "The tests of the screen need Chromium and openssl: $1" >&2
    exit 1
}

usable && exit 0
command -v apt-get >/dev/null || give_up "install them so that 'chromium' and 'openssl' are on the path"
if [ "$(id -u)" = 0 ]; then
    root=
elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
    root=sudo
else
    give_up "as root, run: apt-get install chromium openssl"
fi
echo "Installing chromium, openssl and a font with apt-get"
$root apt-get update -q
$root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    chromium openssl fonts-dejavu-core
usable || give_up "apt-get did not bring both"
