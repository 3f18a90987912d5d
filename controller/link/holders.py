"""Who holds a serial port, read from /proc, so that "busy" names the program to end.

Reads /proc only. Processes of other users stay invisible to a user who is not root.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

UNKNOWN_HOLDER: Final = "a process that this user may not look into"
_NAME_CHARS: Final = 80


def holders_of(device: str, proc: Path = Path("/proc")) -> list[str]:
    """`command line (process id)` of each process that has `device`, or what it links to, open."""
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
    """The command line, cut short; two Python programs have the same plain name."""
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return "an unnamed program"
    return b" ".join(words).decode(errors="replace")[:_NAME_CHARS]
