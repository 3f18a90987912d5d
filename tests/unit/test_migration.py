"""A journal goes forward with a copy kept, back only while unused, and is never half."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from controller.clock import SystemClock
from controller.errors import (
    AlreadyRunning,
    JournalCorrupt,
    JournalNotWritable,
    JournalTooNew,
    JournalTooOld,
)
from controller.record import migration, store
from controller.record.backup import back_up, check_backup, restore
from controller.record.calibration_events import ALL_BODIES
from controller.record.entry import SCHEMA_VERSION, Entry
from controller.record.events import JournalOpened
from controller.record.folder import journal_files
from controller.record.layouts import SCHEMAS
from controller.record.migration import (
    Forward,
    NotTakenBack,
    bring_forward,
    kept_copies,
    layout_of,
    take_back,
)
from controller.record.reader import JournalReader
from controller.record.verify import verify
from controller.service.app import Wanted, running
from tests.support import layout_words
from tests.support import next_layout as newer
from tests.support.journals import TickingClock, changed, open_journal, opened, whole_session
from tests.support.next_layout import NEXT, TODAY, next_layout
from tests.unit.test_host_power import NoPort

Chain = list[tuple[int, str]]


def chain(folder: Path) -> Chain:
    with closing(JournalReader(folder)) as reader:
        return [(entry.seq, entry.hash) for entry in reader.entries()]


def forward(folder: Path, vfs: str | None = None) -> Forward | None:
    with next_layout():
        return bring_forward(folder, SystemClock(), "training", vfs=vfs, min_free_bytes=0)


def written(folder: Path) -> Chain:
    """A journal of two files by today's program."""
    journal = open_journal(folder)
    for drafts in whole_session(batches=2):
        journal.append(drafts)
    following = journal.start_successor(TickingClock())
    following.append([changed("closed")])
    following.close()
    return chain(folder)


def test_the_last_schema_is_the_one_that_is_written() -> None:
    assert list(SCHEMAS) == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.hazard("H46")
def test_new_words_are_a_new_layout() -> None:
    """An older program stumbles over a word that it does not know; a new layout it refuses.

    If this layout was never released, write its words anew: see tests/support/layout_words.py. If
    it was, give SCHEMAS its successor, raise SCHEMA_VERSION, and write that one's words.
    """
    assert json.loads(layout_words.FILE.read_text()) == layout_words.words()


def test_todays_journal_needs_nothing(tmp_path: Path) -> None:
    before = written(tmp_path / "journal")
    assert bring_forward(tmp_path / "journal", SystemClock(), "training") is None
    assert chain(tmp_path / "journal") == before
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]
    assert bring_forward(tmp_path / "none", SystemClock(), "training") is None


@pytest.mark.hazard("H46")
def test_an_older_journal_goes_on_in_the_new_layout_and_a_copy_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    before = written(folder)
    done = forward(folder)
    assert done == Forward(TODAY, NEXT, tmp_path / f"journal-before-layout-{NEXT}", before[-1])
    with next_layout():
        assert layout_of(folder) == NEXT
        assert chain(folder)[:-1] == before
        assert verify(folder, expected_head=before[-1]).ok
        journal = open_journal(folder, seed=2)
        journal.append([opened("s-2")])
        journal.close()
        assert verify(folder).head_seq == len(before) + 2
        first = entries_from(folder, before[-1][0] + 1)[0].body()
        assert isinstance(first, JournalOpened)
        assert (first.schema_version, first.predecessor_hash) == (NEXT, before[-1][1])
        assert forward(folder) is None
    assert [path.name for path in journal_files(folder)] == [
        *("journal.db", "journal-2.db", "journal-3.db")
    ]
    # The older program: not the journal, but the copy is its own.
    assert check_backup(done.kept).head == before[-1]
    assert restore(done.kept, tmp_path / "again" / "journal", min_free_bytes=0).head == before[-1]
    assert chain(tmp_path / "again" / "journal") == before


def entries_from(folder: Path, from_seq: int) -> list[Entry]:
    with closing(JournalReader(folder)) as reader:
        return list(reader.entries(from_seq))


@pytest.mark.hazard("H46")
@pytest.mark.parametrize(
    "use",
    [
        lambda folder: open_journal(folder).close(),
        JournalReader,
        verify,
        layout_of,
        lambda folder: back_up(folder, folder.parent / "b", SystemClock()),
        lambda folder: bring_forward(folder, SystemClock(), "training", min_free_bytes=0),
        take_back,
    ],
)
def test_the_older_program_refuses_the_newer_journal_and_leaves_it_alone(
    tmp_path: Path, use: Callable[[Path], object]
) -> None:
    folder = tmp_path / "journal"
    written(folder)
    forward(folder)
    before = {path: path.read_bytes() for path in journal_files(folder)}
    with pytest.raises(JournalTooNew) as caught:
        use(folder)
    assert caught.value.number == 5002
    assert f"has schema {NEXT}; this version knows {TODAY}" in caught.value.what
    assert {path: path.read_bytes() for path in journal_files(folder)} == before


@pytest.mark.hazard("H46")
def test_the_newer_program_adds_nothing_to_an_older_journal_without_a_copy(tmp_path: Path) -> None:
    before = written(tmp_path)
    with next_layout(), pytest.raises(JournalTooOld, match="micropen migrate") as caught:
        open_journal(tmp_path)
    assert caught.value.number == 5006
    assert chain(tmp_path) == before


