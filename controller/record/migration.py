"""Brings a journal forward to this program's layout, and back while nothing was recorded since.

No entry and no file is rewritten. A copy of the whole journal is kept and proven first; then the
chain goes on in a successor file of this layout, as it does after a failed disk. So whatever
interrupts it leaves the old journal, which an older program goes on with, or the new one. The way
back takes the successor out of the folder, and keeps it too. CPU-heavy: reads the whole journal.
"""

import shutil
from collections import Counter
from contextlib import ExitStack, closing, suppress
from itertools import chain, count
from pathlib import Path
from typing import Final

import msgspec

from controller.clock import Clock
from controller.errors import JournalError, SystemRefused
from controller.record import store
from controller.record.backup import (
    BackupDamaged,
    Manifest,
    back_up,
    check_backup,
    read_manifest,
)
from controller.record.entry import SCHEMA_VERSION
from controller.record.folder import MIN_FREE_BYTES, FolderLock, journal_files, sync_folder
from controller.record.journal import Journal
from controller.record.reader import JournalReader, Realm

KEPT: Final = "journal-before-layout-"
ASIDE: Final = "journal-of-layout-"
"""Names of folders beside the journal's, each with the number of the newer layout."""

OWN_START: Final = frozenset(
    {
        *("journal_opened", "service_started", "service_stopped"),
        *("link_up", "link_lost", "health_seen", "alarm_raised", "alarm_cleared"),
    }
)
"""What a service records by itself as it starts: nobody was treated, nothing moved or was decided.

An alarm that still has its cause is raised again by whichever program starts next.
"""


class NotTakenBack(JournalError):
    """The journal of a newer layout holds what an older program could not show."""

    number = 5032
    cause = "The newer program was used: what it recorded would be missing from the older record."
    action = "Go on with the newer program. The way back without these entries: docs/operations.md."


class Forward(msgspec.Struct, frozen=True):
    """A journal that was brought forward; `kept` is the copy of it as it was, up to `head`."""

    before: int
    after: int
    kept: Path
    head: tuple[int, str]


class WayBack(msgspec.Struct, frozen=True):
    """What is in the files of this layout, and what an older program would go on from.

    kept: the copy from before them; None when somebody took it away. kinds: how many of each.
    """

    files: list[Path]
    kept: Path | None
    since_wall: str
    kinds: dict[str, int]
    sessions: list[str]

    @property
    def used(self) -> dict[str, int]:
        """What is more than the start of a service."""
        return {kind: times for kind, times in self.kinds.items() if kind not in OWN_START}


def layout_of(folder: Path) -> int | None:
    """The layout of the newest file that holds entries; None when nothing was recorded yet.

    Raises:
        JournalTooNew: E5002. JournalMissing: E5001. JournalCorrupt: E5004.
    """
    files = journal_files(folder) if folder.is_dir() else []
    if not files:
        return None
    with store.reading(files[0]):
        if len(files) == 1 and store.is_unborn(files[0]):
            return None
    with closing(JournalReader(folder)) as reader:
        return reader.segments[-1].origin.layout


def bring_forward(
    folder: Path,
    clock: Clock,
    realm: Realm,
    *,
    vfs: str | None = None,
    min_free_bytes: int = MIN_FREE_BYTES,
    beat: store.Beat = lambda: None,
) -> Forward | None:
    """Make this program's layout the one that the folder's journal goes on in; None: it is already.

    `beat` is called while the copy is made: that of a record of years takes minutes.

    Raises:
        JournalTooNew: E5002. JournalNotWritable: E5003, also without room for the copy.
        JournalCorrupt: E5004, some entry is not what was written. AlreadyRunning: E8001.
        SystemRefused: E8002, the copy cannot be written.
    """
    if layout_of(folder) in {None, SCHEMA_VERSION}:
        return None
    done: list[Forward] = []

    def keep(before: int) -> None:
        kept, manifest = _kept_copy(folder, clock, beat)
        done.append(Forward(before, SCHEMA_VERSION, kept, manifest.head))

    room_bytes = min_free_bytes + size_bytes(folder)
    Journal.open(
        folder, clock, realm=realm, vfs=vfs, min_free_bytes=room_bytes, keep_copy=keep
    ).close()
    return done[0] if done else None


