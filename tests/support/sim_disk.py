"""A disk that can lose its power, fill up, fail and become read-only under the real journal.

An SQLite VFS over real files (keep them in RAM); the platter beside them knows what was synced.
Modelled: every write, truncation, sync, creation and removal that SQLite does. Not modelled, for it
goes straight to the system: the journal's lock (its content counts for nothing), the reserve file
(but its removal gives room to a full disk) and `-shm` (gone at a power cut). Folders are durable.
What the journal asks of the system about SQLite's files, fsync and dropping of the cache, is caught
in `os` while the disk is there.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from errno import EIO
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, Self, cast
from unittest.mock import patch

import apsw

from controller.record.folder import RESERVE_BYTES, RESERVE_NAME
from tests.support.platter import SECTOR, TRUNCATED, Inode, Platter, folder_of

Kind = Literal["full", "eio_sync", "eio_write", "eio_open", "eio_delete", "eio_read", "read_only"]
Advise = Callable[[int, int, int, int], None]
Operation = Literal["open", "read", "write", "truncate", "sync", "delete"]

_REFUSED: Final[dict[Kind, frozenset[Operation]]] = {
    "full": frozenset({"write"}),
    "eio_sync": frozenset({"sync"}),
    "eio_write": frozenset({"write", "truncate"}),
    "eio_open": frozenset({"open"}),
    "eio_delete": frozenset({"delete"}),
    "eio_read": frozenset({"read"}),
    "read_only": frozenset({"open", "write", "truncate", "delete"}),
}
_CODES: Final[dict[Operation, int]] = {
    "open": apsw.SQLITE_CANTOPEN,
    "read": apsw.SQLITE_IOERR_READ,
    "write": apsw.SQLITE_IOERR_WRITE,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "delete": apsw.SQLITE_IOERR_DELETE,
}
_SYNC_THEIR_FOLDER: Final = (
    apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
"""Files whose first sync, through a handle that may create them, also syncs their folder: SQLite's
own unix VFS does so."""

_numbers = count()


class SimDisk:
    """`with SimDisk(folder, rng) as disk:` registers the VFS `disk.vfs`; close all files before.

    `operations` counts what SQLite did. `on_effect` is called with a fault's kind, or "power_cut",
    at the moment at which an operation is really refused or the power is really gone. Reads are
    seen (and can be failed) only with `watch_reads`, because they cost time.
    """

    def __init__(self, folder: Path, rng: Random, *, watch_reads: bool = False) -> None:
        self.vfs = f"sim-disk-{next(_numbers)}"
        self.folder = folder.resolve()
        self.platter = Platter()
        self.era = 0
        self.fault: Kind | None = None
        self.operations: dict[Operation, int] = dict.fromkeys(_CODES, 0)
        self.refused = 0
        self.power_left: int | None = None
        self.on_effect: Callable[[str], None] = lambda _: None
        self.rng = rng
        self._once = False
        self._skip = 0
        self._reserves: list[str] = []
        self._taken_bytes = 0
        self._file = _WatchedFile if watch_reads else _File
        self._undo = ExitStack()

    def __enter__(self) -> Self:
        vfs = _Vfs(self)
        self._undo.callback(vfs.unregister)
        self._undo.enter_context(patch.object(os, "fsync", self._fsync(os.fsync)))
        advise = self._fadvise(os.posix_fadvise)
        self._undo.enter_context(patch.object(os, "posix_fadvise", advise))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    # --- what can happen to it ------------------------------------------------------------------

    def fail(self, kind: Kind, *, once: bool = False, skip: int = 0) -> None:
        """Refuse operations from now on, or just one; `skip` of those concerned still work.

        A full disk refuses what makes a file longer, until the journal gives its reserve back. A
        sync that fails takes with it what was not synced: the next one will not bring it back.
        """
        self.fault, self._once, self._skip = kind, once, skip
        self._reserves = [str(path) for path in sorted(self.folder.rglob(RESERVE_NAME))]
        self._taken_bytes = 0

    def heal(self) -> None:
        """Work again."""
        self.fault = None

    def power_goes_after(self, operations: int) -> None:
        """The power goes once so many more changes were made: the next ones have no effect.

        Whoever makes them is not told, because nobody is left to be told: let nothing run on that
        could act on it, and call `power_cut` next.
        """
        self.power_left = operations

    def kill(self) -> None:
        """SIGKILL: handles opened before do nothing any more; the system keeps what was written.

        Call it before the dead connections are closed, or closing them does a checkpoint that no
        dead process does.
        """
        self.era += 1

    def power_cut(self) -> None:
        """The files become what a disk would hold; handles opened before are dead (see `kill`)."""
        held = self.platter.outcome(self.rng)
        self.power_left = None
        self.kill()
        for path in self.platter.files.keys() | held.keys():
            for name in (path, f"{path}-shm"):
                with suppress(FileNotFoundError):
                    Path(name).unlink()
        self.platter = Platter()
        for path, content in held.items():
            Path(path).write_bytes(content)
            self.platter.adopt(path, content)
        self.on_effect("power_cut")

    # --- what the VFS asks ------------------------------------------------------------------------

    @property
    def is_dark(self) -> bool:
        """Whether the power is gone at this operation, and with it the operation."""
        if self.power_left is None:
            return False
        self.power_left = max(-1, self.power_left - 1)
        return self.power_left < 0

    def refuses(self, operation: Operation, more_bytes: int = 0) -> bool:
        """Whether the present fault hits this operation, which makes a file that much longer."""
        if self.fault is None or operation not in _REFUSED[self.fault]:
            return False
        if self.fault == "full" and self._has_room(more_bytes):
            return False
        if self._skip > 0:
            self._skip -= 1
            return False
        return True

    def error(self, operation: Operation) -> apsw.Error:
        """Note a refusal; gives the error that SQLite's unix VFS would answer with."""
        kind = self.fault or "gone"
        self.refused += 1
        if self._once:
            self.fault = None
        self.on_effect(kind)
        if kind == "full":
            return apsw.FullError("disk full (simulated)")
        return failure(operation, kind)

    def lose(self, inode: Inode) -> None:
        """A sync failed: what was dirty is forgotten."""
        inode.lose(self.rng)

    def part(self, length: int) -> int:
        """How much of a refused write was written all the same: whole sectors."""
        return SECTOR * self.rng.randrange(length // SECTOR + 1)

    def open(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        """A handle; of a file that can only be read when the disk is read-only."""
        self.operations["open"] += 1
        path = name if isinstance(name, str) else name.filename()
        if self.refuses("open"):
            if self.fault != "read_only" or not Path(path).exists():
                raise self.error("open")
            flags[0] &= ~(apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
            flags[0] |= apsw.SQLITE_OPEN_READONLY
        return self._opened(name, path, flags)

    def _opened(self, name: Any, path: str, flags: list[int]) -> "_File":
        known = self.platter.files.get(path)
        is_new = known is None and not Path(path).exists()
        file = self._file(self, name, flags)
        if known is None:
            known = (
                self.platter.create(path)
                if is_new
                else self.platter.adopt(path, Path(path).read_bytes())
            )
        file.inode = known
        if flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _SYNC_THEIR_FOLDER:
            file.unsynced_folder = folder_of(path)
        return file

    # --- what the journal asks of the system -----------------------------------------------------

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(fd: int) -> None:
            path = _path_of(fd)
            if self.folder in (Path(path), *Path(path).parents):
                self._sync(path)
            else:
                real(fd)

        return fsync

    def _sync(self, path: str) -> None:
        self.operations["sync"] += 1
        inode = self.platter.files.get(path)
        if self.refuses("sync"):
            if inode is not None:
                self.lose(inode)
            raise OSError(EIO, str(self.error("sync")))
        if self.is_dark:
            return
        if inode is not None:
            inode.sync()
        else:
            self.platter.sync_folder(path)

    def _fadvise(self, real: Advise) -> Advise:
        def fadvise(fd: int, offset: int, length: int, advice: int) -> None:
            path = _path_of(fd)
            inode = self.platter.files.get(path)
            if inode is None:
                real(fd, offset, length, advice)
            elif advice == os.POSIX_FADV_DONTNEED and inode.is_forgotten and not inode.pending:
                inode.is_forgotten = False
                Path(path).write_bytes(inode.seen())

        return fadvise

    def _has_room(self, more_bytes: int) -> bool:
        given_back = RESERVE_BYTES * sum(not Path(path).exists() for path in self._reserves)
        if self._taken_bytes + more_bytes > given_back:
            return more_bytes == 0
        self._taken_bytes += more_bytes
        return True


def failure(operation: Operation, why: str) -> apsw.Error:
    """What SQLite's unix VFS answers when the system refuses an operation."""
    kind = apsw.CantOpenError if operation == "open" else apsw.IOError
    error: Any = kind(f"{operation} failed: {why} (simulated)")
    error.extendedresult = _CODES[operation]
    return cast("apsw.Error", error)


def _path_of(fd: int) -> str:
    return str(Path(f"/proc/self/fd/{fd}").readlink())


class _File(apsw.VFSFile):
    inode: Inode

    def __init__(self, disk: SimDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._era = disk.era
        self.unsynced_folder: str | None = None
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        disk = self._disk
        disk.operations["write"] += 1
        if disk.fault is not None or self._era != disk.era or disk.power_left is not None:
            self._judge_write(data, offset)
            if disk.is_dark:
                return
        super().xWrite(data, offset)
        self.inode.pending.append((offset, data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        self._judge("truncate")
        if self._disk.is_dark:
            return
        super().xTruncate(newsize)
        self.inode.pending.append((newsize, TRUNCATED))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        disk = self._disk
        disk.operations["sync"] += 1
        self._live("sync")
        if disk.refuses("sync"):
            disk.lose(self.inode)
            raise disk.error("sync")
        if disk.is_dark:
            return
        self.inode.sync()
        if self.unsynced_folder is not None:
            disk.platter.sync_folder(self.unsynced_folder)
            self.unsynced_folder = None

    def xLock(self, level: int) -> None:  # noqa: N802 - SQLite's name
        self._live("read")
        super().xLock(level)

    def excepthook(self, etype: Any, evalue: Any, etraceback: Any) -> bool:
        """SQLite has the error already; nothing is to be printed."""
        return True

    def _live(self, operation: Operation) -> None:
        if self._era != self._disk.era:
            raise failure(operation, "the process is dead")

    def _judge(self, operation: Operation) -> None:
        self._disk.operations[operation] += 1
        self._live(operation)
        if self._disk.refuses(operation):
            raise self._disk.error(operation)

    def _judge_write(self, data: bytes, offset: int) -> None:
        self._live("write")
        if self._disk.refuses("write", max(0, offset + len(data) - self.xFileSize())):
            part = 0 if self._disk.fault == "read_only" else self._disk.part(len(data))
            if part:
                super().xWrite(data[:part], offset)
                self.inode.pending.append((offset, data[:part]))
            raise self._disk.error("write")


class _WatchedFile(_File):
    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        self._judge("read")
        return super().xRead(amount, offset)


class _Vfs(apsw.VFS):
    def __init__(self, disk: SimDisk) -> None:
        self._disk = disk
        super().__init__(disk.vfs, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return self._disk.open(name, flags)

    def xDelete(self, name: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        disk = self._disk
        disk.operations["delete"] += 1
        if disk.refuses("delete"):
            raise disk.error("delete")
        if disk.is_dark:
            return
        super().xDelete(name, syncdir)
        disk.platter.delete(name)
        if syncdir:
            disk.platter.sync_folder(folder_of(name))

    def excepthook(self, etype: Any, evalue: Any, etraceback: Any) -> bool:
        """SQLite has the error already; nothing is to be printed."""
        return True
