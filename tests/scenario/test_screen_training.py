"""Training as the screen starts it: what goes wrong leaves the room as it was."""

from pathlib import Path
from typing import cast

import pytest

from controller.clock import SystemClock
from controller.console.errors import NotTraining
from controller.record.folder import FolderLock
from controller.service.app import Wanted
from controller.service.places import journal_folder
from controller.service.switching import LIFE, SEED, Place, Switch
from controller.session.books import SessionBook
from tests.support.bills import CONFIG

REAL = "a child process has no virtual time"


def place(tmp_path: Path, scenarios: Path = CONFIG / "simulator") -> Place:
    folder = journal_folder(tmp_path)
    wanted = Wanted(port=str(tmp_path / "no-pen"), folder=folder, realm="treatment")
    return Place(wanted, tmp_path, scenarios)


@pytest.mark.real_time(REAL)
async def test_a_pen_that_does_not_start_leaves_the_room_as_it_was(tmp_path: Path) -> None:
    switch = Switch(place(tmp_path, tmp_path / "nowhere"), SystemClock())
    await switch.start()
    before = switch.present
    with pytest.raises(NotTraining) as refused:
        await switch.start_training()
    assert "nowhere" in refused.value.what
    assert switch.present is before
    assert not switch.is_training
    await switch.close()


@pytest.mark.real_time(REAL)
async def test_a_training_journal_that_is_in_use_gives_the_room_back(tmp_path: Path) -> None:
    switch = Switch(place(tmp_path), SystemClock())
    await switch.start()
    folder = journal_folder(tmp_path / "training")
    folder.mkdir(parents=True)
    lock = FolderLock.acquire(folder)
    with pytest.raises(NotTraining):
        await switch.start_training()
    lock.release()
    realms = [switch.present.realm]
    assert not switch.is_training
    await switch.start_training()
    realms.append(switch.present.realm)
    assert realms == ["treatment", "training"]
    assert {LIFE, SEED} <= {path.name for path in (tmp_path / "training").iterdir()}
    await switch.close()


@pytest.mark.real_time(REAL)
async def test_what_was_opened_while_the_pen_started_up_keeps_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = Switch(place(tmp_path), SystemClock())
    await switch.start()
    before, plug_in = switch.present, Switch._plug_in

    async def and_a_session_opens(of: Switch) -> None:
        await plug_in(of)
        of.present.service.engine.book = cast(SessionBook, object())

    monkeypatch.setattr(Switch, "_plug_in", and_a_session_opens)
    with pytest.raises(NotTraining, match="opened while"):
        await switch.start_training()
    before.service.engine.book = None
    assert switch.present is before
    assert not switch.is_training
    await switch.close()
