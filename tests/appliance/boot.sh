#!/bin/sh
# The first process of a room, in namespaces of its own: mounts what a machine has, becomes systemd.
# Everything that is mounted here is gone with the last process of the room.
# usage: boot.sh ROOM, a folder with base/ changes/ work/ root/ sources/ wheels/
set -eu
room=$1
root=$room/root

mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$room/base,upperdir=$room/changes,workdir=$room/work" "$root"
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
mkdir -p "$root/src" "$root/wheels" "$root/before"
mount --bind "$room/sources" "$root/src"
mount --bind -o ro "$room/wheels" "$root/wheels"
# No network but loopback: what pip needs lies in the folder.
ip link set lo up
printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$root/etc/pip.conf"

cd "$root"
pivot_root . before
umount -l /before
exec env -i container=micropen-trial PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --log-target=journal --show-status=0
