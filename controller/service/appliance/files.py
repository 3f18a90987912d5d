"""Files as an installer writes them: whole or not at all, and on the disk when a step returns.

A power cut at any moment leaves the old file or the new one. Touches what it is told to, nothing
else.
"""

import hashlib
import os
from pathlib import Path

_NEW = ".micropen-new"
"""End of a name that is not valid yet; left over by a power cut, and replaced by the next try."""


def put(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace a file in one step. Its folder is made if missing. Raises OSError."""
    make_folders(path.parent)
    new = path.with_name(f".{path.name}{_NEW}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)  # whatever the umask is
        file.write(data)
        file.flush()
        os.fsync(handle)
    new.replace(path)
    sync_folder(path.parent)


def point(link: Path, target: str) -> None:
    """Make `link` a symlink to `target`, replacing the one that is there. Raises OSError."""
    new = link.with_name(f".{link.name}{_NEW}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
    sync_folder(link.parent)


def append_line(path: Path, line: str) -> None:
    """Add a line. One that a power cut tore is ended first, so that it spoils no other."""
    torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    try:
        os.write(handle, f"{chr(10) if torn else ''}{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)


def make_folders(folder: Path, mode: int = 0o755) -> None:
    """Make a folder and those above it, whatever the umask; one that is there keeps its mode."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
    sync_folder(folder.parent)


def digest(path: Path) -> str | None:
    """SHA-256 of a file in hexadecimal; None where there is none. Raises OSError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
