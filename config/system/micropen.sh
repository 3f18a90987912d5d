#!/bin/sh
# micropen as people type it: the program that is current, with the config folder of this machine.
# Typed by root it becomes the account that owns the record, so that no file of it ever belongs to
# root; except to change the installation, and to write copies where only root may.
export MICROPEN_CONFIG="${MICROPEN_CONFIG:-/etc/micropen}"
case "$(id -u) ${1:-}" in
"0 install" | "0 uninstall" | "0 update" | "0 rollback") umask 022 ;;
"0 backup" | "0 support-bundle") umask 077 ;;
"0 "*)
    umask 027
    exec setpriv --reuid=micropen --regid=micropen-record --init-groups \
        /opt/micropen/current/bin/micropen "$@"
    ;;
esac
exec /opt/micropen/current/bin/micropen "$@"
