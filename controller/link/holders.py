"""Who holds a serial port, read from /proc, so that "busy" names the program to end.

Reads /proc only. Processes of other users stay invisible to a user who is not root.
"""

import os
from collections.abc import Iterator
from pathlib import Path

UNKNOWN_HOLDER = "a process that this user may not look into"


def holders_of(device: str, proc: Path = Path("/proc")) -> list[str]:
    """`name (process id)` of each process that has `device` open, links in its path resolved."""
    target = os.path.realpath(device)
    return [
        f"{_name(process)} (process {process.name})"
        for process in sorted(proc.glob("[0-9]*"))
        if target in _open_paths(process)
    ]


def describe_holders(device: str) -> str:
    """The holders in one phrase; UNKNOWN_HOLDER when none can be seen."""
    return ", ".join(holders_of(device)) or UNKNOWN_HOLDER


def _open_paths(process: Path) -> Iterator[str]:
    """Targets of the descriptors that can be read; processes may end while they are looked at."""
    try:
        entries = os.listdir(process / "fd")  # noqa: PTH208 - names only, read in one call
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return
    for entry in entries:
        try:
            yield os.readlink(process / "fd" / entry)  # noqa: PTH115 - text is compared
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return "an unnamed program"
