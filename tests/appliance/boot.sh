#!/bin/sh
# The first process of a room, in namespaces of its own: mounts what a machine has, becomes systemd.
# Everything that is mounted here is gone with the last process of the room.
# usage: boot.sh ROOM [fixed], a folder with base/ changes/ work/ root/ sources/ wheels/
#   fixed: the root is read-only, as docs/install.md has it; the record's folders are mounted apart
set -eu
room=$1
root=$room/root

mount --make-rprivate /
if [ "${2:-}" = fixed ]; then
    mount -t overlay overlay -o "lowerdir=$room/changes:$room/base" "$root"
    for name in var/tmp var/log var/lib/systemd; do
        mount -t tmpfs tmpfs "$root/$name"
    done
    for name in micropen micropen-telemetry micropen-archive; do
        mount --bind "$room/changes/var/lib/$name" "$root/var/lib/$name"
    done
else
    layers="lowerdir=$room/base,upperdir=$room/changes,workdir=$room/work"
    mount -t overlay overlay -o "$layers" "$root"
    mkdir -p "$root/src" "$root/wheels" "$root/before"
    # No network but loopback: what pip needs lies in the folder.
    printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$root/etc/pip.conf"
fi
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount --bind "$room/sources" "$root/src"
mount --bind -o ro "$room/wheels" "$root/wheels"
ip link set lo up

cd "$root"
pivot_root . before
umount -l /before
exec env -i container=micropen-trial PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --log-target=journal --show-status=0
