"""The pen is lost, exchanged, or used elsewhere; the journal is older than the pen."""

import shutil
from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.record.events import Actor
from controller.service.program import PROGRAM
from controller.session.act_errors import DosingBlocked, NotAllowed
from controller.session.states import State
from simulator.ports import Chip
from tests.support.bills import dosing, pen_for
from tests.support.theatre import Theatre
from tests.support.truth import Moved
from tests.support.virtual import advance

TECHNICIAN = Actor(name="Tech", role="technician")
FRESH = Chip(0xFEED, 1, 1, 1_000, used=False)


async def lost_in_a_stroke(theatre: Theatre) -> None:
    """The pen disappears with a dose under way; nobody ever asks it again."""
    await theatre.until(lambda: theatre.stage.world.mechanism.oracle.in_stroke)
    await advance(0.02)
    theatre.unplug()
    await advance(0.5)
    assert theatre.engine.state is State.INTERRUPTED


@pytest.mark.hazard("H10")
async def test_a_lost_pen_is_sealed_and_the_session_goes_on_with_another(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan), seed=1) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await lost_in_a_stroke(theatre)
        theatre.plug_in_other(pen_for(plan), seed=2)
        await theatre.until(lambda: theatre.engine.reconciled)
        assert theatre.engine.state is State.INTERRUPTED
        (lost,) = theatre.check(still_open=1).open_arms
        arm_id = lost.opened["arm_id"]
        with pytest.raises(NotAllowed):
            await theatre.acts.seal(arm_id, PROGRAM, "no role for this")
        await theatre.acts.seal(arm_id, TECHNICIAN, "pen lost")
        await work
        referee = theatre.check()
    sealed = referee.arms[lost.name]
    assert sealed.closed is not None
    assert (sealed.closed["how"], sealed.closed["reason"]) == ("sealed", "pen lost")
    assert sealed.possible == lost.possible
    assert sealed.certain[0] < sealed.possible[0]
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    assert "uncertain_delivery" in referee.alarms


async def test_a_sealed_pen_that_comes_back_adds_nothing_to_the_patient(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan), seed=1) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await lost_in_a_stroke(theatre)
        (lost,) = theatre.check(still_open=1).open_arms
        await theatre.acts.seal(lost.opened["arm_id"], TECHNICIAN, "pen lost")
        theatre.replug()
        await work
        referee = theatre.check()
    assert referee.arms[lost.name].possible == lost.possible
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    assert "foreign_movement" not in referee.alarms


@pytest.mark.hazard("H12")
async def test_another_pen_cannot_close_the_first_one_s_interval(tmp_path: Path) -> None:
    """L19: the interval stays open, nothing is armed on the newcomer, the first pen closes it."""
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan), seed=1) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await lost_in_a_stroke(theatre)
        theatre.plug_in_other(pen_for(plan), seed=2)
        await theatre.rest(5.0)
        assert theatre.engine.state is State.INTERRUPTED
        assert theatre.stage.truth.so_far() == Moved()
        theatre.check(still_open=1)
        theatre.plug_in_first_again()
        await work
        referee = theatre.check()
    assert len({arm.opened["pen_uid"] for arm in referee.arms.values()}) == 1
    assert len(referee.all("pen_enrolled")) == 2
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H37")
async def test_movement_in_another_room_is_foreign_and_nobody_s(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "here", pen_for(plan)) as here:
        await here.begin(plan)
        work = here.operate()
        await here.until(lambda: here.stage.truth.so_far().punctures > 1)
        work.cancel()
        here.unplug()
        await advance(1.0)
        here.stage.truth.begin("elsewhere")
        ours = here.stage.fit_cartridge(FRESH)
        async with Theatre(tmp_path / "there", here.stage, seed=5) as there:
            await there.play(dosing(3))
            there.check()
            there.unplug()
        elsewhere = [
            moved
            for name, moved in here.stage.truth.segments().items()
            if name not in here.referee().arms
        ]
        here.stage.fit_cartridge(ours)
        here.replug()
        await here.operate()
        referee = here.check()
    (foreign,) = referee.all("foreign_movement")
    before, after = foreign["before"], foreign["after"]
    assert after["punctures"] - before["punctures"] == sum(moved.punctures for moved in elsewhere)
    assert after["dose_steps"] > before["dose_steps"]
    assert "foreign_movement" in referee.alarms
    sessions = [session for kind, session, _ in referee.entries if kind == "foreign_movement"]
    assert sessions == [None]
    assert sum(arm.certain[0] for arm in referee.arms.values()) == 10


@pytest.mark.hazard("H37")
async def test_a_second_host_that_takes_the_pen_ends_the_arm(tmp_path: Path) -> None:
    """Its handshake stops the pen at once; the first host goes on when it has the pen again."""
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "here", pen_for(plan)) as here:
        await here.begin(plan)
        work = here.operate()
        await here.until(lambda: here.stage.truth.so_far().punctures > 2)
        async with Theatre(tmp_path / "there", here.stage, seed=5) as there:
            await there.until(lambda: there.engine.reconciled)
            made = here.stage.truth.so_far().punctures
            assert await there.rest(0.5) < 0.05
            assert here.stage.truth.so_far().punctures == made
        await work
        referee = here.check()
    assert "new_link" in referee.end_reasons
    assert "foreign_movement" not in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H23")
async def test_a_used_cartridge_is_refused_to_the_next_patient(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(dosing())) as theatre:
        await theatre.play(dosing(2))
        made = theatre.stage.truth.so_far().counted
        await theatre.begin(dosing(2, patient="p-2"))
        with pytest.raises(DosingBlocked, match="used before"):
            await theatre.operate()
        assert theatre.stage.truth.so_far().counted == made
        theatre.stage.fit_cartridge(FRESH)
        await theatre.operate()
        theatre.check()


@pytest.mark.hazard("H14")
async def test_a_journal_restored_from_a_backup_blocks_dosing(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    folder, backup = tmp_path / "j", tmp_path / "backup"
    async with Theatre(folder, pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 1)
        work.cancel()
        await theatre.stop()
        shutil.copytree(folder, backup)
        await theatre.start()
        work = theatre.operate()
        await theatre.until(lambda: theatre.armed_id > 2)
        work.cancel()
        await theatre.stop()
        shutil.rmtree(folder)
        shutil.copytree(backup, folder)
        await theatre.start()
        before = theatre.stage.truth.so_far().counted
        with pytest.raises(MicropenError, match="the journal does not"):
            await theatre.operate()
        assert theatre.engine.state is State.BLOCKED
        await theatre.rest(5.0)
        assert theatre.stage.truth.so_far().counted == before
        assert "books_contradict_pen" in theatre.referee().alarms


@pytest.mark.hazard("H14")
async def test_a_pen_that_lost_its_memory_is_blocked(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 1)
        theatre.stage.world.nvm.erase()
        theatre.reset_pen()
        with pytest.raises(MicropenError):
            await work
        assert theatre.engine.state is State.BLOCKED
        moved = theatre.stage.truth.so_far().counted
        await theatre.rest(5.0)
        assert theatre.stage.truth.so_far().counted == moved
        referee = theatre.check(still_open=1)
        arm_id = referee.open_arms[0].opened["arm_id"]
        await theatre.acts.seal(arm_id, TECHNICIAN, "its memory is lost")
        with pytest.raises((MicropenError, DosingBlocked)):
            await theatre.acts.treat(PROGRAM)
        theatre.check()
    assert "books_contradict_pen" in referee.alarms
