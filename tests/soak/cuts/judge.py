"""Reads what a power cut left, by docs/journal.md alone, and compares it with what was promised.

Shares nothing with the controller: the standard library's SQLite and hashlib. Unlike the auditor it
opens the files where they are, for they are thrown away, and remembers the digests of rows.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

from tests.soak.cuts.record import MADE_BY_THE_JOURNAL, Promise, Said
from tests.support.auditor import (
    APPLICATION,
    BODY,
    COLUMNS,
    HASH,
    KIND,
    TRIGGERS,
    Row,
    digest,
    journal_files,
)

NOTHING = "0" * 64
MOST_REMEMBERED = 5_000
_SELECT = f"SELECT {', '.join(f'CAST({name} AS BLOB)' for name in COLUMNS)} FROM entries"


class Judge:
    """Finds what is wrong with a folder."""

    def __init__(self) -> None:
        self.read = 0
        self._digests: dict[Row, bytes] = {}

    def problems(
        self, folder: Path, before: Promise, after: Promise, own: Sequence[Said]
    ) -> list[str]:
        """What is wrong after a recovery.

        `before` was promised when the power went, `after` when the recovery was done; `own` are
        the entries that it added at the end.
        """
        files = [_rows(file) for file in journal_files(folder)]
        if len(files) > 1 and not files[-1][0]:
            files.pop()  # a successor that was never begun
        problems = [what for _, loose in files for what in loose]
        chain = list(self._chain([rows for rows, _ in files]))
        self.read += len(chain)
        problems += self._broken(chain)
        problems += _lost(chain, after)
        problems += _invented(chain[len(before.acked) :], before, own)
        return problems

    def _chain(self, files: Sequence[Sequence[Row]]) -> Iterator[Row]:
        """The rows of all files up to where each successor says that they end."""
        ends = [_named_end(rows) for rows in files[1:]]
        for rows, end in zip_longest(files, ends):
            for row in rows:
                if end is None or int(row[0] or b"0") <= end:
                    yield row

    def _broken(self, chain: Sequence[Row]) -> Iterator[str]:
        before = NOTHING.encode()
        for seq, row in enumerate(chain, start=1):
            if row[0] != b"%d" % seq:
                yield f"entry {seq} is missing or out of order"
            if row[1] != before:
                yield f"entry {seq} does not follow the one before it"
            if row[HASH] != self._digest(row):
                yield f"entry {seq} is not what was hashed"
            before = row[HASH] or b""

    def _digest(self, row: Row) -> bytes:
        known = self._digests.get(row)
        if known is None:
            if len(self._digests) > MOST_REMEMBERED:
                self._digests.clear()
            known = self._digests[row] = digest(row)
        return known


def _rows(file: Path) -> tuple[list[Row], list[str]]:
    """All rows of a file, and the guards that it lacks."""
    readable = f"file:{file}?mode=ro"  # no checkpoint at the end: nobody needs the file again
    with closing(sqlite3.connect(readable, uri=True, isolation_level=None)) as base:
        schema = base.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
        if not schema:
            return [], []
        triggers = {name: " ".join(sql.split()) for kind, name, sql in schema if kind == "trigger"}
        loose = [] if triggers == TRIGGERS else [f"{file.name}: triggers are {sorted(triggers)}"]
        if base.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
            loose.append(f"{file.name}: not marked as a journal")
        return base.execute(f"{_SELECT} ORDER BY seq").fetchall(), loose


def _named_end(rows: Sequence[Row]) -> int:
    return int(json.loads(rows[0][BODY] or b"")["predecessor_seq"])


def _lost(chain: Sequence[Row], promise: Promise) -> Iterator[str]:
    for seq, wanted in enumerate(promise.acked, start=1):
        found = chain[seq - 1][HASH] if seq <= len(chain) else None
        if found != wanted.encode():
            yield f"acknowledged entry {seq} is lost"


def _invented(rest: Sequence[Row], promise: Promise, own: Sequence[Said]) -> Iterator[str]:
    """After what was acknowledged: one of the groups that were handed in, wholly, or none; a new
    file's first entry, if the recovery made one; then its own."""
    told = [(row[KIND], row[BODY]) for row in rest]
    for group in ((), *promise.offered):
        for opening in ((), (MADE_BY_THE_JOURNAL,)):
            wanted = [*group, *opening, *own]
            if len(wanted) == len(told) and all(map(_is, told, wanted)):
                return
    yield f"entries that nobody handed in: {[kind for kind, _ in told]}"


def _is(told: tuple[bytes | None, bytes | None], said: Said) -> bool:
    kind, body = said
    return told[0] == kind.encode() and body in (None, told[1])
