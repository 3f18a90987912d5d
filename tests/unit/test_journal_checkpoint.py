"""The journal's checkpoints: at a bounded size of the WAL, and their errors are heard."""

from pathlib import Path
from random import Random

import pytest

from controller.errors import JournalWriteFailed
from controller.record import store
from controller.record.journal import Journal
from controller.record.verify import verify
from tests.support.journals import TickingClock, open_journal, opened, strokes
from tests.support.sim_disk import Kind, SimDisk

A_COMMIT_BYTES = 3 * 4_120
"""No commit of this test takes more pages."""


def test_the_wal_does_not_grow_beyond_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHECKPOINT_PAGES", 50)
    journal = open_journal(tmp_path)
    wal = tmp_path / "journal.db-wal"
    sizes = []
    for first in range(0, 480, 4):
        journal.append([strokes(1, first, 4)])
        sizes.append(wal.stat().st_size)
    assert max(sizes) <= store.CHECKPOINT_PAGES * 4_120 + A_COMMIT_BYTES
    assert journal.path.stat().st_size > 10 * 4_096
    journal.close()
    assert verify(tmp_path).ok


def append_thrice(journal: Journal) -> None:
    for _ in range(3):
        journal.append([opened()])


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("kind", ["eio_write", "eio_sync"])
def test_a_failed_checkpoint_ends_the_file(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite alone would say nothing, and write to the same file at the next commit."""
    monkeypatch.setattr(store, "CHECKPOINT_PAGES", 1)
    with SimDisk(tmp_path, Random(1)) as disk:
        journal = open_journal(tmp_path, vfs=disk.vfs)
        disk.fail(kind, once=True, skip={"eio_write": 4, "eio_sync": 2}[kind])
        with pytest.raises(JournalWriteFailed):
            append_thrice(journal)
        assert disk.refused == 1
        head = journal.head
        database = journal.path.read_bytes()
        with pytest.raises(JournalWriteFailed):
            journal.append([opened()])
        successor = journal.start_successor(TickingClock())
        assert journal.path.read_bytes() == database
        assert (successor.origin.predecessor_seq, successor.origin.predecessor_hash) == head
        disk.power_cut()
        successor.close()
        again = open_journal(tmp_path, vfs=disk.vfs, seed=2)
        assert again.head[0] == head[0] + 1
        again.close()
    assert verify(tmp_path).ok
