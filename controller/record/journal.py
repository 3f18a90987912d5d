"""The journal: the one place that writes what happened, and never writes over it.

Why: nothing moves that is not first on the disk (design, idea 4). SQLite in WAL mode with
synchronous=FULL; triggers refuse UPDATE and DELETE; every entry is chained to the one before. After
any error the file is given up for good and a successor names its last good entry. Touches the
journal's folder and nothing else.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Self

from controller.clock import Clock
from controller.errors import JournalTooOld, JournalWriteFailed
from controller.record import store
from controller.record.entry import SCHEMA_VERSION, ZERO_HASH, Draft, Entry, chain_hash
from controller.record.events import JournalOpened
from controller.record.folder import (
    MIN_FREE_BYTES,
    FolderLock,
    file_mode,
    journal_files,
    keep_reserve,
    next_file,
    prepare_folder,
    spend_reserve,
    sync_folder,
)
from controller.record.opening import first_words, history
from controller.record.reader import JournalReader, Origin, Realm
from controller.record.stamp import Stamper


def random_id() -> str:
    """A fresh 64-bit id in 16 hex digits, never zero."""
    return f"{secrets.randbits(64) | 1:016x}"


class Journal:
    """The newest file of a journal folder, open for appending by exactly one process.

    `append` is for one thread at a time; `head`, `failed` and `entries` may be used from any.
    """

    def __init__(
        self,
        path: Path,
        connection: store.Connection,
        stamper: Stamper,
        origin: Origin,
        head: tuple[int, str],
        vfs: str | None,
    ) -> None:
        """Wrap an open file; everybody else calls `open`."""
        self.path = path
        self.folder = path.parent
        self.origin = origin
        self.failed: JournalWriteFailed | None = None
        self._connection = connection
        self._stamper = stamper
        self._head = head
        self._vfs = vfs
        self._lock: FolderLock | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        clock: Clock,
        *,
        realm: Realm,
        vfs: str | None = None,
        stamper: Stamper | None = None,
        new_id: Callable[[], str] = random_id,
        min_free_bytes: int = MIN_FREE_BYTES,
        keep_copy: Callable[[int], None] | None = None,
    ) -> Self:
        """Open the folder's newest file, or make the first one.

        Args:
            path: the folder; made if missing.
            clock: monotonic and wall time of the entries.
            realm: fixed for ever when the journal is made.
            vfs: name of an SQLite VFS; tests pass one that fails.
            stamper: replaces the kernel's boot id and clock state (virtual time).
            new_id: source of journal and host ids.
            min_free_bytes: refuse to begin with less.
            keep_copy: called with an older layout, under the lock, before this program's layout is
                begun in a successor; without it such a journal is refused.

        Raises:
            JournalTooNew: E5002. JournalNotWritable: E5003. JournalCorrupt: E5004.
            JournalRealmMismatch: E5005. JournalTooOld: E5006. AlreadyRunning: E8001.
        """
        prepare_folder(path, min_free_bytes)
        stamper = stamper or Stamper(clock)
        with ExitStack() as undo:
            lock = FolderLock.acquire(path)
            undo.callback(lock.release)
            keep_reserve(path)
            journal = cls._open_newest(path, stamper, realm, vfs, new_id, keep_copy)
            if journal.origin.layout < SCHEMA_VERSION:
                journal = journal.start_successor(clock, new_id)
            journal._lock = lock
            undo.pop_all()
        return journal

    @classmethod
    def _open_newest(
        cls,
        folder: Path,
        stamper: Stamper,
        realm: Realm,
        vfs: str | None,
        new_id: Callable[[], str],
        keep_copy: Callable[[int], None] | None,
    ) -> Self:
        files = journal_files(folder) or [next_file(folder)]
        with store.writing(files[-1]):
            for file in files[-2:]:  # the last one may be a successor that was never begun
                store.settle(file)
            sync_folder(folder)
        with ExitStack() as undo:
            connection = store.connect(files[-1], vfs)
            undo.callback(store.discard, connection)
            with store.writing(files[-1]):
                if len(files) == 1 and store.is_new(connection):
                    opened = first_words(realm, new_id)
                    journal = cls._create(files[-1], connection, stamper, opened, vfs)
                else:
                    file, origin, head = history(folder, realm, vfs)
                    _keep_older(file, origin, keep_copy)
                    if file == files[-1]:
                        journal = cls(file, connection, stamper, origin, head, vfs)
                    else:  # a crash cut the making of a successor short
                        opened = first_words(realm, new_id, (origin, head))
                        journal = cls._create(files[-1], connection, stamper, opened, vfs)
            undo.pop_all()
        return journal

    @classmethod
    def _create(
        cls,
        file: Path,
        connection: store.Connection,
        stamper: Stamper,
        opened: JournalOpened,
        vfs: str | None,
    ) -> Self:
        """Commit schema and first entry, and make the file's name durable."""
        before = (opened.predecessor_seq or 0, opened.predecessor_hash or ZERO_HASH)
        (first,) = _seal(before, [Draft(opened)], stamper)
        store.create(connection, first)
        file.chmod(file_mode(file.parent))
        sync_folder(file.parent)
        identity = (opened.journal_id, opened.realm, opened.host_id, opened.schema_version)
        origin = Origin(*identity, *before)
        return cls(file, connection, stamper, origin, (first.seq, first.hash), vfs)

    @property
    def realm(self) -> Realm:
        """What the journal is for; never changes."""
        return self.origin.realm

    @property
    def journal_id(self) -> str:
        """Id of this file, 16 hex digits."""
        return self.origin.journal_id

    @property
    def host_id(self) -> int:
        """Id of this host as pens know it, 64 bit; kept over all files of the folder."""
        return int(self.origin.host_id, 16)

    @property
    def head(self) -> tuple[int, str]:
        """Sequence number and hash of the last entry known to be on the disk."""
        return self._head

    @property
    def durability(self) -> tuple[str, int]:
        """`PRAGMA journal_mode` and `PRAGMA synchronous` (2 = FULL) as SQLite has them now."""
        return store.durability(self._connection)

    def append(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Commit the drafts in one transaction that is on the disk when this returns.

        Raises:
            JournalWriteFailed: E5010, now and for ever after on this file.
        """
        if self.failed is not None:
            raise self.failed.with_traceback(None)
        if self._closed:
            raise JournalWriteFailed(f"{self.path} is closed.")
        if not drafts:
            return []
        try:
            entries = _seal(self._head, drafts, self._stamper)
            store.insert(self._connection, entries)
        except store.WRITE_ERRORS as error:
            self.failed = JournalWriteFailed(f"{self.path} could not be written: {error}.")
            store.give_up(self._connection)
            raise self.failed from error
        self._head = (entries[-1].seq, entries[-1].hash)
        return entries

    def entries(self, from_seq: int = 1, limit: int | None = None) -> Iterator[Entry]:
        """Committed entries of all files of the folder in order, read over another connection."""
        with closing(JournalReader(self.folder, vfs=self._vfs)) as reader:
            yield from reader.entries(from_seq, limit)

    def start_successor(self, clock: Clock, new_id: Callable[[], str] = random_id) -> Self:
        """Close this file for good and go on in a new one that names this one's head.

        The new journal takes over the folder's lock.

        Raises:
            JournalNotWritable: E5003, the disk takes no new file either. The folder stays locked
                until `close`.
        """
        self._close_file()
        with suppress(OSError):  # a disk that refuses this refuses the new file too, and says why
            spend_reserve(self.folder)
        file = next_file(self.folder)
        opened = first_words(self.realm, new_id, (self.origin, self._head))
        with ExitStack() as undo:
            connection = store.connect(file, self._vfs)
            undo.callback(store.discard, connection)
            with store.writing(file):
                journal = self._create(file, connection, self._stamper.on(clock), opened, self._vfs)
            undo.pop_all()
        journal._lock, self._lock = self._lock, None
        return journal

    def close(self) -> None:
        """Close the file and give the folder free. Safe to call twice."""
        self._close_file()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _close_file(self) -> None:
        if not self._closed:
            self._closed = True
            store.close(self._connection)


def _keep_older(file: Path, origin: Origin, keep_copy: Callable[[int], None] | None) -> None:
    if origin.layout == SCHEMA_VERSION:
        return
    if keep_copy is None:
        raise JournalTooOld(
            f"{file} has layout {origin.layout}; this version writes {SCHEMA_VERSION}."
        )
    keep_copy(origin.layout)


def _seal(head: tuple[int, str], drafts: Sequence[Draft], stamper: Stamper) -> list[Entry]:
    """Give the drafts their numbers, one common stamp and their place in the chain."""
    seq, prev_hash = head
    stamp = stamper.stamp()
    entries = []
    for draft in drafts:
        seq += 1
        kind, body = draft.body.kind, draft.body.model_dump_json().encode()
        owner = (draft.session_id, draft.pen_uid)
        own_hash = chain_hash(prev_hash, seq, stamp, owner, kind, body)
        entries.append(Entry(seq, prev_hash, own_hash, *stamp, *owner, kind, body))
        prev_hash = own_hash
    return entries
