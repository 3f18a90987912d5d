"""One chain of entries as an archive keeps it: JSON lines, synced before anybody is told.

Why JSON lines: they can be read for decades with nothing but a text editor. Every hash is worked
out anew on the way in and at every start. Touches one file.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec

from controller.errors import ArchiveDamaged, ArchiveNotWritable
from controller.record.chain_index import ChainIndex, Offer
from controller.record.entry import chain_hash
from controller.record.folder import sync_folder
from controller.record.incoming import NotAMessage, read_message

INTEGER_MAX: Final = 2**63 - 1
"""SQLite's: no journal has greater numbers."""


class EntryView(msgspec.Struct, frozen=True):
    """An entry as it came; the body byte for byte."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=INTEGER_MAX)]
    prev_hash: str
    hash: str
    host_boot_id: str
    mono_ns: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]
    wall: str
    clock_synced: bool | None
    session_id: str | None
    pen_uid: str | None
    kind: str
    body: msgspec.Raw

    @property
    def is_genuine(self) -> bool:
        """Whether the content is what was hashed."""
        stamp = (self.host_boot_id, self.mono_ns, self.wall, self.clock_synced)
        owner = (self.session_id, self.pen_uid)
        body = bytes(self.body)
        return chain_hash(self.prev_hash, self.seq, stamp, owner, self.kind, body) == self.hash


class BatchView(msgspec.Struct, frozen=True):
    """A batch as it came; entries undecoded, so that they are kept byte for byte."""

    schema_version: int
    chain_id: str
    journal_id: str
    realm: str
    entries: list[msgspec.Raw]


class LineView(msgspec.Struct, frozen=True):
    """What is needed of a line of the archive's own file."""

    entry: EntryView


class ChainFile:
    """One chain in one file: `<chain_id>.jsonl`, one entry a line, in the order of arrival.

    Raises:
        ArchiveNotWritable: E6005. ArchiveDamaged: E6006.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file; a last line that a crash cut short is taken off."""
        self.path = path
        self.index = ChainIndex()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Without a buffer: what a full disk refused must not be tried again at the closing.
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise ArchiveNotWritable(f"{path} cannot be opened: {error.strerror}.") from error
        with ExitStack() as undo:
            undo.callback(self._file.close)
            self._load()
            undo.pop_all()

    def _load(self) -> None:
        """Take what is there, and sync it: whoever wrote it may have been killed before that."""
        whole = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self._take_line(number, line)
        self._bytes = whole
        with self._writing():
            self._file.truncate(whole)
            os.fsync(self._file.fileno())
            sync_folder(self.path.parent)

    def _take_line(self, number: int, line: bytes) -> None:
        try:
            entry = read_message(line, LineView).entry
        except NotAMessage as error:
            raise ArchiveDamaged(f"Line {number} of {self.path} cannot be read.") from error
        genuine = entry.is_genuine
        if (
            not genuine
            or self.index.offer(entry.seq, entry.prev_hash, entry.hash) is Offer.CONFLICT
        ):
            raise ArchiveDamaged(f"Line {number} of {self.path} is not what was received.")

    def keep(self, batch: BatchView) -> int:
        """Write what is new of a batch and sync it; gives the number of conflicts, not written.

        Raises:
            ArchiveNotWritable: E6005.
            NotAMessage: an entry is none; nothing of the batch is kept.
        """
        # All are read before the first is held: a batch with one bad entry must leave no trace.
        entries = [read_message(raw, EntryView) for raw in batch.entries]
        lines, conflicts = [], 0
        for raw, entry in zip(batch.entries, entries, strict=True):
            offer = Offer.CONFLICT
            if entry.is_genuine and _is_one_line(bytes(raw)):
                offer = self.index.offer(entry.seq, entry.prev_hash, entry.hash)
            conflicts += offer is Offer.CONFLICT
            if offer is Offer.NEW:
                lines.append(_line(batch, bytes(raw)))
        self._write(b"".join(lines))
        return conflicts

    def _write(self, data: bytes) -> None:
        if not data:
            return
        with self._writing():
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        self._bytes += len(data)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Number what the system says, and take back what is not known to be on the disk.

        After an fsync that failed, the next start would else read lines out of the cache that no
        disk has, and acknowledge them.
        """
        try:
            yield
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._bytes)
            raise ArchiveNotWritable(f"{self.path}: {error.strerror}.") from error

    def close(self) -> None:
        """Close the file; everything in it is on the disk already."""
        self._file.close()


def _is_one_line(raw: bytes) -> bool:
    """JSON may break lines between its fields; in a file of lines that would tear the entry."""
    return b"\n" not in raw


def _line(batch: BatchView, entry: bytes) -> bytes:
    head = msgspec.json.encode({"journal_id": batch.journal_id, "realm": batch.realm})
    return b'%s,"entry":%s}\n' % (head[:-1], entry)
