"""Reads and checks a journal folder by docs/journal.md alone: the judge shares no code.

Only the standard library: nothing of the controller, and SQLite in another build than the writer's.
The files are copied before they are opened, because two builds of SQLite in one process undo each
other's locks, and because a judge leaves the evidence as it is. Nobody may write meanwhile.
"""

import hashlib
import json
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Row = Sequence[bytes | None]

LAYOUT = 1
"""The highest `user_version` that this reader knows."""
APPLICATION = 0x4D50454E
RAM = Path("/dev/shm")
COLUMNS = (
    *("seq", "prev_hash", "hash", "host_boot_id", "mono_ns", "wall", "clock_synced"),
    *("session_id", "pen_uid", "kind", "body"),
)
HASH, MONO_NS, KIND, BODY = 2, 4, 9, 10
REFUSAL = "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
TRIGGERS = {
    "no_update": f"CREATE TRIGGER no_update BEFORE UPDATE ON entries {REFUSAL}",
    "no_delete": f"CREATE TRIGGER no_delete BEFORE DELETE ON entries {REFUSAL}",
    "no_replace": "CREATE TRIGGER no_replace BEFORE INSERT ON entries "
    f"WHEN EXISTS (SELECT 1 FROM entries WHERE seq >= NEW.seq) {REFUSAL}",
}
_SELECT = f"SELECT {', '.join(f'CAST({name} AS BLOB)' for name in COLUMNS)} FROM entries"
_NULL = b"\xff\xff\xff\xff"
_FILE = re.compile(r"^journal(?:-([2-9]|[1-9][0-9]+))?\.db$")


class Broken(Exception):
    """The first thing that is wrong with the chain."""


@dataclass(frozen=True)
class Entry:
    """One entry that the chain holds."""

    seq: int
    hash: str
    mono_ns: int
    session_id: str | None
    pen_uid: str | None
    kind: str
    body: Json


@dataclass
class Audit:
    """What the folder holds as far as the chain is whole, and the first thing that is wrong.

    `loose` are guards that the files lack: no entry is changed by that, but one could be.
    """

    files: int = 0
    entries: list[Entry] = field(default_factory=list)
    disowned: int = 0
    first_bad_seq: int | None = None
    problem: str | None = None
    loose: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.problem is None

    @property
    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the last entry that holds."""
        return (self.entries[-1].seq, self.entries[-1].hash) if self.entries else (0, "0" * 64)

    @property
    def problems(self) -> list[str]:
        """All that is wrong, the guards included, as sentences."""
        broken = [] if self.problem is None else [f"entry {self.first_bad_seq}: {self.problem}"]
        return broken + self.loose


def audit(path: Path, *, expected_head: tuple[int, str] | None = None) -> Audit:
    """Read a folder's chain, or one file that begins a chain.

    Raises:
        FileNotFoundError: no journal there.
    """
    files = [path] if path.is_file() else journal_files(path)
    if not files:
        raise FileNotFoundError(f"no journal in {path}")
    found = Audit()
    try:
        books = [_Book.read(file) for file in files]
        if len(books) > 1 and books[-1].unborn:
            books.pop()  # a full disk or a crash cut the making of a successor short
        found.files = len(books)
        for book, after in zip(books, [*books[1:], None], strict=True):
            found.loose += book.loose
            _take_book(found, book, None if after is None else after.named_end, expected_head)
        if expected_head is not None and found.head[0] < expected_head[0]:
            raise Broken("entries are missing at the end")
    except Broken as broken:
        found.first_bad_seq, found.problem = found.head[0] + 1, str(broken)
    return found


def journal_files(folder: Path) -> list[Path]:
    """The files of the chain, oldest first."""
    names = ((_FILE.match(path.name), path) for path in folder.iterdir())
    return [path for _, path in sorted((int(m[1] or 1), path) for m, path in names if m)]


def digest(row: Row) -> bytes:
    """What column `hash` of a row must hold."""
    parts = [b"micropen-journal-1\n"]
    for at, text in enumerate(row):
        if at != HASH:
            parts.append(_NULL if text is None else b"%b%b" % (len(text).to_bytes(4, "big"), text))
    return hashlib.sha256(b"".join(parts)).hexdigest().encode()


def follow(before: tuple[int, str], row: Row) -> Entry:
    """The entry of a row that goes on from `before`.

    Raises:
        Broken: it does not.
    """
    seq = before[0] + 1
    if row[0] != b"%d" % seq:
        raise Broken("an entry is missing or out of order")
    if row[1] != before[1].encode():
        raise Broken("it does not follow the entry before it")
    if row[HASH] != digest(row):
        raise Broken("its content is not what was hashed")
    try:
        body = json.loads(row[BODY] or b"")
        mono_ns = int(_text(row, MONO_NS))
        session, pen, kind = (None if row[at] is None else _text(row, at) for at in (7, 8, 9))
    except ValueError as error:
        raise Broken("it is no text, or its body no JSON") from error
    if not isinstance(body, dict):
        raise Broken("its body is no object")
    return Entry(seq, _text(row, HASH), mono_ns, session, pen, kind or "", body)


def _text(row: Row, at: int) -> str:
    return (row[at] or b"").decode()


class _Book:
    """The rows of one file as far as it can be read, and what its schema lacks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.unborn = False
        self.rows: list[Row] = []
        self.loose: list[str] = []
        self.broken: str | None = None

    @classmethod
    def read(cls, file: Path) -> "_Book":
        book = cls(file.name)
        try:
            with _copy(file) as copy, closing(sqlite3.connect(copy)) as base:
                book._read(base)
        except (sqlite3.Error, Broken, UnicodeDecodeError) as error:
            book.broken = f"{file.name}: {error}"
        return book

    def _read(self, base: sqlite3.Connection) -> None:
        base.execute("PRAGMA synchronous = OFF")
        schema = base.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
        self.unborn = not schema
        ((layout,),) = base.execute("PRAGMA user_version")
        if layout > LAYOUT:
            raise Broken(f"layout {layout} is newer than this reader")
        self.loose = [f"{self.name}: {what}" for what in _loose(base, schema)]
        self.rows.extend(base.execute(f"{_SELECT} ORDER BY seq"))

    @property
    def named_end(self) -> int | None:
        """Where the file before this one ends, by its first entry."""
        try:
            if self.rows and self.rows[0][KIND] == b"journal_opened":
                end = json.loads(self.rows[0][BODY] or b"")["predecessor_seq"]
                return end if isinstance(end, int) else None
        except (ValueError, KeyError, TypeError):
            pass
        return None


