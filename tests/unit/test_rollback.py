"""`micropen rollback`: the program before runs again, never silently over what it cannot read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.record.verify import verify
from controller.service.appliance.errors import NotInstalled
from controller.service.appliance.switches import current_slot, history
from controller.service.appliance.takeover import failure_of
from controller.service.appliance.update_errors import (
    JournalWentForward,
    NothingToGoBackTo,
    NotIdle,
    PreflightRefused,
    UpdateUndone,
)
from tests.support.inputs import spoil
from tests.support.journals import closed, opened, strokes
from tests.support.next_layout import next_layout
from tests.support.room_machine import RoomMachine, Version
from tests.unit.test_update import NEW, OLD, record, running

WENT_FORWARD = "1.0.0 cannot read the journal"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RoomMachine]:
    """A machine that was updated from 1.0.0 to 1.1.0, which runs."""
    yield from updated(RoomMachine(tmp_path / "root"), tmp_path)


@pytest.fixture
def newer(tmp_path: Path) -> Iterator[RoomMachine]:
    """The same, and 1.1.0 brought the journal forward."""
    yield from updated(RoomMachine(tmp_path / "root", {NEW: Version(newer_layout=True)}), tmp_path)


def updated(machine: RoomMachine, folder: Path) -> Iterator[RoomMachine]:
    machine.installs(folder)
    record(opened(), closed())(machine.service)
    machine.updates(folder, NEW)
    machine.ran.clear()
    machine.said.clear()
    yield machine
    machine.halt()


def last_line(room: RoomMachine) -> tuple[object, object, object]:
    row = history(room.layout)[-1]
    assert isinstance(row["from"], dict)
    assert isinstance(row["to"], dict)
    return row["from"]["version"], row["to"]["version"], row["why"]


def test_the_program_before_runs_again_and_the_newer_one_after_that(room: RoomMachine) -> None:
    room.rolls_back()
    assert (running(room), current_slot(room.layout)) == (OLD, "a")
    assert last_line(room) == (NEW, OLD, "rollback: worse")
    room.rolls_back()
    assert (running(room), current_slot(room.layout)) == (NEW, "b")
    room.halt()
    assert verify(room.journal).ok


def test_there_must_be_something_to_go_back_to(tmp_path: Path) -> None:
    room = RoomMachine(tmp_path / "root")
    with pytest.raises(NotInstalled):
        room.rolls_back()
    room.installs(tmp_path)
    with pytest.raises(NothingToGoBackTo, match="no complete program"):
        room.rolls_back()
    room.halt()


@pytest.mark.hazard("H46")
def test_what_failed_is_not_gone_back_to(room: RoomMachine, tmp_path: Path) -> None:
    room.versions["1.2.0"] = Version(comes_up=False)
    with pytest.raises(UpdateUndone):
        room.updates(tmp_path, "1.2.0")
    with pytest.raises(NothingToGoBackTo, match=r"micropen 1\.2\.0 .* failed on .*1\.2\.0 failed"):
        room.rolls_back()
    assert running(room) == NEW
    (room.layout.slot("a") / "failed.json").write_text("torn")
    with pytest.raises(NothingToGoBackTo, match="cannot be read"):
        room.rolls_back()


@pytest.mark.hazard("H46")
def test_not_in_mid_session_but_out_of_one_that_died(room: RoomMachine) -> None:
    record(opened("s-2"))(room.service)
    with pytest.raises(NotIdle):
        room.rolls_back()
    assert running(room) == NEW
    assert last_line(room)[:2] == (NEW, NEW)
    room.halt()  # the newer program crashed, and the session is to be finished with the older one
    room.rolls_back()
    assert running(room) == OLD


def test_the_older_program_is_asked_too(room: RoomMachine) -> None:
    spoil(room.layout.config / "controller.toml", "[planning]", "[planing]")
    with pytest.raises(PreflightRefused, match="config"):
        room.rolls_back()
    assert (running(room), failure_of(room.layout.slot("a"))) == (NEW, None)


def test_an_older_program_that_does_not_come_up_either_is_undone(room: RoomMachine) -> None:
    room.versions[OLD] = Version(comes_up=False)
    with pytest.raises(UpdateUndone, match=r"1\.0\.0 did not come up; 1\.1\.0 runs again"):
        room.rolls_back()
    assert running(room) == NEW


# --- over a journal that went forward ----------------------------------------------------------


@pytest.mark.hazard("H46")
def test_an_unused_newer_journal_is_put_aside_only_when_it_is_said(newer: RoomMachine) -> None:
    with pytest.raises(JournalWentForward, match=WENT_FORWARD) as caught:
        newer.rolls_back()
    assert "micropen rollback --undo-migration" in caught.value.what
    assert running(newer) == NEW
    newer.rolls_back(takes_back=True)
    assert running(newer) == OLD
    assert (newer.state / "journal-of-layout-2" / "journal-2.db").exists()
    newer.halt()
    assert verify(newer.journal).ok
    newer.boot()
    newer.rolls_back()
    assert running(newer) == NEW
    newer.halt()
    with next_layout():
        assert verify(newer.journal).ok


@pytest.mark.hazard("H46")
@pytest.mark.parametrize("takes_back", [False, True])
def test_a_used_one_is_refused_with_what_would_be_missing(
    newer: RoomMachine, takes_back: bool
) -> None:
    record(opened("s-2"), strokes(1, 0, 2, session_id="s-2"), closed("s-2"))(newer.service)
    with pytest.raises(JournalWentForward, match=WENT_FORWARD) as caught:
        newer.rolls_back(takes_back=takes_back)
    said = caught.value.what
    assert f"The copy from before is {newer.state}/journal-before-layout-2" in said
    assert "1 session_closed, 1 session_opened, 1 strokes" in said
    assert "Sessions and calibrations among them: s-2." in said
    assert "docs/operations.md" in said
    assert running(newer) == NEW
    newer.halt()
    with next_layout():
        assert verify(newer.journal).ok


def test_without_the_copy_that_is_said_too(newer: RoomMachine) -> None:
    record(opened("s-2"), closed("s-2"))(newer.service)
    (newer.state / "journal-before-layout-2" / "backup.json").unlink()
    with pytest.raises(JournalWentForward, match="No copy from before is here"):
        newer.rolls_back()


def test_a_session_opened_at_the_last_moment_is_not_put_aside(newer: RoomMachine) -> None:
    newer.on_stop = record(opened("s-2"), closed("s-2"))
    with pytest.raises(Exception, match="was used since") as caught:
        newer.rolls_back(takes_back=True)
    assert "E5032" in str(caught.value)
    assert running(newer) == NEW