def way_back(folder: Path) -> WayBack | None:
    """What `take_back` would leave out; None when the journal never had an older layout.

    Raises what `layout_of` raises.
    """
    if layout_of(folder) is None:
        return None
    with closing(JournalReader(folder)) as reader:
        newer = [each for each in reader.segments if each.origin.layout == SCHEMA_VERSION]
        if not newer or len(newer) == len(reader.segments):
            return None
        kinds, sessions, since_wall = Counter[str](), set[str](), ""
        for entry in reader.entries(newer[0].first_seq):
            kinds[entry.kind] += 1
            if entry.session_id is not None:
                sessions.add(entry.session_id)
            since_wall = since_wall or entry.wall
    head = (newer[0].origin.predecessor_seq, newer[0].origin.predecessor_hash)
    copies = [path for path, made in kept_copies(folder).items() if made.head == head]
    return WayBack(
        files=[each.file for each in newer],
        kept=copies[-1] if copies else None,
        since_wall=since_wall,
        kinds=dict(sorted(kinds.items())),
        sessions=sorted(sessions),
    )


def take_back(folder: Path, *, vfs: str | None = None) -> Path | None:
    """Undo `bring_forward`: put the files of this layout aside, so that an older program goes on.

    Returns where they are; None when there is nothing to undo.

    Raises:
        NotTakenBack: E5032, more was recorded than a start of the service. AlreadyRunning: E8001.
        SystemRefused: E8002, and what `layout_of` raises.
    """
    if way_back(folder) is None:
        return None
    with ExitStack() as undo:
        undo.callback(FolderLock.acquire(folder).release)
        way = way_back(folder)
        if way is None:
            return None
        if way.used:
            said = ", ".join(f"{times} {kind}" for kind, times in way.used.items())
            raise NotTakenBack(f"{folder} was used since it has layout {SCHEMA_VERSION}: {said}.")
        try:
            return _put_aside(folder, way.files, vfs)
        except OSError as error:
            raise SystemRefused.of(error) from error


def _put_aside(folder: Path, newer: list[Path], vfs: str | None) -> Path:
    """The newest first: what is left is a whole chain at each step."""
    aside = _free_name(folder.parent / f"{ASIDE}{SCHEMA_VERSION}")
    aside.mkdir(mode=0o700)
    for file in reversed(newer):
        store.fold_in(file, vfs)
        sync_folder(folder)  # its -wal is gone for good before another file has the name
        file.replace(aside / file.name)
        sync_folder(aside)
        sync_folder(folder)
    return aside


def size_bytes(folder: Path) -> int:
    """What a copy of the folder's journal takes at most."""
    parts = (Path(f"{file}{end}") for file in journal_files(folder) for end in ("", "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def kept_copies(folder: Path) -> dict[Path, Manifest]:
    """Copies that were kept of this journal, oldest first, with what they say of themselves."""
    with closing(JournalReader(folder)) as reader:
        chain_id = reader.chain_id
    found = {}
    for path in folder.parent.glob(f"{KEPT}*"):
        with suppress(BackupDamaged):  # it is none, then
            manifest = read_manifest(path)
            if manifest.chain_id == chain_id:
                found[path] = manifest
    return dict(sorted(found.items(), key=lambda each: each[1].head_seq))


def _kept_copy(folder: Path, clock: Clock, beat: store.Beat) -> tuple[Path, Manifest]:
    """A proven copy of the journal as it is now; one that an interrupted try left is used again.

    Half a copy of a try that was killed is thrown away, or a disk would fill up with them.
    """
    for half in folder.parent.glob(f".{KEPT}*"):
        shutil.rmtree(half, ignore_errors=True)
    with closing(JournalReader(folder)) as reader:
        head = reader.head()
    for path, manifest in kept_copies(folder).items():
        if manifest.head == head:
            with suppress(BackupDamaged):
                return path, check_backup(path)
    path = _free_name(folder.parent / f"{KEPT}{SCHEMA_VERSION}")
    return path, back_up(folder, path, clock, beat)


def _free_name(wish: Path) -> Path:
    """The path, or the first of path.2, path.3 ... that there is not."""
    further = (wish.with_name(f"{wish.name}.{number}") for number in count(2))
    return next(path for path in chain([wish], further) if not path.exists())
