"""One file that holds a bundle: .tar.gz with a manifest, written whole or not at all."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from controller.clock import Clock
from controller.errors import SystemRefused
from controller.record.opening import software_version
from controller.service.bundle.members import Member
from controller.service.flight.box import prune
from controller.service.flight.recording import RecordingUnreadable

FORMAT: Final = "micropen-bundle-1"
FOLDER: Final = "bundles"
MANIFEST: Final = "manifest.json"
MOST_BUNDLES: Final = 10
MOST_BYTES: Final = 200 * 1024 * 1024
LARGEST: Final = 64 * 1024 * 1024
"""A member that is read back; nothing of ours is larger."""


def write_bundle(path: Path, members: Iterator[Member], reason: str, clock: Clock) -> int:
    """Write a bundle; gives its bytes. Raises SystemRefused."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.touch(mode=0o600)
        with tarfile.open(part, "w:gz", compresslevel=6) as tar:
            listed = [_add(tar, member) for member in members]
            _add(tar, (MANIFEST, _manifest(listed, reason, clock)))
        part.replace(path)
    except OSError as error:
        raise SystemRefused.of(error) from error
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def place_of_next(folder: Path, reason: str) -> Path:
    """Where the bundle of a fault goes; the oldest ones make room beyond number and size."""
    before = sorted(folder.glob("bundle-*.tar.gz")) if folder.is_dir() else []
    if before:
        prune(before, MOST_BUNDLES - 1, MOST_BYTES)
    numbers = [int(word) for path in before if (word := path.name.split("-")[1]).isdecimal()]
    return folder / f"bundle-{1 + max(numbers, default=0):06d}-{reason}.tar.gz"


def read_bundle(path: Path) -> dict[str, bytes]:
    """All members by name. Raises RecordingUnreadable."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isfile() and info.size <= LARGEST else None
                if file is not None:
                    found[info.name] = file.read()
    except (OSError, tarfile.TarError, EOFError) as error:
        raise RecordingUnreadable(f"{path} cannot be read as a bundle: {error}.") from error
    return found


def _add(tar: tarfile.TarFile, member: Member) -> dict[str, Any]:
    name, data = member
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o600
    tar.addfile(info, io.BytesIO(data))
    return {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _manifest(listed: list[dict[str, Any]], reason: str, clock: Clock) -> bytes:
    facts = {
        "format": FORMAT,
        "made_wall": clock.now_wall().isoformat(timespec="seconds"),
        "software_version": software_version(),
        "reason": reason,
        "members": listed,
    }
    return (json.dumps(facts, indent=1) + "\n").encode()
