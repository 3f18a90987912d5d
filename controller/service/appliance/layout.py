"""Where everything of an installed micropen lies, below `/` or below the root of an image.

Why apart: units, installer, updater and tests name each place once, here. Touches nothing.
docs/decisions/0012-two-environments.md says why there are two environments.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

SLOTS: Final = ("a", "b")
"""Names of the two environments; one of them is current, the other is idle."""
RELEASE_FILE: Final = "release.json"
"""In a release folder and in a complete environment, where it is written last."""
LOCK_FILE: Final = "run.txt"
"""The lock with hashes, in a release folder."""
WHEELHOUSE: Final = "wheelhouse"
"""Packages of the lock, in a release folder for a machine without internet."""
CHECKSUMS_FILE: Final = "SHA256SUMS"
"""Checksums of a release folder."""


@dataclass(frozen=True)
class Layout:
    """Every place of an installation. `root` is `/`, or the root folder of an image."""

    root: Path = Path("/")

    def at(self, place: str | Path) -> Path:
        """An absolute path of the installed machine, as a path of this one."""
        return self.root / str(place).lstrip("/")

    def seen_inside(self, path: Path) -> Path:
        """The path that the installed machine knows a place by. Raises ValueError: not in it."""
        return Path("/") / path.relative_to(self.root)

    @property
    def programs(self) -> Path:
        """Holds both environments and the switch. Services cannot write here."""
        return self.at("opt/micropen")

    def slot(self, name: str) -> Path:
        """One environment. `name` is one of SLOTS."""
        return self.programs / name

    @property
    def current(self) -> Path:
        """The only switch: a relative symlink to a slot, replaced atomically."""
        return self.programs / "current"

    @property
    def switches(self) -> Path:
        """One JSON line for each install, update and rollback."""
        return self.programs / "switches.jsonl"

    @property
    def manifest(self) -> Path:
        """What the installer put outside the slots, so that uninstall removes exactly that."""
        return self.programs / "installed.json"

    @property
    def lock(self) -> Path:
        """Held while one install, update, rollback or uninstall runs."""
        return self.programs / "lock"

    @property
    def current_program(self) -> Path:
        """The program that units and the wrapper run."""
        return self.current / "bin" / "micropen"

    @property
    def wrapper(self) -> Path:
        """The command that people type."""
        return self.at("usr/local/bin/micropen")

    @property
    def config(self) -> Path:
        """The config folder: made once, never overwritten."""
        return self.at("etc/micropen")

    @property
    def state(self) -> Path:
        """The state folder of treatment; training's is in it. Holds the record."""
        return self.at("var/lib/micropen")

    @property
    def training_state(self) -> Path:
        """The state folder of a machine whose realm is training."""
        return self.state / "training"

    @property
    def telemetry_state(self) -> Path:
        """Telemetry's cursor."""
        return self.at("var/lib/micropen-telemetry")

    @property
    def archive_state(self) -> Path:
        """What an archive on this machine keeps."""
        return self.at("var/lib/micropen-archive")

    @property
    def units(self) -> Path:
        """Where the administrator's systemd units lie."""
        return self.at("etc/systemd/system")

    @property
    def journald(self) -> Path:
        """How much log journald keeps."""
        return self.at("etc/systemd/journald.conf.d/micropen.conf")

    @property
    def sysusers(self) -> Path:
        """Users and groups, for systemd-sysusers."""
        return self.at("etc/sysusers.d/micropen.conf")

    @property
    def tmpfiles(self) -> Path:
        """Folders and their modes, for systemd-tmpfiles."""
        return self.at("etc/tmpfiles.d/micropen.conf")

    @property
    def udev_rule(self) -> Path:
        """Gives the pen's port its group and its name."""
        return self.at("etc/udev/rules.d/60-micropen.rules")

    @property
    def pen_port(self) -> Path:
        """The name that the udev rule gives the pen's port."""
        return self.at("dev/micropen/pen")

    @property
    def systemd_runs(self) -> Path:
        """There only while systemd runs as the first process (sd_booted(3))."""
        return self.at("run/systemd/system")
