"""Verification: what it accepts, what it names, and that it shares nothing with the writer."""

import ast
import inspect
import json
from pathlib import Path

import apsw
import pytest

from controller.errors import JournalMissing
from controller.record import verify as verify_module
from controller.record.entry import chain_hash
from controller.record.verify import documented_hash, verify
from tests.support.journals import TickingClock, open_journal, opened, strokes, whole_session

VECTOR = Path(__file__).parent.parent / "vectors" / "journal_entry.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = open_journal(tmp_path)
    for drafts in whole_session(batches=4):
        journal.append(drafts)
    journal.close()
    return tmp_path


def tamper(file: Path, *sql: str) -> None:
    other = apsw.Connection(str(file))
    for trigger in ("no_update", "no_delete", "no_replace"):
        other.execute(f"DROP TRIGGER {trigger}")
    for statement in sql:
        other.execute(statement)
    other.close()


def test_writer_and_checker_agree_with_the_example_worked_out_by_hand() -> None:
    vector = json.loads(VECTOR.read_text())
    columns = vector["columns"]
    row = [None if text is None else text.encode() for text in columns.values()]
    row.insert(2, b"not hashed")
    assert documented_hash(tuple(row)).decode() == vector["hash"]
    stamp = (columns["host_boot_id"], int(columns["mono_ns"]), columns["wall"], True)
    owner = (columns["session_id"], columns["pen_uid"])
    body = columns["body"].encode()
    assert (
        chain_hash(columns["prev_hash"], 2, stamp, owner, columns["kind"], body) == (vector["hash"])
    )


def test_checker_does_not_use_the_writers_hash() -> None:
    tree = ast.parse(inspect.getsource(verify_module))
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert "controller.record.entry" not in imported
    assert "controller.record.journal" not in imported


def test_untouched_journal_is_good(folder: Path) -> None:
    report = verify(folder)
    assert report.ok
    assert (report.files, report.first_bad_seq, report.problem) == (1, None, None)
    assert report.head_seq == 16
    assert verify(folder / "journal.db") == report
    assert verify(folder, expected_head=(report.head_seq, report.head_hash)).ok


@pytest.mark.hazard("H39")
@pytest.mark.parametrize(
    "column",
    [
        *("prev_hash", "hash", "host_boot_id", "mono_ns", "wall"),
        *("clock_synced", "session_id", "pen_uid", "kind", "body"),
    ],
)
def test_change_of_any_column_is_named(folder: Path, column: str) -> None:
    value = "7" if column in {"mono_ns", "clock_synced"} else "'7'"
    tamper(folder / "journal.db", f"UPDATE entries SET {column} = {value} WHERE seq = 8")
    report = verify(folder)
    assert report.first_bad_seq == 8
    assert report.head_seq == 7


@pytest.mark.hazard("H39")
def test_deleted_entry_is_named(folder: Path) -> None:
    tamper(folder / "journal.db", "DELETE FROM entries WHERE seq = 8")
    assert verify(folder).first_bad_seq == 8


@pytest.mark.hazard("H39")
def test_deleted_beginning_is_named(folder: Path) -> None:
    tamper(folder / "journal.db", "DELETE FROM entries WHERE seq <= 3")
    assert verify(folder).first_bad_seq == 1


@pytest.mark.hazard("H39")
def test_emptied_file_is_bad(folder: Path) -> None:
    tamper(folder / "journal.db", "DELETE FROM entries")
    assert verify(folder).first_bad_seq == 1


@pytest.mark.hazard("H39")
def test_swapped_entries_are_named(folder: Path) -> None:
    tamper(
        folder / "journal.db",
        "UPDATE entries SET seq = 900 WHERE seq = 8",
        "UPDATE entries SET seq = 8 WHERE seq = 9",
        "UPDATE entries SET seq = 9 WHERE seq = 900",
    )
    assert verify(folder).first_bad_seq == 8


@pytest.mark.hazard("H39")
def test_cut_off_tail_shows_against_a_head_noted_elsewhere(folder: Path) -> None:
    whole = verify(folder)
    tamper(folder / "journal.db", "DELETE FROM entries WHERE seq > 12")
    assert verify(folder).ok
    report = verify(folder, expected_head=(whole.head_seq, whole.head_hash))
    assert report.first_bad_seq == 13
    assert "missing at the end" in str(report.problem)


@pytest.mark.hazard("H39")
def test_rewritten_history_shows_against_a_head_noted_elsewhere(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened("s-1")])
    journal.append([strokes(1, 0, 1)])
    journal.close()
    report = verify(tmp_path, expected_head=(2, "ab" * 32))
    assert report.first_bad_seq == 2
    assert "noted elsewhere" in str(report.problem)


@pytest.mark.hazard("H39")
def test_missing_middle_file_is_bad(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    second = journal.start_successor(TickingClock())
    second.append([opened()])
    third = second.start_successor(TickingClock())
    third.close()
    assert verify(tmp_path).ok
    (tmp_path / "journal-2.db").unlink()
    assert verify(tmp_path).first_bad_seq == 2
    (tmp_path / "journal.db").unlink()
    assert verify(tmp_path).first_bad_seq == 1


def test_truncated_file_is_bad(folder: Path) -> None:
    file = folder / "journal.db"
    file.write_bytes(file.read_bytes()[: 3 * 4096])
    assert not verify(folder).ok


def test_nothing_to_verify_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing):
        verify(tmp_path)


def test_a_successor_that_a_full_disk_never_let_be_is_no_break(folder: Path) -> None:
    (folder / "journal-2.db").touch()
    report = verify(folder)
    assert report.ok, report
    assert report.files == 1


def test_an_empty_file_in_the_middle_is_a_break(folder: Path) -> None:
    (folder / "journal.db").rename(folder / "journal-2.db")
    (folder / "journal.db").touch()
    assert not verify(folder).ok
