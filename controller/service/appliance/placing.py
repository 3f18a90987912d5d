"""Where the files that come with a release go, and who owns the folders of the record."""

import os
from pathlib import Path
from typing import Final

from controller.service.appliance import files
from controller.service.appliance.accounts import ARCHIVE, CONTROLLER, READERS, TELEMETRY
from controller.service.appliance.layout import Layout
from controller.service.appliance.machine import Machine, Say
from controller.service.appliance.manifest import BESIDE, Manifest

SHIPPED: Final = Path("share") / "micropen"
"""Where an environment has the wheel's data."""
SYSUSERS: Final = Path("system") / "micropen.sysusers"
"""The list of accounts, below SHIPPED."""
_PROGRAM: Final = 0o755


def destinations(layout: Layout, shipped: Path) -> dict[Path, tuple[Path, int]]:
    """Each system file of a release -> where it goes, and its mode."""
    named = {
        "60-micropen.rules": (layout.udev_rule, 0o644),
        "micropen.sysusers": (layout.sysusers, 0o644),
        "micropen.tmpfiles": (layout.tmpfiles, 0o644),
        "micropen.journald": (layout.journald, 0o644),
        "micropen.sh": (layout.wrapper, _PROGRAM),
    }
    found = {shipped / "system" / name: place for name, place in named.items()}
    for unit in sorted((shipped / "systemd").iterdir()):
        found[unit] = (layout.units / unit.name, 0o644)
    return found


def put_system_files(layout: Layout, shipped: Path, say: Say) -> None:
    """Put units, rules and settings; take away those that this release has no more.

    Raises OSError.
    """
    manifest = Manifest(layout)
    wanted = destinations(layout, shipped)
    kept = set()
    for source, (target, mode) in wanted.items():
        kept.add(target)
        if not manifest.put(target, source.read_bytes(), mode):
            kept.add(target.with_name(target.name + BESIDE))
            say(f"{target} was changed by a person and stays; the new one is {target.name}{BESIDE}")
    for path in manifest.paths():
        if path not in kept:
            manifest.remove(path)


def make_state_folders(machine: Machine, say: Say) -> None:
    """Make the folders of record, cursor and archive. A record that is there is taken over.

    Raises AccountMissing, OSError.
    """
    layout = machine.layout
    for folder, user, group, mode in (
        (layout.state, CONTROLLER, READERS, 0o2750),
        (layout.telemetry_state, TELEMETRY, READERS, 0o2750),
        (layout.archive_state, ARCHIVE, ARCHIVE, 0o700),
    ):
        files.make_folders(folder, 0o700)
        if machine.owner_is_another(folder, user):
            _take_over(machine, folder, user, group)
            say(f"{folder} was here before; it belongs to {user} now.")
        machine.give(folder, user, group, mode)


def _take_over(machine: Machine, folder: Path, user: str, group: str) -> None:
    """Numbers of accounts change with the system; a record on a partition of its own keeps them."""
    for place, folders, names in os.walk(folder):
        for name in folders + names:
            path = Path(place) / name
            if not path.is_symlink():
                machine.give(path, user, group, path.stat().st_mode & 0o7777)