def test_a_successor_that_was_never_begun_is_no_way_round_the_copy(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    before = written(folder)
    (folder / "journal-3.db").touch()
    with next_layout(), pytest.raises(JournalTooOld):
        open_journal(folder)
    done = forward(folder)
    assert done is not None
    assert check_backup(done.kept).head == before[-1]
    with next_layout():
        assert verify(folder).head_seq == before[-1][0] + 1


def test_a_journal_whose_making_was_cut_short_is_simply_made(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    assert forward(tmp_path) is None
    with next_layout():
        open_journal(tmp_path).close()
        assert layout_of(tmp_path) == NEXT


@pytest.mark.hazard("H04")
def test_a_damaged_journal_is_not_brought_forward(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    before = written(folder)
    with closing(apsw.Connection(str(folder / "journal.db"))) as other:
        other.execute("DROP TRIGGER no_update; UPDATE entries SET wall = 'never' WHERE seq = 3")
    with pytest.raises(JournalCorrupt, match="Entry 3"):
        forward(folder)
    assert len(chain(folder)) == len(before)
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]


def test_without_room_for_the_copy_nothing_is_begun(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    with next_layout(), pytest.raises(JournalNotWritable, match="MB are needed"):
        bring_forward(tmp_path / "journal", SystemClock(), "training", min_free_bytes=2**62)
    assert [path.name for path in tmp_path.iterdir()] == ["journal"]


def test_not_while_a_service_has_it_open(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal")
    with pytest.raises(AlreadyRunning):
        forward(tmp_path / "journal")
    journal.close()
    newer.forward(tmp_path / "journal")
    with next_layout(), closing(open_journal(tmp_path / "journal")), pytest.raises(AlreadyRunning):
        take_back(tmp_path / "journal")


def test_a_copy_of_an_interrupted_try_is_used_and_a_stale_one_is_kept_too(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    before = written(folder)
    wish = tmp_path / f"journal-before-layout-{NEXT}"
    back_up(folder, wish, SystemClock())
    done = forward(folder)
    assert (done and done.kept) == wish
    newer.back(folder)
    journal = open_journal(folder)
    journal.append([changed("meanwhile")])
    journal.close()
    done = forward(folder)
    assert done is not None
    assert done.kept.name == f"{wish.name}.2"
    with next_layout():
        copies = kept_copies(folder)
    assert [made.head_seq for made in copies.values()] == [len(before), len(before) + 1]
    assert list(copies) == [wish, done.kept]


def test_a_damaged_copy_is_not_relied_on(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written(folder)
    wish = tmp_path / f"journal-before-layout-{NEXT}"
    back_up(folder, wish, SystemClock())
    (wish / "journal.db").write_bytes(b"")
    done = forward(folder)
    assert done is not None
    assert done.kept.name == f"{wish.name}.2"
    (wish / "backup.json").write_text("{}")
    with next_layout():
        assert list(kept_copies(folder)) == [done.kept]


@pytest.mark.hazard("H46")
def test_unused_it_goes_back_and_what_is_put_aside_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    before = written(folder)
    forward(folder)
    with next_layout():
        journal = open_journal(folder)
        journal.append(next(whole_session())[:1])  # service_started
        journal.close()
        was = chain(folder)
        aside = take_back(folder)
        assert aside == tmp_path / f"journal-of-layout-{NEXT}"
        assert [path.name for path in aside.iterdir()] == ["journal-3.db"]
        held = entries_from(aside / "journal-3.db", 1)
        assert [(entry.seq, entry.hash) for entry in held] == was[len(before) :]
        assert take_back(folder) is None
    assert chain(folder) == before
    journal = open_journal(folder)
    journal.append([changed("older again")])
    journal.close()
    assert verify(folder).ok


@pytest.mark.hazard("H46")
def test_once_used_it_does_not_go_back(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    written(folder)
    forward(folder)
    with next_layout():
        journal = open_journal(folder)
        journal.append([opened("s-2"), changed("ready", session_id="s-2")])
        journal.close()
        was = chain(folder)
        with pytest.raises(NotTakenBack, match="1 session_opened, 1 state_changed"):
            take_back(folder)
        assert chain(folder) == was


def test_what_a_start_records_by_itself_moves_and_decides_nothing() -> None:
    assert set(ALL_BODIES) >= migration.OWN_START
    for kind in ("arm_opened", "strokes", "session_opened", "foreign_movement", "pen_enrolled"):
        assert kind in ALL_BODIES
        assert kind not in migration.OWN_START


@pytest.mark.real_time("the service's writer is a thread")
async def test_the_service_brings_its_journal_forward_by_itself(tmp_path: Path) -> None:
    before = written(tmp_path / "journal")
    wanted = Wanted(port="none", folder=tmp_path / "journal", realm="training")
    with next_layout():
        async with running(wanted, opener=NoPort()) as service:
            assert not service.engine.recorder.failed
        assert layout_of(tmp_path / "journal") == NEXT
        assert [made.head for made in kept_copies(wanted.folder).values()] == [before[-1]]
        kinds = [entry.kind for entry in entries_from(wanted.folder, len(before) + 1)]
    assert kinds == ["journal_opened", "service_started", "service_stopped"]


def test_whoever_would_end_what_hangs_is_told_that_it_goes_on(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    beats: list[None] = []
    with next_layout():
        bring_forward(
            tmp_path / "journal",
            SystemClock(),
            "training",
            min_free_bytes=0,
            beat=lambda: beats.append(None),
        )
    assert len(beats) == 4  # two files, each copied in one part, and checked


def test_every_kept_copy_says_in_which_layout_it_is(tmp_path: Path) -> None:
    written(tmp_path / "journal")
    done = forward(tmp_path / "journal")
    assert done is not None
    made = json.loads((done.kept / "backup.json").read_text())
    assert made["realm"] == "training"
    for file in journal_files(done.kept):
        with closing(store.connect_read_only(file)) as connection:
            assert store.layout_of(connection) == TODAY
