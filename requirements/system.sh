#!/bin/sh
# What pip cannot bring: Python >= 3.11 with venv and pip. Installs it on Debian; says what to do elsewhere.
# usage: system.sh PYTHON
set -eu
python=$1

usable() {
    "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

give_up() {
    echo "micropen needs Python 3.11 or newer with venv and pip: $1" >&2
    exit 1
}

usable && exit 0
command -v apt-get >/dev/null || give_up "install them, or say which with make PYTHON=/path/to/python3"
if [ "$(id -u)" = 0 ]; then
    root=
elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
    root=sudo
else
    give_up "as root, run: apt-get install python3 python3-venv"
fi
echo "Installing python3 and python3-venv with apt-get"
$root apt-get update -q
$root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends python3 python3-venv
usable || give_up "$python is not that; name another with make PYTHON=/path/to/python3"