def _take_book(found: Audit, book: _Book, end: int | None, head: tuple[int, str] | None) -> None:
    for at, row in enumerate(book.rows):
        if end is not None and found.head[0] >= end:
            found.disowned += len(book.rows) - at
            break
        entry = follow(found.head, row)
        if (entry.kind == "journal_opened") != (at == 0):
            raise Broken("a file begins with its opening entry and has no other")
        if at == 0:
            _check_opening(found, entry.body)
        if head is not None and entry.seq == head[0] and entry.hash != head[1]:
            raise Broken("its hash is not the one that was noted elsewhere")
        found.entries.append(entry)
    if book.broken is not None:
        raise Broken(book.broken)
    if not book.rows:
        raise Broken(f"{book.name} is empty")


def _check_opening(found: Audit, body: Json) -> None:
    """A successor names the file before it and where that ends; the realm is for ever."""
    named = [body.get(f"predecessor_{what}") for what in ("id", "seq", "hash")]
    openings = [entry.body for entry in found.entries if entry.kind == "journal_opened"]
    last = [openings[-1]["journal_id"], *found.head] if openings else [None, None, None]
    if named != last:
        raise Broken("the file does not go on where the one before it ends")
    if any(body.get("realm") != each["realm"] for each in openings):
        raise Broken("the realm changed")


def _loose(base: sqlite3.Connection, schema: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Guards of the file that are not as the page says."""
    ((application,),) = base.execute("PRAGMA application_id")
    if application != APPLICATION:
        yield f"application_id is {application:#x}"
    triggers = {name: " ".join(sql.split()) for kind, name, sql in schema if kind == "trigger"}
    for name in sorted(TRIGGERS.keys() | triggers.keys()):
        if triggers.get(name) != TRIGGERS.get(name):
            yield f"trigger {name} is not the documented one"


@contextmanager
def _copy(file: Path) -> Iterator[Path]:
    """The file with what its write-ahead log holds, taken while nobody writes."""
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as folder:
        copy = Path(folder) / "copy.db"
        for tail in ("", "-wal"):
            if (source := Path(f"{file}{tail}")).exists():
                shutil.copyfile(source, f"{copy}{tail}")
        yield copy
