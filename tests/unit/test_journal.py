"""The journal: durable, append-only, chained, one owner, one realm."""

import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from controller.clock import SystemClock
from controller.errors import (
    AlreadyRunning,
    JournalCorrupt,
    JournalMissing,
    JournalNotWritable,
    JournalRealmMismatch,
    JournalTooNew,
    JournalWriteFailed,
)
from controller.record.entry import ZERO_HASH, Draft
from controller.record.events import JournalOpened, ServiceStopped, SessionOpened
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from controller.record.stamp import Stamper, kernel_clock_synced
from controller.record.verify import verify
from tests.support import journals
from tests.support.faulty_disk import faulty_disk
from tests.support.journals import open_journal, opened, strokes


@pytest.mark.hazard("H04")
def test_commits_are_synchronous_full(tmp_path: Path) -> None:
    """Bug B16: NORMAL loses committed entries at a power cut."""
    journal = open_journal(tmp_path)
    assert journal.durability == ("wal", 2)
    journal.close()


@pytest.mark.hazard("H04")
def test_every_commit_is_synced_before_append_returns(tmp_path: Path) -> None:
    with faulty_disk() as disk:
        journal = open_journal(tmp_path, vfs=disk.name)
        for _ in range(5):
            before = disk.syncs
            journal.append([opened()])
            assert disk.syncs > before
        journal.close()


