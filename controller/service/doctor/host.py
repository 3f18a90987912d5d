"""The machine: versions, clock, room on the disk, supply and heat. Reads; changes nothing."""

import os
import platform
import sys
from pathlib import Path
from typing import Final

from controller.record.entry import SCHEMA_VERSION
from controller.record.folder import MIN_FREE_BYTES
from controller.record.opening import software_version
from controller.record.stamp import kernel_clock_synced
from controller.service.doctor.line import Figure, Line, green, red, unknown, warning
from controller.service.host_power import SYSFS, THROTTLED, HostPower
from protocol.limits import PROTOCOL_VERSION

LOW_SPACE_FACTOR: Final = 4
"""Warn at so many times the least free space (engineering estimate: some hours of 150 Hz)."""
_MEGA: Final = 1_000_000

# Raspberry Pi documentation, `vcgencmd get_throttled`: bits 0-3 are now, 16-19 since the boot.
NOW: Final = {
    0x1: "under-voltage",
    0x2: "processor frequency capped",
    0x4: "throttled",
    0x8: "soft temperature limit",
}
SINCE_BOOT_SHIFT: Final = 16


def versions() -> Line:
    """What runs here: the first thing that support asks."""
    facts: dict[str, Figure] = {
        "micropen": software_version(),
        "python": platform.python_version(),
        "protocol": PROTOCOL_VERSION,
        "journal_schema": SCHEMA_VERSION,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    said = ", ".join(f"{name} {value}" for name, value in facts.items())
    if sys.prefix == sys.base_prefix:
        action = "Install it into a virtual environment; its import names are generic."
        return warning("versions", said, action, **facts)
    return green("versions", said, **facts)


def clock() -> Line:
    """Whether the kernel holds its clock for synchronised: certificates and vials end by it."""
    synced = kernel_clock_synced()
    if synced is None:
        return unknown("clock", "The system does not say whether its clock is set.")
    if not synced:
        return warning(
            "clock",
            "The clock is not synchronised.",
            "Look at `timedatectl`; start a time service, or fit a clock with a battery.",
            synced=False,
        )
    return green("clock", "The clock is synchronised.", synced=True)


def space(state: Path) -> Line:
    """Whether a session fits on the disk. A folder that is not made yet is its parent's disk."""
    place = existing(state)
    room = os.statvfs(place)
    free_bytes = room.f_bavail * room.f_frsize
    said = f"{free_bytes // _MEGA} MB are free at {place}."
    need = f"Free space there: {MIN_FREE_BYTES // _MEGA} MB are needed to begin."
    if free_bytes < MIN_FREE_BYTES:
        return red("disk space", said, need, free_bytes=free_bytes)
    if free_bytes < LOW_SPACE_FACTOR * MIN_FREE_BYTES:
        return warning("disk space", said, need, free_bytes=free_bytes)
    return green("disk space", said, free_bytes=free_bytes)


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def power(sysfs: Path = SYSFS) -> Line:
    """Under-voltage and throttling of a Raspberry Pi, now and since its boot (hazard H33)."""
    flags = _flags(sysfs / THROTTLED)
    under_voltage = HostPower(sysfs).under_voltage()
    if flags is None and not under_voltage:
        return unknown("power", "This machine has no flags of its supply (no Raspberry Pi).")
    now = [word for bit, word in NOW.items() if (flags or 0) & bit]
    if under_voltage and "under-voltage" not in now:
        now.insert(0, "under-voltage")
    action = "Use the maker's power supply and a short cable; cool the board."
    if now:
        said = f"The board says now: {', '.join(now)}."
        return red("power", said, action, throttled=flags or 0)
    before = [word for bit, word in NOW.items() if (flags or 0) >> SINCE_BOOT_SHIFT & bit]
    if before:
        said = f"Since its boot the board has seen: {', '.join(before)}."
        return warning("power", said, action, throttled=flags or 0)
    return green("power", "Supply and temperature are in order.", throttled=0)


def _flags(path: Path) -> int | None:
    try:
        return int(path.read_text().strip(), 16)
    except (OSError, ValueError):
        return None
