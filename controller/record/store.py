"""The SQLite side of the journal; the only importer of apsw.

Why apart: apsw's VFS lets tests put the real journal on a disk that fails, and everything that
knows it is on this page. Touches one database file at a time; knows no folder and no chain.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TypeAlias, cast

import apsw

from controller.errors import JournalCorrupt, JournalMissing, JournalNotWritable, JournalTooNew
from controller.record.entry import SCHEMA_VERSION, Entry
from controller.record.layouts import schema

Connection: TypeAlias = apsw.Connection
StoreError: TypeAlias = apsw.Error

WRITE_ERRORS: Final = (apsw.Error, OSError, MemoryError, ValueError, TypeError)
"""What an append can meet, from the disk or from a body that is not JSON; after any of them the
file is given up."""

SYNCHRONOUS_FULL: Final = 2
BUSY_MS: Final = 1_000
CHECKPOINT_PAGES: Final = 1_000
"""WAL pages from which on they are copied into the database: SQLite's own default, 4 MB."""

_NAMES: Final = (
    *("seq", "prev_hash", "hash", "host_boot_id", "mono_ns", "wall", "clock_synced"),
    *("session_id", "pen_uid", "kind", "body"),
)
_COLUMNS: Final = ", ".join((*_NAMES[:-1], "CAST(body AS BLOB)"))
_RAW_COLUMNS: Final = ", ".join(f"CAST({name} AS BLOB)" for name in _NAMES)
_READER_CACHE_KIB: Final = 256
"""Readers go through once, in order: SQLite's usual 2 MB a file would cache for nobody."""

_RAW_CHUNK: Final = 1_000
COPY_CHUNK: Final = 250
"""Entries that are copied at once: some 0.3 MB, which a card takes in less than 0.1 s."""
LONGEST_REST_S: Final = 0.5
"""Between two parts of a copy; a disk that needs longer for a megabyte is dying anyhow."""
_LOWEST: Final = -(2**63)
"""A forged entry may stand before the first."""

_INSERT: Final = f"INSERT INTO entries VALUES ({', '.join('?' * len(_NAMES))})"

_Row = tuple[int, str, str, str, int, str, int | None, str | None, str | None, str, bytes]
RawRow = tuple[bytes | None, ...]
Beat: TypeAlias = Callable[[], None]
"""Says that something long goes on: to whoever would end what hangs."""


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Number what SQLite and the system say about a file that is opened for writing.

    Raises:
        JournalCorrupt: E5004. JournalNotWritable: E5003.
    """
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError) as error:
        raise JournalCorrupt(f"{file} cannot be read as a journal: {error}.") from error
    except (apsw.Error, OSError) as error:
        raise JournalNotWritable(f"{file} cannot be written: {error}.") from error


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Number what SQLite says about a file that is only read.

    Raises:
        JournalCorrupt: E5004. JournalMissing: E5001.
    """
    try:
        yield
    except (apsw.CantOpenError, apsw.BusyError) as error:
        raise JournalMissing(f"{file} cannot be opened: {error}.") from error
    except (apsw.Error, UnicodeDecodeError) as error:
        raise JournalCorrupt(f"{file} cannot be read as a journal: {error}.") from error


