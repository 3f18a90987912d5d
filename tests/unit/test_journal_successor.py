"""What happens to the journal when its disk fails: the file is given up, a successor goes on."""

from pathlib import Path

import pytest

from controller.errors import (
    AlreadyRunning,
    JournalCorrupt,
    JournalNotWritable,
    JournalWriteFailed,
)
from controller.record.events import JournalOpened
from controller.record.folder import RESERVE_NAME
from controller.record.verify import verify
from tests.support import journals
from tests.support.faulty_disk import FaultyDisk, faulty_disk
from tests.support.journals import open_journal, opened, strokes


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("what", ["write", "sync"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_any_error_ends_the_file_for_good(tmp_path: Path, what: str, nth: int) -> None:
    with faulty_disk() as disk:
        journal = open_journal(tmp_path, vfs=disk.name)
        journal.append([opened()])
        head = journal.head
        break_disk(disk, what, nth)
        failed_at = 0
        for attempt in range(1, 5):
            try:
                journal.append([strokes(1, 0, 4)])
                head = journal.head
            except JournalWriteFailed:
                failed_at = failed_at or attempt
        assert failed_at
        assert disk.failures == 1
        assert journal.failed is not None
        assert journal.head == head
        successor = journal.start_successor(journals.TickingClock())
        first = list(successor.entries(from_seq=head[0] + 1))[-1].body()
        assert isinstance(first, JournalOpened)
        assert (first.predecessor_seq, first.predecessor_hash) == head
        assert first.predecessor_id == journal.journal_id
        assert successor.host_id == journal.host_id
        successor.close()
    assert verify(tmp_path).ok


def break_disk(disk: FaultyDisk, what: str, nth: int) -> None:
    """Fail once, then heal: the journal must not try the same file again."""
    disk.once = True
    if what == "write":
        disk.fail_write_at = disk.writes + nth
    else:
        disk.fail_sync_at = disk.syncs + nth


def test_successor_keeps_the_folder_and_reads_the_whole_chain(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    successor = journal.start_successor(journals.TickingClock())
    journal.close()
    with pytest.raises(AlreadyRunning):
        open_journal(tmp_path)
    successor.append([strokes(1, 0, 1)])
    assert [e.seq for e in successor.entries()] == [1, 2, 3, 4]
    assert successor.path.name == "journal-2.db"
    successor.close()
    again = open_journal(tmp_path, seed=2)
    assert (again.path.name, again.head[0]) == ("journal-2.db", 4)
    again.close()


@pytest.mark.hazard("H17")
def test_successor_on_a_full_disk_spends_the_reserve(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    assert (tmp_path / RESERVE_NAME).stat().st_size > 0
    successor = journal.start_successor(journals.TickingClock())
    assert not (tmp_path / RESERVE_NAME).exists()
    successor.close()


def test_successor_that_cannot_be_made_says_so_and_keeps_the_lock(tmp_path: Path) -> None:
    with faulty_disk() as disk:
        journal = open_journal(tmp_path, vfs=disk.name)
        disk.fail_write_at = 1
        with pytest.raises(JournalWriteFailed):
            journal.append([opened()])
        with pytest.raises(JournalNotWritable):
            journal.start_successor(journals.TickingClock())
        with pytest.raises(AlreadyRunning):
            open_journal(tmp_path)
        journal.close()


def test_crash_while_a_successor_is_made_is_healed_at_the_next_start(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    head = journal.head
    journal.close()
    (tmp_path / "journal-2.db").write_bytes(b"")
    again = open_journal(tmp_path, seed=2)
    assert again.path.name == "journal-2.db"
    assert again.origin.predecessor_hash == head[1]
    assert again.head[0] == 3
    again.close()
    assert verify(tmp_path).ok


def test_missing_older_file_is_noticed_at_opening(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.start_successor(journals.TickingClock()).close()
    (tmp_path / "journal.db").unlink()
    with pytest.raises(JournalCorrupt, match="missing"):
        open_journal(tmp_path)


def test_entries_that_a_successor_does_not_continue_are_disowned(tmp_path: Path) -> None:
    """A commit that reported failure may still turn up on the disk."""
    journal = open_journal(tmp_path)
    confirmed = journal.append([opened()])[-1]
    journal.append([strokes(1, 0, 4)])
    journal._head = (confirmed.seq, confirmed.hash)
    successor = journal.start_successor(journals.TickingClock())
    kinds = [e.kind for e in successor.entries()]
    assert kinds == ["journal_opened", "session_opened", "journal_opened"]
    successor.close()
    report = verify(tmp_path)
    assert (report.ok, report.disowned, report.head_seq) == (True, 1, 3)
