"""Reads the journal while another process writes it: short reads, no lock held between them.

Why apart from journal.py: telemetry, export and the command line read without ever being able to
write, and without paying for the models of the bodies. Touches the files read-only.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from controller.errors import JournalCorrupt, JournalMissing
from controller.record import store
from controller.record.entry import ZERO_HASH, Entry
from controller.record.folder import journal_files

CHUNK: Final = 500
"""Entries a single read transaction fetches at most, so that it never holds back a checkpoint."""

FREQUENT_KINDS: Final = frozenset({"strokes", "health_seen"})
"""Kinds that the index leaves out, because they are nearly all entries."""

Realm = Literal["treatment", "training"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who a journal file says it is in its first entry. Ids are 16 hex digits.

    layout: with which of layouts.py it was made.
    """

    journal_id: str
    realm: Realm
    host_id: str
    layout: int
    predecessor_seq: int | None = None
    predecessor_hash: str | None = None


@dataclass(slots=True)
class Segment:
    """One file of the chain: entries first_seq..last_seq (None: as many as it has)."""

    file: Path
    connection: store.Connection
    origin: Origin
    first_seq: int
    last_seq: int | None = None

    def select(self, where: str, values: Sequence[int | str], limit: int = -1) -> list[Entry]:
        """Entries of this segment; raises JournalCorrupt (E5004)."""
        if self.last_seq is not None:
            where = f"{where} AND seq <= {self.last_seq}"
        with store.reading(self.file):
            return store.select(self.connection, f"{where} ORDER BY seq", values, limit)

    def newest(self) -> Entry | None:
        """The last entry of this segment; raises JournalCorrupt (E5004)."""
        bound = 2**63 - 1 if self.last_seq is None else self.last_seq
        with store.reading(self.file):
            found = store.select(self.connection, "seq <= ? ORDER BY seq DESC", (bound,), 1)
        return found[0] if found else None


class JournalReader:
    """One chain of entries over all files of a folder, or over one file alone.

    Not safe for use by two threads at once.
    """

    def __init__(self, path: Path, *, vfs: str | None = None, durable_only: bool = False) -> None:
        """Open for reading.

        With `durable_only` each file is settled as it is opened, so that nothing is shown that a
        power cut could still take away: for whoever passes entries on.

        Raises:
            JournalMissing: E5001. JournalTooNew: E5002. JournalCorrupt: E5004.
        """
        self.path = path
        self._vfs = vfs
        self._durable_only = durable_only
        self._segments: list[Segment] = []
        self._refresh()
        if not self._segments:
            raise JournalMissing(f"There is no journal in {path}.")

    @property
    def segments(self) -> Sequence[Segment]:
        """The files of the chain, oldest first."""
        return self._segments

    @property
    def realm(self) -> Realm:
        """What the journal is for; the same in all its files."""
        return self._segments[0].origin.realm

    @property
    def chain_id(self) -> str:
        """Id of the first file: the name under which the sequence numbers count."""
        return self._segments[0].origin.journal_id

    @property
    def host_id(self) -> str:
        """Id of the host as pens know it, 16 hex digits."""
        return self._segments[-1].origin.host_id

    def journal_id(self, seq: int) -> str:
        """Id of the file that holds this sequence number."""
        holders = [s for s in self._segments if s.first_seq <= seq]
        return (holders or self._segments)[-1].origin.journal_id

    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the newest entry."""
        self._refresh()
        newest = self._segments[-1].newest()
        return (0, ZERO_HASH) if newest is None else (newest.seq, newest.hash)

    def entries(self, from_seq: int = 1, limit: int | None = None) -> Iterator[Entry]:
        """Entries in order from `from_seq` on, at most `limit`."""
        left = limit
        while left is None or left > 0:
            chunk = self.chunk(from_seq, CHUNK if left is None else min(CHUNK, left))
            yield from chunk
            if not chunk:
                return
            from_seq = chunk[-1].seq + 1
            left = None if left is None else left - len(chunk)

    def chunk(self, from_seq: int, limit: int) -> list[Entry]:
        """Up to `limit` entries from `from_seq` on, all out of one file, in one short read."""
        self._refresh()
        for segment in self._segments:
            if segment.last_seq is None or segment.last_seq >= from_seq:
                found = segment.select("seq >= ?", (from_seq,), limit)
                if found:
                    return found
        return []

    def of_kinds(self, *kinds: str) -> Iterator[Entry]:
        """All entries of these kinds in order; quick for all but the frequent kinds."""
        self._refresh()
        for segment in self._segments:
            yield from segment.select(_where_kinds(kinds), kinds)

    def newest(self, kind: str, pen_uid: str | None = None) -> Entry | None:
        """The newest entry of a rare kind, of one pen if it is named."""
        found = [e for e in self.of_kinds(kind) if pen_uid in {None, e.pen_uid}]
        return found[-1] if found else None

    def close(self) -> None:
        """Close all files."""
        for segment in self._segments:
            store.close(segment.connection)
        self._segments.clear()

    def _refresh(self) -> None:
        files = self._files()
        for file in files[len(self._segments) :]:
            segment = _open_segment(file, self._vfs, durable_only=self._durable_only)
            if segment is None:
                return
            if self._segments:
                self._segments[-1].last_seq = segment.origin.predecessor_seq
            self._segments.append(segment)

    def _files(self) -> list[Path]:
        if self.path.is_file():
            return [self.path]
        try:
            return journal_files(self.path) if self.path.is_dir() else []
        except OSError as error:
            raise JournalMissing(
                f"{self.path} cannot be listed: {error.strerror}.",
                cause="The system refuses it: no right to read it, or no file descriptor left.",
            ) from error


def _where_kinds(kinds: Sequence[str]) -> str:
    """Repeats the partial index's own condition, by which SQLite knows that it may use it."""
    chosen = f"kind IN ({', '.join('?' * len(kinds))})"
    if FREQUENT_KINDS & set(kinds):
        return chosen
    return f"kind NOT IN ('strokes', 'health_seen') AND {chosen}"


def _open_segment(file: Path, vfs: str | None, *, durable_only: bool) -> Segment | None:
    """The file's segment; None while its writer has not committed the first entry."""
    with ExitStack() as undo, store.reading(file):
        if durable_only:
            _settle(file)
        connection = store.connect_read_only(file, vfs)
        undo.callback(store.close, connection)
        if store.is_new(connection):
            return None
        if durable_only:
            # The look above may have been the first one after a writer died just now. From here
            # on this connection is one, and a live writer shows a commit only once it is synced.
            _settle(file)
        store.check_version(connection, file)
        first = store.select(connection, "true ORDER BY seq", (), 1)
        if not first:
            raise JournalCorrupt(f"{file} has lost its first entry.")
        segment = _segment(file, connection, first[0])
        undo.pop_all()
    return segment


def _settle(file: Path) -> None:
    try:
        store.settle(file)
    except OSError as error:
        raise JournalMissing(
            f"{file} cannot be made durable: {error.strerror}.",
            cause="The disk refuses it, or this process may not read the file.",
        ) from error


def _segment(file: Path, connection: store.Connection, first: Entry) -> Segment:
    try:
        opened = json.loads(first.body_json)
        origin = Origin(
            opened["journal_id"],
            opened["realm"],
            opened["host_id"],
            int(opened["schema_version"]),
            opened["predecessor_seq"],
            opened["predecessor_hash"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise JournalCorrupt(f"The first entry of {file} is damaged.", first.seq) from error
    return Segment(file, connection, origin, first.seq)