def connect(file: Path, vfs: str | None) -> Connection:
    """Open for writing as durably as SQLite can, and believe only what it answers.

    Raises:
        JournalCorrupt: E5004. JournalNotWritable: E5003.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with ExitStack() as undo, writing(file):
        connection = apsw.Connection(str(file), flags=flags, vfs=vfs)
        undo.callback(discard, connection)
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "FULL")
        connection.pragma("cell_size_check", 1)
        connection.set_wal_hook(_checkpoint)
        if durability(connection) != ("wal", SYNCHRONOUS_FULL):
            raise JournalNotWritable(f"{file} cannot be written durably.")
        undo.pop_all()
    return connection


def _checkpoint(connection: Connection, database: str, pages: int) -> int:
    """After a commit: what SQLite does by itself, but an error is heard and fails the commit.

    SQLite's own hook ignores it, and tries the same file again at the next commit.
    """
    if pages >= CHECKPOINT_PAGES:
        with suppress(apsw.BusyError):  # somebody else is doing one
            connection.wal_checkpoint(database)
    return apsw.SQLITE_OK


def settle(file: Path) -> None:
    """Make true what a dead process left in the file's WAL, before anybody builds on it.

    The kernel may still hold a commit that was never synced: it is synced now. And it may show one
    whose fsync failed, which no later fsync writes: dropped from its cache, the WAL is read from
    the disk. The database file needs neither, for until it is synced the WAL holds all of it too
    (and closing it would take the locks of this process's readers away).

    Raises:
        OSError: the disk refused.
    """
    with suppress(FileNotFoundError):
        fd = os.open(f"{file}-wal", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(fd)


def durability(connection: Connection) -> tuple[str, int]:
    """`PRAGMA journal_mode` and `PRAGMA synchronous` as SQLite has them now."""
    mode = str(connection.pragma("journal_mode"))
    return mode, int(connection.pragma("synchronous"))


def is_new(connection: Connection) -> bool:
    """No table yet: a fresh file, or one whose creation a crash cut short."""
    return not connection.execute("SELECT 1 FROM sqlite_schema").fetchall()


def is_unborn(file: Path, vfs: str | None = None) -> bool:
    """Whether a file's making was cut short before it held anything.

    Raises:
        apsw.Error: it cannot be read.
    """
    connection = connect_read_only(file, vfs)
    try:
        return is_new(connection)
    finally:
        close(connection)


def create(connection: Connection, first: Entry) -> None:
    """Write this program's schema and the first entry in one transaction.

    Raises:
        apsw.Error: it could not be committed.
    """
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(schema(SCHEMA_VERSION))
    connection.execute(_INSERT, _row(first))
    connection.execute("COMMIT")


def insert(connection: Connection, entries: Sequence[Entry]) -> None:
    """Commit the entries in one transaction; on the disk when this returns.

    Raises:
        apsw.Error, OSError, MemoryError: nothing is known about these entries.
    """
    connection.execute("BEGIN IMMEDIATE")
    for entry in entries:
        connection.execute(_INSERT, _row(entry))
    connection.execute("COMMIT")


def give_up(connection: Connection) -> None:
    """Make sure that closing does not checkpoint: one more write to a file that failed."""
    with suppress(apsw.Error):
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)


def discard(connection: Connection) -> None:
    """Close a file that is not to be written any more, not even by a checkpoint."""
    give_up(connection)
    close(connection)


def close(connection: Connection) -> None:
    """Close, whatever SQLite has to say: what counts was committed, or failed, before."""
    with suppress(apsw.Error, OSError):
        connection.close(True)


def connect_read_only(file: Path, vfs: str | None = None) -> Connection:
    """A connection that cannot write.

    A file without a -wal beside it, on a disk where none can be made, is read as immutable.

    Raises:
        apsw.Error: it cannot be opened.
        JournalMissing: E5001.
    """
    if not file.is_file():
        raise JournalMissing(f"There is no file {file}.")
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
    connection.set_busy_timeout(BUSY_MS)
    try:
        connection.pragma("cache_size", -_READER_CACHE_KIB)
        connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        close(connection)
        if Path(f"{file}-wal").exists():
            raise
        uri = f"{file.absolute().as_uri()}?immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(uri, flags=flags, vfs=vfs)
    return connection


def copy(source: Path, target: Path, beat: Beat = lambda: None) -> None:
    """Make `target` a file of its own with every entry of `source`, in the source's own layout.

    Whoever writes to `source` goes on. `beat` is called after each part.

    Little by little, with as long a rest after each part as it took: to sync all of it at once
    would hold the journal's own fsync up, and the pen with it. No entry ever changes, so they need
    not be read at one moment; those that come meanwhile are left out.

    Raises:
        apsw.Error, OSError: one of the two cannot be read or written.
        JournalMissing: E5001. JournalTooNew: E5002.
    """
    names = ", ".join(_NAMES)
    sql = f"SELECT {names} FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT {COPY_CHUNK}"
    with ExitStack() as undo:
        origin = connect_read_only(source)
        undo.callback(close, origin)
        check_version(origin, source)
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        made = apsw.Connection(str(target), flags=flags)
        undo.callback(close, made)
        made.pragma("journal_mode", "off")  # half a copy is thrown away anyhow
        made.pragma("synchronous", "FULL")
        made.execute(schema(layout_of(origin)))
        last_seq = origin.execute("SELECT max(seq) FROM entries").get
        next_seq = _LOWEST
        while rows := origin.execute(sql, (next_seq, last_seq)).fetchall():
            began_s = monotonic()
            with made:
                made.executemany(_INSERT, rows)
            next_seq = cast("int", rows[-1][0]) + 1
            beat()
            sleep(min(monotonic() - began_s, LONGEST_REST_S))


def layout_of(connection: Connection) -> int:
    """The layout that a file was made with. Layouts begin with 1: less is damage, and read as 1."""
    return max(1, int(connection.pragma("user_version")))


def fold_in(file: Path, vfs: str | None = None) -> None:
    """Put all of a closed file's -wal into the file itself, so that it is whole by itself.

    Raises:
        JournalCorrupt: E5004. JournalNotWritable: E5003, also when a reader is in the way.
    """
    connection = connect(file, vfs)
    try:
        with writing(file):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        close(connection)


def check_version(connection: Connection, file: Path) -> None:
    """Refuse a layout that this version does not know.

    Raises:
        JournalTooNew: E5002.
    """
    found = layout_of(connection)
    if found > SCHEMA_VERSION:
        raise JournalTooNew(f"{file} has schema {found}; this version knows {SCHEMA_VERSION}.")


def select(
    connection: Connection, where: str, values: Sequence[int | str], limit: int
) -> list[Entry]:
    """Entries in order, in one read transaction; `limit` -1 is none.

    Raises:
        apsw.Error, UnicodeDecodeError: the file is damaged.
    """
    sql = f"SELECT {_COLUMNS} FROM entries WHERE {where} LIMIT {limit}"
    return [_entry(cast("_Row", row)) for row in connection.execute(sql, values).fetchall()]


def raw_rows(file: Path, vfs: str | None = None) -> Iterator[RawRow]:
    """All rows of one file as stored text in bytes, also those that a successor disowned.

    Raises:
        apsw.Error: the file is damaged; the rows before the damage were given.
        JournalTooNew: E5002.
    """
    sql = f"SELECT {_RAW_COLUMNS} FROM entries WHERE seq >= ? ORDER BY seq LIMIT {_RAW_CHUNK}"
    connection = connect_read_only(file, vfs)
    next_seq = _LOWEST
    try:
        check_version(connection, file)
        while rows := connection.execute(sql, (next_seq,)).fetchall():
            yield from cast("list[RawRow]", rows)
            next_seq = int(cast("bytes", rows[-1][0])) + 1
    finally:
        connection.close()


def _row(entry: Entry) -> tuple[int | str | None, ...]:
    return (
        entry.seq,
        entry.prev_hash,
        entry.hash,
        entry.host_boot_id,
        entry.mono_ns,
        entry.wall,
        entry.clock_synced,
        entry.session_id,
        entry.pen_uid,
        entry.kind,
        entry.body_json.decode(),
    )


def _entry(row: _Row) -> Entry:
    known = None if row[6] is None else bool(row[6])
    return Entry(*row[:6], known, *row[7:])
