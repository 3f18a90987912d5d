"""An SQLite VFS whose disk can be told to fail, so that the real journal meets real errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import apsw

_names = count()


class FaultyDisk:
    """Counts writes and syncs of database and WAL; fails them from a chosen one on.

    `fail_write_at` and `fail_sync_at` count from 1; None means never. `once` heals after one
    failure, as a disk may: the journal must not be tempted by it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.writes = 0
        self.syncs = 0
        self.fail_write_at: int | None = None
        self.fail_sync_at: int | None = None
        self.once = False
        self.failures = 0

    def on_write(self) -> None:
        self.writes += 1
        self._maybe_fail(self.writes, self.fail_write_at, apsw.FullError("disk full (test)"))

    def on_sync(self) -> None:
        self.syncs += 1
        self._maybe_fail(self.syncs, self.fail_sync_at, apsw.IOError("fsync failed (test)"))

    def _maybe_fail(self, number: int, fail_at: int | None, error: apsw.Error) -> None:
        if fail_at is None or number < fail_at or (self.once and self.failures):
            return
        self.failures += 1
        raise error


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, filename: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", filename, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.on_write()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.on_sync()
        super().xSync(flags)

    def excepthook(self, etype: Any, evalue: Any, etraceback: Any) -> bool:
        """SQLite has the error already; nothing is to be printed."""
        return True


class _Vfs(apsw.VFS):
    def __init__(self, disk: FaultyDisk) -> None:
        self._disk = disk
        super().__init__(disk.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _File(self._disk, name, flags)


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    """A registered VFS; pass `disk.name` to `Journal.open`. Close the journal before leaving."""
    disk = FaultyDisk(f"faulty-{next(_names)}")
    vfs = _Vfs(disk)
    try:
        yield disk
    finally:
        vfs.unregister()
