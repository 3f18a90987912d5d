"""The journal's folder: which files it holds, who owns it, and what it keeps in reserve.

Touches the folder's names, its lock and its reserve file; never an entry.
"""

import fcntl
import os
import re
import stat
from pathlib import Path
from typing import Final, Self

from controller.errors import AlreadyRunning, JournalNotWritable

LOCK_NAME: Final = "journal.lock"
RESERVE_NAME: Final = "journal.reserve"

RESERVE_BYTES: Final = 1024 * 1024
"""Given back to the disk when a successor is needed, so that a full disk can still hold the
stop and the alarm (hazard H17)."""

MIN_FREE_BYTES: Final = 256 * 1024 * 1024
"""Free space without which no service starts: more than an hour without pause at the pen's
150 Hz, which takes 55 kB a second measured with batches of 25 ms (hazard H17)."""

_NAME = re.compile(r"^journal(?:-([2-9]|[1-9]\d+))?\.db$")


def journal_files(folder: Path) -> list[Path]:
    """The folder's journal files, oldest first: journal.db, journal-2.db, journal-3.db ..."""
    numbered = [(number, path) for path in folder.iterdir() if (number := _number(path)) > 0]
    return [path for _, path in sorted(numbered)]


def next_file(folder: Path) -> Path:
    """Where the next file of the folder goes."""
    files = journal_files(folder)
    if not files:
        return folder / "journal.db"
    return folder / f"journal-{_number(files[-1]) + 1}.db"


def _number(path: Path) -> int:
    match = _NAME.match(path.name)
    return 0 if match is None else int(match[1] or 1)


def is_shared(folder: Path) -> bool:
    """Whether the folder's group may read what is in it: its set-group-ID bit says so.

    The administrator's word (StateDirectoryMode=2750 of the controller's unit); folders made inside
    inherit it. Raises OSError.
    """
    return bool(folder.stat().st_mode & stat.S_ISGID)


def file_mode(folder: Path) -> int:
    """The mode of a journal file in the folder: nobody else reads it, or its group. OSError."""
    return 0o640 if is_shared(folder) else 0o600


def prepare_folder(folder: Path, min_free_bytes: int) -> None:
    """Make the folder if need be, durably, and refuse one without room.

    Raises:
        JournalNotWritable: E5003.
    """
    try:
        made = [each for each in (folder, *folder.parents) if not each.exists()]
        above = next(each for each in folder.absolute().parents if each.exists())
        # mkdir's own mode, for a chmod that set the bit again is refused to a sandboxed service
        folder.mkdir(mode=0o750 if is_shared(above) else 0o700, parents=True, exist_ok=True)
        for each in made:
            sync_folder(each.parent)
        room = os.statvfs(folder)
    except OSError as error:
        raise JournalNotWritable(f"{folder} cannot be used: {error.strerror}.") from error
    free_bytes = room.f_bavail * room.f_frsize
    if free_bytes < min_free_bytes:
        raise JournalNotWritable(
            f"{folder} has {free_bytes // 1_000_000} MB free, "
            f"{min_free_bytes // 1_000_000} MB are needed to begin.",
            cause="The disk is full.",
            action="Free space on that disk, then start again.",
        )


def keep_reserve(folder: Path) -> None:
    """Allocate the reserve file.

    Raises:
        JournalNotWritable: E5003.
    """
    try:
        with (folder / RESERVE_NAME).open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
    except OSError as error:
        raise JournalNotWritable(f"{folder} has no room left: {error.strerror}.") from error


def spend_reserve(folder: Path) -> None:
    """Give the reserve back to the disk; a missing one is no error."""
    (folder / RESERVE_NAME).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make new names in the folder survive a power cut.

    Raises:
        OSError: the disk refused.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class FolderLock:
    """Held by the one process that may write to the folder; the kernel frees it at a crash."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Take the lock at once or not at all.

        Raises:
            AlreadyRunning: E8001, naming the process that holds it.
            JournalNotWritable: E5003.
        """
        path = folder / LOCK_NAME
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalNotWritable(f"{path} cannot be opened: {error.strerror}.") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise AlreadyRunning(f"{folder} is in use by process {holder}.") from error
        lock = cls(fd)
        try:
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError as error:
            lock.release()
            raise JournalNotWritable(f"{path} cannot be written: {error.strerror}.") from error
        return lock

    def release(self) -> None:
        """Give the folder free. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
