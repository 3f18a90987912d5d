"""A backup proves itself, and is restored nowhere but where there is no journal."""

import errno
import shutil
import threading
from pathlib import Path

import apsw
import pytest

from controller.errors import (
    AlreadyRunning,
    JournalCorrupt,
    JournalError,
    JournalMissing,
    JournalTooNew,
    SystemRefused,
)
from controller.record import backup as backups
from controller.record import store
from controller.record.backup import (
    MANIFEST,
    BackupDamaged,
    BackupRefused,
    back_up,
    check_backup,
    restore,
)
from controller.record.folder import FolderLock
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from controller.record.verify import verify
from tests.support.command_line import in_process
from tests.support.journals import TickingClock, armed, changed, open_journal, opened


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Two files of one chain, closed."""
    first = open_journal(tmp_path / "j")
    first.append([opened(), changed("ready")])
    second = first.start_successor(TickingClock(), iter([f"{n:016x}" for n in (77, 78)]).__next__)
    second.append([changed("ended"), armed(1)])
    second.close()
    return tmp_path / "j"


def entries(folder: Path) -> list[tuple[int, str]]:
    reader = JournalReader(folder)
    try:
        return [(entry.seq, entry.hash) for entry in reader.entries()]
    finally:
        reader.close()


@pytest.mark.hazard("H04")
def test_backup_and_restore_give_the_same_chain(journal: Path, tmp_path: Path) -> None:
    made = back_up(journal, tmp_path / "b", TickingClock())
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        MANIFEST,
        "journal-2.db",
        "journal.db",
    ]
    assert check_backup(tmp_path / "b") == made
    restored = tmp_path / "state" / "journal"
    assert restore(tmp_path / "b", restored, min_free_bytes=0) == made
    assert entries(restored) == entries(journal)
    assert verify(restored, expected_head=made.head).ok
    again = open_journal(restored)
    assert again.head == made.head
    again.append([changed("later")])
    again.close()
    assert verify(restored).head_seq == made.head_seq + 1


def test_a_restored_journal_is_read_by_whom_the_folder_is_shared_with(
    journal: Path, tmp_path: Path
) -> None:
    back_up(journal, tmp_path / "b", TickingClock())
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o2750)
    restore(tmp_path / "b", tmp_path / "state" / "journal", min_free_bytes=0)
    restored = tmp_path / "state" / "journal" / "journal.db"
    assert restored.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b" / "journal.db").stat().st_mode & 0o777 == 0o600


def test_it_is_taken_while_the_writer_holds_the_journal(tmp_path: Path) -> None:
    writer = open_journal(tmp_path / "j")
    writer.append([opened()])
    made = back_up(tmp_path / "j", tmp_path / "b", TickingClock())
    writer.append([changed("ready")])
    assert made.head == (2, entries(tmp_path / "b")[-1][1])
    later = back_up(tmp_path / "j", tmp_path / "b2", TickingClock())
    assert later.head == writer.head
    writer.close()
    assert verify(tmp_path / "j").head_hash == later.head_hash


def test_entries_that_come_while_it_is_taken_do_not_spoil_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_journal(tmp_path / "j")
    writer.append([opened()])
    copy, seen = store.copy, []

    def slow_copy(source: Path, target: Path, beat: store.Beat) -> None:
        copy(source, target, beat)
        seen.append(source.name)
        writer.append([changed("meanwhile")])

    monkeypatch.setattr(store, "copy", slow_copy)
    made = back_up(tmp_path / "j", tmp_path / "b", TickingClock())
    writer.close()
    assert (seen, made.head_seq, check_backup(tmp_path / "b").head) == (
        ["journal.db"],
        2,
        made.head,
    )


def test_backups_beside_a_writer_that_never_rests(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "j")
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            journal.append([changed("running")])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        heads = [back_up(tmp_path / "j", tmp_path / f"b{n}", TickingClock()).head for n in range(4)]
    finally:
        ended.set()
        writer.join()
        journal.close()
    assert [seq for seq, _ in heads] == sorted(seq for seq, _ in heads)
    chain = dict(entries(tmp_path / "j"))
    assert [chain[seq] for seq, _ in heads] == [own_hash for _, own_hash in heads]
    assert all(check_backup(tmp_path / f"b{n}").head == head for n, head in enumerate(heads))


def test_half_a_restore_is_no_journal(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(journal, tmp_path / "b", TickingClock())
    copy = shutil.copyfile
    copied: list[Path] = []

    def failing_copy(source: Path, target: Path) -> None:
        if copied:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        copy(source, target)
        copied.append(target)

    monkeypatch.setattr(shutil, "copyfile", failing_copy)
    with pytest.raises(SystemRefused, match="No space left"):
        restore(tmp_path / "b", tmp_path / "new", min_free_bytes=0)
    monkeypatch.undo()
    with pytest.raises(JournalError):
        open_journal(tmp_path / "new").close()
    assert not verify(tmp_path / "new").ok
    with pytest.raises(BackupRefused):
        restore(tmp_path / "b", tmp_path / "new", min_free_bytes=0)


def test_a_successor_that_begins_while_it_is_taken_does_not_spoil_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_journal(tmp_path / "j")
    writer.append([opened()])
    copy = store.copy
    after: list[Journal] = []

    def slow_copy(source: Path, target: Path, beat: store.Beat) -> None:
        copy(source, target, beat)
        if not after:
            ids = iter(["00000000000000aa"])
            after.append(writer.start_successor(TickingClock(), ids.__next__))

    monkeypatch.setattr(store, "copy", slow_copy)
    made = back_up(tmp_path / "j", tmp_path / "b", TickingClock())
    after[0].close()
    assert (made.head_seq, list(made.files)) == (2, ["journal.db"])


def test_a_successor_that_was_never_begun_is_left_out(journal: Path, tmp_path: Path) -> None:
    (journal / "journal-3.db").touch()
    made = back_up(journal, tmp_path / "b", TickingClock())
    assert (list(made.files), made.head_seq) == (["journal.db", "journal-2.db"], 6)
    assert check_backup(tmp_path / "b") == made


def test_what_is_in_the_way_is_never_overwritten(journal: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("mine")
    with pytest.raises(BackupRefused):
        back_up(journal, tmp_path / "b", TickingClock())
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["notes.txt"]
    back_up(journal, tmp_path / "b2", TickingClock())
    before = entries(journal)
    with pytest.raises(BackupRefused, match="what it says would be lost"):
        restore(tmp_path / "b2", journal, min_free_bytes=0)
    assert entries(journal) == before


def test_no_restore_while_a_service_begins_there(journal: Path, tmp_path: Path) -> None:
    back_up(journal, tmp_path / "b", TickingClock())
    (tmp_path / "new").mkdir()
    lock = FolderLock.acquire(tmp_path / "new")
    try:
        with pytest.raises(AlreadyRunning):
            restore(tmp_path / "b", tmp_path / "new", min_free_bytes=0)
    finally:
        lock.release()


@pytest.mark.parametrize("what", ["changed", "cut", "lost", "added", "manifest", "not its own"])
@pytest.mark.hazard("H04")
def test_a_damaged_backup_is_refused_and_nothing_is_left(
    journal: Path, tmp_path: Path, what: str
) -> None:
    back_up(journal, tmp_path / "b", TickingClock())
    file = tmp_path / "b" / "journal-2.db"
    if what == "changed":
        data = bytearray(file.read_bytes())
        data[-200] ^= 1
        file.write_bytes(data)
    elif what == "cut":
        file.write_bytes(file.read_bytes()[:-4096])
    elif what == "lost":
        file.unlink()
    elif what == "added":
        shutil.copyfile(file, tmp_path / "b" / "journal-3.db")
    elif what == "manifest":
        (tmp_path / "b" / MANIFEST).write_text("{}")
    else:
        shutil.copyfile(tmp_path / "b" / "journal.db", file)
    with pytest.raises(BackupDamaged):
        restore(tmp_path / "b", tmp_path / "new", min_free_bytes=0)
    assert not (tmp_path / "new").exists()


def test_a_manifest_that_names_an_older_head_is_refused(journal: Path, tmp_path: Path) -> None:
    made = back_up(journal, tmp_path / "b", TickingClock())
    seq, own_hash = entries(journal)[2]
    forged = made.model_copy(update={"head_seq": seq, "head_hash": own_hash})
    (tmp_path / "b" / MANIFEST).write_text(forged.model_dump_json())
    with pytest.raises(BackupDamaged, match="it goes on"):
        check_backup(tmp_path / "b")


def test_a_damaged_journal_gives_no_backup(journal: Path, tmp_path: Path) -> None:
    other = apsw.Connection(str(journal / "journal.db"))
    other.execute("DROP TRIGGER no_update")
    other.execute("UPDATE entries SET wall = 'never' WHERE seq = 2")
    other.close()
    with pytest.raises(JournalCorrupt, match="Entry 2"):
        back_up(journal, tmp_path / "b", TickingClock())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j"]


def test_a_newer_journal_is_neither_backed_up_nor_restored(journal: Path, tmp_path: Path) -> None:
    back_up(journal, tmp_path / "b", TickingClock())
    newer(journal / "journal.db")
    with pytest.raises(JournalTooNew):
        back_up(journal, tmp_path / "b2", TickingClock())
    newer(tmp_path / "b" / "journal.db")
    manifest = backups.read_manifest(tmp_path / "b")
    digest = backups._digest(tmp_path / "b" / "journal.db")
    fresh = manifest.model_copy(update={"files": {**manifest.files, "journal.db": digest}})
    (tmp_path / "b" / MANIFEST).write_text(fresh.model_dump_json())
    with pytest.raises(JournalTooNew):
        restore(tmp_path / "b", tmp_path / "new", min_free_bytes=0)


def newer(file: Path) -> None:
    other = apsw.Connection(str(file))
    other.pragma("user_version", 2)
    other.close()


def test_the_commands(journal: Path, tmp_path: Path) -> None:
    made = in_process("backup", tmp_path / "b", "--journal", journal)
    assert made.code == 0, made.err
    assert "6 entries (training), all verified" in made.out
    where = ("--state", tmp_path / "state")
    back = in_process("restore", tmp_path / "b", *where)
    assert back.code == 0, back.err
    assert made.out.splitlines()[-1] == back.out.splitlines()[-1]
    again = in_process("restore", tmp_path / "b", *where)
    assert (again.code, again.number) == (50, 5030)
    assert in_process("session", "verify", *where).code == 0


def test_without_a_journal_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing):
        back_up(tmp_path / "none", tmp_path / "b", TickingClock())
    assert list(tmp_path.iterdir()) == []