def test_first_entry_opens_the_journal(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    (first,) = journal.entries()
    body = first.body()
    assert isinstance(body, JournalOpened)
    assert (first.seq, first.prev_hash) == (1, ZERO_HASH)
    assert (body.journal_id, body.realm) == (journal.journal_id, "training")
    assert int(body.host_id, 16) == journal.host_id
    assert body.predecessor_id is None
    journal.close()


def test_entries_come_back_as_they_were_appended(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    written = journal.append([opened(), strokes(1, 0, 3)])
    read = list(journal.entries(from_seq=2))
    assert read == written
    assert [e.seq for e in read] == [2, 3]
    assert read[1].prev_hash == read[0].hash
    assert journal.head == (3, read[1].hash)
    assert isinstance(read[0].body(), SessionOpened)
    assert read[0].wall.endswith("Z")
    assert read[0].clock_synced is True
    assert list(journal.entries(from_seq=1, limit=2))[-1] == read[0]
    journal.close()


def test_reopening_goes_on_where_it_ended(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    head, journal_id, host_id = journal.head, journal.journal_id, journal.host_id
    journal.close()
    again = open_journal(tmp_path, seed=2)
    assert (again.head, again.journal_id, again.host_id) == (head, journal_id, host_id)
    assert again.append([opened("s-2")])[0].prev_hash == head[1]
    again.close()
    assert verify(tmp_path).ok


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE entries SET wall = 'x' WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 2",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 2",
        "REPLACE INTO entries SELECT seq - 1, prev_hash, hash, host_boot_id, mono_ns, wall,"
        " clock_synced, session_id, pen_uid, kind, body FROM entries WHERE seq = 2",
    ],
)
@pytest.mark.hazard("H39")
def test_database_refuses_to_change_an_entry(tmp_path: Path, sql: str) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    journal.close()
    other = apsw.Connection(str(journal.path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        other.execute(sql)
    other.close()


def test_second_instance_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        open_journal(tmp_path)
    journal.close()
    open_journal(tmp_path).close()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path;"
        "from controller.record.journal import Journal; from controller.clock import SystemClock;"
        "Journal.open(Path(sys.argv[1]), SystemClock(), realm='training', min_free_bytes=0);"
        "os._exit(9)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert run.returncode == 9
    journal = open_journal(tmp_path)
    assert journal.head[0] == 1
    journal.close()


def test_realm_is_fixed_when_the_journal_is_made(tmp_path: Path) -> None:
    open_journal(tmp_path, realm="training").close()
    with pytest.raises(JournalRealmMismatch, match="training journal, not a treatment"):
        open_journal(tmp_path, realm="treatment")
    open_journal(tmp_path, realm="training").close()


def test_newer_schema_is_refused_by_writer_and_reader(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.close()
    other = apsw.Connection(str(journal.path))
    other.pragma("user_version", 2)
    other.close()
    with pytest.raises(JournalTooNew):
        open_journal(tmp_path)
    with pytest.raises(JournalTooNew):
        JournalReader(tmp_path)


def test_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalNotWritable, match="cannot be used") as caught:
        open_journal(tmp_path / "file" / "folder")
    assert "Free space or mount the disk writable" in str(caught.value)


@pytest.mark.hazard("H17")
def test_too_little_room_refuses_to_begin(tmp_path: Path) -> None:
    with pytest.raises(JournalNotWritable, match="MB free"):
        Journal.open(tmp_path, SystemClock(), realm="training", min_free_bytes=2**62)
    open_journal(tmp_path).close()


@pytest.mark.hazard("H17")
def test_full_disk_at_creation_frees_the_lock(tmp_path: Path) -> None:
    with faulty_disk() as disk:
        disk.fail_write_at = 1
        with pytest.raises(JournalNotWritable, match="disk full"):
            open_journal(tmp_path, vfs=disk.name)
    journal = open_journal(tmp_path)
    assert journal.head[0] == 1
    journal.close()


def test_file_that_is_no_journal_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, but long enough to look at" * 30)
    with pytest.raises(JournalCorrupt):
        open_journal(tmp_path)


@pytest.mark.hazard("H39")
def test_opening_names_the_first_bad_entry_of_the_tail(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened(f"s-{n}") for n in range(20)])
    journal.close()
    tamper(journal.path, "UPDATE entries SET session_id = 'other' WHERE seq = 7")
    with pytest.raises(JournalCorrupt, match="Entry 7 ") as caught:
        open_journal(tmp_path)
    assert caught.value.first_bad_seq == 7


def tamper(file: Path, sql: str) -> None:
    """What somebody with the file and a shell can do."""
    other = apsw.Connection(str(file))
    for trigger in ("no_update", "no_delete", "no_replace"):
        other.execute(f"DROP TRIGGER {trigger}")
    other.execute(sql)
    other.close()


def test_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.close()
    with pytest.raises(JournalWriteFailed, match="closed"):
        journal.append([opened()])
    journal.close()


def test_body_that_is_no_json_fails_and_hangs_nobody(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    broken = ServiceStopped.model_construct(reason="\ud800")
    with pytest.raises(JournalWriteFailed):
        journal.append([Draft(broken)])
    assert journal.failed is not None
    journal.close()


def test_reader_follows_a_live_writer_and_a_new_file(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    reader = JournalReader(tmp_path)
    assert reader.head()[0] == 1
    journal.append([opened()])
    assert [e.seq for e in reader.entries(2)] == [2]
    successor = journal.start_successor(journals.TickingClock())
    successor.append([strokes(1, 0, 1)])
    assert [e.seq for e in reader.entries(3)] == [3, 4]
    assert reader.journal_id(2) == journal.journal_id
    assert reader.journal_id(4) == successor.journal_id
    assert reader.chain_id == journal.journal_id
    reader.close()
    successor.close()


def test_reader_finds_rare_kinds(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for drafts in journals.whole_session():
        journal.append(drafts)
    reader = JournalReader(tmp_path)
    assert [e.kind for e in reader.of_kinds("alarm_raised", "alarm_cleared")] == [
        "alarm_raised",
        "alarm_cleared",
    ]
    newest = reader.newest("link_up", journals.PEN)
    assert newest is not None
    assert newest.kind == "link_up"
    assert reader.newest("link_up", "f00000000000ffff") is None
    assert len(list(reader.of_kinds("strokes"))) == 20
    reader.close()
    journal.close()


def test_rare_kinds_are_found_by_index(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.close()
    other = apsw.Connection(str(journal.path))
    plan = other.execute(
        "EXPLAIN QUERY PLAN SELECT seq FROM entries WHERE kind NOT IN ('strokes', 'health_seen')"
        " AND kind IN ('session_opened', 'session_closed') ORDER BY seq"
    ).fetchall()
    other.close()
    assert "by_kind" in str(plan)


def test_reader_of_nothing_says_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(JournalMissing):
            JournalReader(path)


def test_reader_cannot_write(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    reader = JournalReader(tmp_path)
    with pytest.raises(apsw.ReadOnlyError):
        reader.segments[0].connection.execute("DROP TABLE entries")
    reader.close()


def test_stamps_ask_the_kernel_at_most_once_a_second() -> None:
    asked: list[int] = []

    def ask() -> bool:
        asked.append(1)
        return False

    clock = journals.TickingClock()
    stamper = Stamper(clock, boot_id="b", synced=ask)
    stamps = [stamper.stamp() for _ in range(1_500)]
    assert len(asked) == 2
    assert stamps[0] == ("b", 100_001_000_000, "2030-01-01T00:00:00.001000Z", False)
    assert [s[1] for s in stamps] == sorted(s[1] for s in stamps)


def test_kernel_says_whether_its_clock_is_synchronised() -> None:
    assert kernel_clock_synced() in {True, False, None}
    assert Stamper(SystemClock()).stamp()[0]
