"""Killed at any step of an update or a rollback: the machine starts, old or new, never half.

The process really ends. Whatever the switch names then is whole and comes up on the journal as it
is; the same command again gets to its end. test_appliance_killed.py kills within these steps.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from controller.record.reader import JournalReader
from controller.record.verify import verify
from controller.service.appliance import files, preflight, takeover
from controller.service.appliance.switches import current_slot, history, is_complete
from controller.service.doctor.line import green
from tests.support.journals import closed, opened
from tests.support.next_layout import next_layout
from tests.support.room_machine import RoomMachine, Version
from tests.unit.test_appliance_killed import KILLED
from tests.unit.test_update import NEW, OLD, record, running

STEPS: Final = ("put", "point", "append_line", "make_folders")
"""What changes the installation; between two of them nothing does."""


class Fate:
    """Ends the process before its `left`th step."""

    def __init__(self, left: int) -> None:
        self.left = left

    def step(self, *_: object) -> None:
        if self.left == 0:
            os._exit(KILLED)
        self.left -= 1

    def before(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*words: Any, **named: Any) -> Any:
            self.step()
            return real(*words, **named)

        return stepped


def killed_at(number: int, room: RoomMachine, act: Callable[[], None]) -> bool:
    """Do `act` in a process that ends before its step `number`; False when it has fewer."""
    child = os.fork()
    if child == 0:
        fate = Fate(number)
        for name in STEPS:
            setattr(files, name, fate.before(getattr(files, name)))
        room.on_run = fate.step
        try:
            act()
        except BaseException:
            os._exit(1)
            raise
        room.halt()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, KILLED}
    return code == KILLED


def known(room: RoomMachine) -> list[str]:
    """The hash of every entry that was recorded before."""
    with next_layout(), closing(JournalReader(room.journal)) as reader:
        return [entry.hash for entry in reader.entries()]


def starts(room: RoomMachine, before: list[str]) -> str:
    """The power comes back: which program runs, on a record that lacks nothing."""
    slot = current_slot(room.layout)
    assert slot is not None
    assert is_complete(room.layout.slot(slot))
    room.boot()
    version = running(room)
    room.halt()
    assert version in {OLD, NEW}
    with next_layout():
        assert verify(room.journal).ok
    assert known(room)[: len(before)] == before
    return version


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units and accounts are the installer's own test; the config folder is that of test_update."""
    monkeypatch.setattr(takeover, "prepare", lambda *_: None)
    monkeypatch.setattr(preflight, "config", lambda _: green("config", "-"))


@pytest.mark.hazard("H46")
@pytest.mark.hazard("H04")
def test_an_update_that_is_cut_short_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    room = RoomMachine(tmp_path / "root", {NEW: Version(newer_layout=True)})
    room.installs(tmp_path)
    record(opened(), closed())(room.service)
    room.halt()
    seen, number = [], 0
    while True:
        before = known(room)
        if not killed_at(number, room, lambda: room.updates(tmp_path, NEW)):
            break
        seen.append(starts(room, before))
        number += 1
        if seen[-1] == NEW:  # from where it came: each step is reached from the old program
            room.rolls_back(takes_back=True)
            room.halt()
    assert number > 15
    assert starts(room, known(room)) == NEW
    assert set(seen) == {OLD, NEW}
    assert all("to" in line for line in history(room.layout))


@pytest.mark.hazard("H46")
def test_a_rollback_that_is_cut_short_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    room = RoomMachine(tmp_path / "root", {NEW: Version(newer_layout=True)})
    room.installs(tmp_path)
    record(opened(), closed())(room.service)
    seen, number = [], 0
    room.updates(tmp_path, NEW)
    room.halt()
    while killed_at(number, room, lambda: room.rolls_back(takes_back=True)):
        seen.append(starts(room, known(room)[:4]))
        number += 1
        if seen[-1] == OLD:
            room.rolls_back()
            room.halt()
    assert number > 8
    assert starts(room, known(room)[:4]) == OLD
    assert set(seen) == {OLD, NEW}
