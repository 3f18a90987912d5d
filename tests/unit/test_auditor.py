"""The independent reader: what it accepts, what it names, and that it shares nothing."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.auditor import audit, digest, journal_files
from tests.support.journals import TickingClock, open_journal, opened, whole_session

VECTOR = Path(__file__).parent.parent / "vectors" / "journal_entry.json"
GUARDS = ("no_update", "no_delete", "no_replace")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = open_journal(tmp_path)
    for drafts in whole_session(batches=4):
        journal.append(drafts)
    journal.close()
    return tmp_path


def change(file: Path, *sql: str, guarded: bool = False) -> None:
    base = sqlite3.connect(file)
    dropped = () if guarded else tuple(f"DROP TRIGGER {name}" for name in GUARDS)
    for statement in (*dropped, *sql):
        base.execute(statement)
    base.commit()
    base.close()


def test_it_agrees_with_the_example_worked_out_by_hand() -> None:
    vector = json.loads(VECTOR.read_text())
    row = [None if text is None else text.encode() for text in vector["columns"].values()]
    row.insert(2, b"not hashed")
    assert digest(row).decode() == vector["hash"]


def test_a_whole_journal_is_read_as_it_was_written(folder: Path) -> None:
    found = audit(folder)
    assert found.problems == []
    assert (found.files, found.disowned, len(found.entries)) == (1, 0, 16)
    assert [entry.seq for entry in found.entries] == list(range(1, 17))
    assert found.entries[6].kind == "arm_opened"
    assert found.entries[6].body["arm_id"] == 1
    assert audit(folder / "journal.db", expected_head=found.head).ok


def test_a_journal_is_read_while_its_writer_holds_it_and_nothing_is_touched(
    tmp_path: Path,
) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert tmp_path / "journal.db-wal" in before
    assert audit(tmp_path).head == journal.head
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    journal.append([opened("s-2")])
    assert audit(tmp_path).head == journal.head
    journal.close()


def test_successors_go_on_and_what_they_disown_is_counted(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    second = journal.start_successor(TickingClock())
    second.append([opened("s-2")])
    third = second.start_successor(TickingClock())
    third.close()
    found = audit(tmp_path)
    assert (found.problems, found.files, found.disowned) == ([], 3, 0)
    assert [entry.kind for entry in found.entries].count("journal_opened") == 3
    late = sqlite3.connect(tmp_path / "journal.db")
    late.execute("INSERT INTO entries VALUES (3, 'p', 'h', 'b', 1, 'w', 1, NULL, NULL, 'k', '{}')")
    late.commit()
    late.close()
    assert (audit(tmp_path).problems, audit(tmp_path).disowned) == ([], 1)


def test_files_are_taken_by_number(tmp_path: Path) -> None:
    for name in ("journal-10.db", "journal-2.db", "journal.db", "journal-1.db", "journal.db-wal"):
        (tmp_path / name).touch()
    names = [path.name for path in journal_files(tmp_path)]
    assert names == ["journal.db", "journal-2.db", "journal-10.db"]


@pytest.mark.hazard("H39")
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM entries WHERE seq = 8",
        "UPDATE entries SET body = '{}' WHERE seq = 8",
        "UPDATE entries SET session_id = NULL WHERE seq = 8",
        "UPDATE entries SET seq = 900 WHERE seq = 8",
    ],
)
def test_the_first_changed_entry_is_named(folder: Path, sql: str) -> None:
    change(folder / "journal.db", sql)
    assert audit(folder).first_bad_seq == 8
    assert audit(folder).head[0] == 7


@pytest.mark.hazard("H39")
def test_a_cut_off_tail_shows_against_a_head_noted_elsewhere(folder: Path) -> None:
    head = audit(folder).head
    change(folder / "journal.db", "DELETE FROM entries WHERE seq > 12")
    assert audit(folder).ok
    assert audit(folder, expected_head=head).first_bad_seq == 13
    assert audit(folder, expected_head=(5, "ab" * 32)).first_bad_seq == 5


@pytest.mark.hazard("H39")
def test_missing_files_of_a_chain_are_named(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.append([opened()])
    second = journal.start_successor(TickingClock())
    second.start_successor(TickingClock()).close()
    (tmp_path / "journal-2.db").unlink()
    assert audit(tmp_path).first_bad_seq == 3
    (tmp_path / "journal.db").unlink()
    assert audit(tmp_path).first_bad_seq == 1


@pytest.mark.hazard("H39")
@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_gone_or_weaker_is_told(folder: Path, name: str) -> None:
    file = folder / "journal.db"
    change(file, f"DROP TRIGGER {name}", guarded=True)
    assert audit(folder).ok
    assert audit(folder).problems == [f"journal.db: trigger {name} is not the documented one"]
    change(
        file, f"CREATE TRIGGER {name} BEFORE UPDATE ON entries BEGIN SELECT 1; END", guarded=True
    )
    assert audit(folder).problems == [f"journal.db: trigger {name} is not the documented one"]


@pytest.mark.hazard("H39")
def test_the_guards_refuse_whoever_writes_without_removing_them(folder: Path) -> None:
    for sql in (
        "UPDATE entries SET kind = 'x' WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 3",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 3",
    ):
        base = sqlite3.connect(folder / "journal.db")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            base.execute(sql)
        base.close()
    assert audit(folder).problems == []


def test_an_unborn_successor_is_no_break_and_an_empty_file_elsewhere_is(folder: Path) -> None:
    (folder / "journal-2.db").touch()
    assert audit(folder).problems == []
    (folder / "journal.db").write_bytes(b"")
    assert audit(folder).first_bad_seq == 1


def test_a_newer_layout_is_refused(folder: Path) -> None:
    change(folder / "journal.db", "PRAGMA user_version = 2", guarded=True)
    assert "newer" in str(audit(folder).problem)


def test_no_journal_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        audit(tmp_path)
