#!/bin/sh
# systemd-analyze, with which the tests judge the units; nothing of systemd is started.
# Installs it on Debian; says what to do elsewhere.
set -eu

command -v systemd-analyze >/dev/null && exit 0

give_up() {
    echo "The tests of the units need systemd-analyze: $1" >&2
    exit 1
}

command -v apt-get >/dev/null || give_up "install systemd's own tools"
if [ "$(id -u)" = 0 ]; then
    root=
elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
    root=sudo
else
    give_up "as root, run: apt-get install systemd"
fi
echo "Installing systemd with apt-get"
$root apt-get update -q
$root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends systemd
command -v systemd-analyze >/dev/null || give_up "apt-get did not bring it"
