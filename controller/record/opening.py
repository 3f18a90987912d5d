"""What a journal folder must pass before anything may be added to it.

Why apart from journal.py: these checks run once, at start-up, and decide whether the service may
treat at all. Reads the folder's files; writes nothing.
"""

from collections.abc import Callable
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from controller.errors import JournalCorrupt, JournalRealmMismatch
from controller.record.entry import SCHEMA_VERSION, ZERO_HASH, Entry, chain_hash
from controller.record.events import JournalOpened
from controller.record.reader import JournalReader, Origin, Realm

TAIL_CHECKED: Final = 256
"""Entries whose hashes are recomputed at every opening; `verify` does them all."""


def software_version() -> str:
    """Version of the installed distribution; "unknown" when run from a bare tree."""
    try:
        return version("micropen")
    except PackageNotFoundError:
        return "unknown"


def history(
    folder: Path, realm: Realm, vfs: str | None = None
) -> tuple[Path, Origin, tuple[int, str]]:
    """The newest file that holds entries, who it is, and where the chain ends.

    Raises:
        JournalTooNew: E5002. JournalCorrupt: E5004, naming the first bad sequence number.
        JournalRealmMismatch: E5005.
    """
    with closing(JournalReader(folder, vfs=vfs)) as reader:
        newest = reader.segments[-1]
        if newest.origin.realm != realm:
            raise JournalRealmMismatch(
                f"{newest.file} is a {newest.origin.realm} journal, not a {realm} one."
            )
        _check_joints(reader)
        head = reader.head()
        _check_tail(newest.file, list(reader.entries(max(1, head[0] - TAIL_CHECKED + 1))))
    return newest.file, newest.origin, head


def first_words(
    realm: Realm,
    new_id: Callable[[], str],
    before: tuple[Origin, tuple[int, str]] | None = None,
) -> JournalOpened:
    """First entry of a file: of a new chain, or of the successor of `before`."""
    words = JournalOpened(
        journal_id=new_id(),
        realm=realm,
        schema_version=SCHEMA_VERSION,
        host_id=before[0].host_id if before else new_id(),
        software_version=software_version(),
    )
    if before is None:
        return words
    origin, (seq, own_hash) = before
    return words.model_copy(
        update={
            "predecessor_id": origin.journal_id,
            "predecessor_seq": seq,
            "predecessor_hash": own_hash,
        }
    )


def _check_joints(reader: JournalReader) -> None:
    """Every file but the first goes on where its predecessor verifiably ended."""
    before: tuple[int, str] = (0, ZERO_HASH)
    for segment in reader.segments:
        named = (segment.origin.predecessor_seq or 0, segment.origin.predecessor_hash or ZERO_HASH)
        if named != before or segment.first_seq != before[0] + 1:
            raise JournalCorrupt(
                f"{segment.file} does not go on where the file before it ends: one is missing "
                f"or cut short.",
                min(before[0], named[0]) + 1,
            )
        newest = segment.newest()
        before = (newest.seq, newest.hash) if newest else before


def _check_tail(file: Path, tail: list[Entry]) -> None:
    seq, prev_hash = tail[0].seq, tail[0].prev_hash
    for entry in tail:
        stamp = (entry.host_boot_id, entry.mono_ns, entry.wall, entry.clock_synced)
        owner = (entry.session_id, entry.pen_uid)
        own = chain_hash(prev_hash, seq, stamp, owner, entry.kind, entry.body_json)
        if (entry.seq, entry.prev_hash, entry.hash) != (seq, prev_hash, own):
            raise JournalCorrupt(f"Entry {seq} of {file} is not what was written.", seq)
        seq, prev_hash = seq + 1, own
