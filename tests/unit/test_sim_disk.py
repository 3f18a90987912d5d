"""The simulated disk: it refuses what it is told to, says so, and dies as hardware does."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import apsw
import pytest

from controller.record.folder import RESERVE_NAME, keep_reserve, spend_reserve
from tests.support.sim_disk import Kind, SimDisk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SimDisk]:
    with SimDisk(tmp_path, Random(1), watch_reads=True) as found:
        yield found


@pytest.fixture
def base(disk: SimDisk) -> Iterator[apsw.Connection]:
    """A table in WAL mode, with one row that is on the disk."""
    connection = opened(disk)
    connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    yield connection
    disk.heal()
    connection.close()


def opened(disk: SimDisk) -> apsw.Connection:
    connection = apsw.Connection(str(disk.folder / "base.db"), vfs=disk.vfs)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    return connection


def count(connection: apsw.Connection) -> int:
    return len(connection.execute("SELECT x FROM t").fetchall())


def insert(connection: apsw.Connection) -> None:
    connection.execute("INSERT INTO t VALUES (randomblob(5000))")


def insert_many(connection: apsw.Connection) -> None:
    for _ in range(200):
        insert(connection)


def drop(connection: apsw.Connection) -> None:
    """Close, whatever the disk has to say."""
    with suppress(apsw.Error):
        connection.close()


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("eio_sync", apsw.IOError, apsw.SQLITE_IOERR_FSYNC),
        ("eio_write", apsw.IOError, apsw.SQLITE_IOERR_WRITE),
        ("read_only", apsw.IOError, apsw.SQLITE_IOERR_WRITE),
        ("full", apsw.FullError, apsw.SQLITE_FULL),
    ],
)
def test_a_fault_refuses_and_says_so(
    disk: SimDisk, base: apsw.Connection, kind: Kind, error: type[apsw.Error], code: int
) -> None:
    heard: list[str] = []
    disk.on_effect = heard.append
    disk.fail(kind)
    assert heard == []
    with pytest.raises(error) as caught:
        insert(base)
    assert vars(caught.value).get("extendedresult", code) == code
    assert heard == [kind] * disk.refused
    disk.heal()
    insert(base)
    assert count(base) == 2


def test_once_is_once_and_skip_lets_pass(disk: SimDisk, base: apsw.Connection) -> None:
    disk.fail("eio_sync", once=True, skip=1)
    insert(base)
    with pytest.raises(apsw.IOError):
        insert(base)
    insert(base)
    assert (disk.refused, count(base)) == (1, 3)


def test_reads_fail_when_they_are_watched(disk: SimDisk, base: apsw.Connection) -> None:
    disk.fail("eio_read", once=True)
    with pytest.raises(apsw.IOError):
        opened(disk)
    assert disk.refused == 1
    opened(disk).close()


def test_a_read_only_disk_opens_for_reading(disk: SimDisk, base: apsw.Connection) -> None:
    disk.fail("read_only")
    other = apsw.Connection(str(disk.folder / "base.db"), vfs=disk.vfs)
    assert count(other) == 1
    with pytest.raises(apsw.ReadOnlyError):
        insert(other)
    with pytest.raises(apsw.CantOpenError):
        apsw.Connection(str(disk.folder / "new.db"), vfs=disk.vfs).execute("CREATE TABLE t (x)")
    disk.heal()
    other.close()


def test_a_full_disk_has_room_for_what_the_reserve_gives_back(
    disk: SimDisk, base: apsw.Connection
) -> None:
    keep_reserve(disk.folder)
    disk.fail("full")
    with pytest.raises(apsw.FullError):
        insert(base)
    spend_reserve(disk.folder)
    assert not (disk.folder / RESERVE_NAME).exists()
    insert(base)
    with pytest.raises(apsw.FullError):
        insert_many(base)  # a megabyte, in rows of two pages
    assert 50 < count(base) < 200


def test_a_power_cut_keeps_what_was_synced_and_ends_all_handles(
    disk: SimDisk, base: apsw.Connection
) -> None:
    heard: list[str] = []
    disk.on_effect = heard.append
    insert(base)
    disk.power_cut()
    assert heard == ["power_cut"]
    with pytest.raises(apsw.IOError):
        insert(base)
    base.close()
    again = opened(disk)
    assert count(again) == 2
    again.close()


def test_after_the_power_went_nothing_has_any_effect(disk: SimDisk, base: apsw.Connection) -> None:
    disk.power_goes_after(1)
    insert(base)
    assert disk.platter.unsynced == 1
    disk.power_cut()
    base.close()
    again = opened(disk)
    assert count(again) == 1
    again.close()


def test_a_killed_process_does_no_checkpoint(disk: SimDisk, base: apsw.Connection) -> None:
    insert(base)
    before = (disk.folder / "base.db").read_bytes()
    disk.kill()
    drop(base)
    assert (disk.folder / "base.db").read_bytes() == before
    again = opened(disk)
    assert count(again) == 2
    again.close()


def test_what_a_failed_sync_lost_is_seen_until_the_cache_is_dropped(
    disk: SimDisk, base: apsw.Connection
) -> None:
    wal = disk.folder / "base.db-wal"
    disk.fail("eio_sync", once=True)
    with pytest.raises(apsw.IOError):
        insert(base)
    seen = wal.read_bytes()
    fd = os.open(wal, os.O_RDONLY)
    os.fsync(fd)
    assert wal.read_bytes() == seen
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    assert wal.read_bytes() == bytes(disk.platter.files[str(wal)].durable) != seen


def test_the_system_is_itself_again_without_the_disk(tmp_path: Path) -> None:
    before = os.fsync, os.posix_fadvise
    with SimDisk(tmp_path, Random(1)):
        assert os.fsync is not before[0]
        with (tmp_path / "other").open("w") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_NORMAL)
            os.fsync(file.fileno())
    assert (os.fsync, os.posix_fadvise) == before


def test_a_removal_that_fails_leaves_the_file(disk: SimDisk, base: apsw.Connection) -> None:
    disk.fail("eio_delete")
    drop(base)
    assert disk.refused == 1
    assert (disk.folder / "base.db-wal").exists()


def test_an_open_that_fails_makes_no_file(disk: SimDisk) -> None:
    disk.fail("eio_open")
    with pytest.raises(apsw.CantOpenError):
        apsw.Connection(str(disk.folder / "new.db"), vfs=disk.vfs)
    assert not (disk.folder / "new.db").exists()
