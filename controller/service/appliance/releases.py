"""A release folder, believed only when every file of it is the one that was released.

`SHA256SUMS` shows a copy that was cut short or a medium that loses data; `sha256sum -c SHA256SUMS`
says the same. It does not show who made the release.
"""

import re
from pathlib import Path
from typing import Final

from controller.service.appliance import files
from controller.service.appliance.environments import Release
from controller.service.appliance.errors import NotARelease
from controller.service.appliance.layout import CHECKSUMS_FILE
from controller.service.appliance.update_errors import ReleaseDamaged

_LINE: Final = re.compile(r"^([0-9a-f]{64}) [ *](.+)$")
"""sha256sum(1): digest, a blank, text or binary mode, name."""


def checked_release(path: Path) -> Release:
    """The release in a folder, or the one that a wheel lies in.

    Raises NotARelease. ReleaseDamaged: a file is missing, changed, or not in the list.
    """
    folder = path.parent if path.is_file() and path.suffix == ".whl" else path
    sums = _sums(folder / CHECKSUMS_FILE)
    found = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    if strangers := sorted(found - sums.keys() - {CHECKSUMS_FILE}):
        raise ReleaseDamaged(f"{folder} holds files that were not released: {_named(strangers)}.")
    wrong = sorted(name for name, sum_ in sums.items() if files.digest(folder / name) != sum_)
    if wrong:
        raise ReleaseDamaged(f"{folder}: missing or not what was released: {_named(wrong)}.")
    release = Release.read(folder)
    if path not in (folder, release.wheel):
        raise NotARelease(f"{path} is not the wheel of the release that it lies in.")
    return release


def _sums(file: Path) -> dict[str, str]:
    """Name -> SHA-256. Raises NotARelease."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotARelease(f"{file.parent} is no release: {file.name} cannot be read.") from error
    found = [_LINE.match(line) for line in lines if line.strip()]
    sums = {match[2]: match[1] for match in found if match is not None}
    outside = [name for name in sums if Path(name).is_absolute() or ".." in Path(name).parts]
    if None in found or outside or not sums:
        raise NotARelease(f"{file} is no list of checksums.")
    return sums


def _named(names: list[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
