"""A pen whose memory went back, or its journal: blocked, sealed, enrolled anew, used again."""

import shutil
from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.record.events import Actor
from controller.service.program import PROGRAM
from controller.session.act_errors import DosingBlocked, NotAllowed
from controller.session.states import State
from simulator.firmware.nvm import Memory, pack_slot
from simulator.ports import Chip
from tests.scenario.test_interleavings_memory import in_dose
from tests.support.arms import TECHNICIAN
from tests.support.bills import dosing, pen_for
from tests.support.pen_memory import memory_of, rewrite_memory
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6, 4)
WHY = "a new memory by the maker's service"


async def blocked(theatre: Theatre) -> None:
    """It stays blocked, and nothing moves."""
    await theatre.until(lambda: theatre.engine.link_error is not None)
    before = theatre.stage.truth.so_far().counted
    for act in (theatre.acts.treat, theatre.acts.prime):
        with pytest.raises(MicropenError):
            await act(PROGRAM)
    await theatre.rest(2.0)
    assert theatre.stage.truth.so_far().counted == before


async def seal_all(theatre: Theatre) -> None:
    for arm in theatre.engine.books.ledger.open_intervals():
        await theatre.acts.seal(arm.opened.arm_id, TECHNICIAN, WHY)


async def enrolled(theatre: Theatre) -> None:
    await theatre.acts.enrol(TECHNICIAN, WHY)
    assert theatre.engine.reconciled
    assert theatre.engine.violations == []
    assert not [name for name in theatre.engine.alarms.active if name.startswith("books-")]
    assert theatre.engine.state is not State.BLOCKED


async def a_session_as_ever(theatre: Theatre) -> None:
    """What was open goes to its end, and so does a new session, also after a restart."""
    if theatre.engine.book is not None:
        await theatre.operate()
    await two_more(theatre)
    theatre.check()


async def two_more(theatre: Theatre) -> None:
    """A session, and one more after a restart, each with a cartridge of its own."""
    theatre.stage.fit_cartridge(Chip(0xFEED, 1, 1, 1_000, used=False))
    await theatre.play(dosing(3))
    await theatre.stop()
    await theatre.start()
    theatre.stage.fit_cartridge(Chip(0xFEEE, 1, 1, 1_000, used=False))
    await theatre.play(dosing(3))


@pytest.mark.hazard("H14")
async def test_an_erased_memory(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        certificate_id = memory_of(theatre).certificate_id
        work = theatre.operate()
        await in_dose(theatre, 3)
        nvm = theatre.stage.world.nvm
        nvm.erase()
        theatre.reset_pen()
        with pytest.raises(MicropenError):
            await work
        await blocked(theatre)
        await seal_all(theatre)
        with pytest.raises(DosingBlocked, match="fault 60") as refused:
            await theatre.acts.enrol(TECHNICIAN, WHY)
        assert "service" in refused.value.action
        nvm.slots[:] = [pack_slot(Memory(certificate_id=certificate_id), 1), b""]
        theatre.reset_pen()
        await advance(3.0)
        await blocked(theatre)
        await enrolled(theatre)
        assert theatre.engine.books.ledger.boots[theatre.stage.uid] == 1
        await a_session_as_ever(theatre)
        (_, anew) = theatre.referee().all("pen_enrolled")
        assert (anew["actor"]["name"], anew["reason"]) == (TECHNICIAN.name, WHY)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("moment", ["in an arm", "at rest"])
async def test_a_memory_that_was_rolled_back(tmp_path: Path, moment: str) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        nvm = theatre.stage.world.nvm
        await in_dose(theatre, 1)
        old = list(nvm.slots)
        await in_dose(theatre, 4)
        if moment == "at rest":
            await theatre.until(lambda: theatre.armed_id == 0)
            work.cancel()
            await theatre.rest(0.5)
        nvm.slots[:] = old
        theatre.reset_pen()
        if moment == "in an arm":
            with pytest.raises(MicropenError):
                await work
        await advance(1.0)
        await blocked(theatre)
        if moment == "in an arm":
            with pytest.raises(DosingBlocked, match="still open") as refused:
                await theatre.acts.enrol(TECHNICIAN, WHY)
            assert "micropen session seal" in refused.value.action
            await seal_all(theatre)
            await blocked(theatre)
        await enrolled(theatre)
        await a_session_as_ever(theatre)


@pytest.mark.hazard("H04", "H14")
async def test_a_restored_backup_of_the_journal(tmp_path: Path) -> None:
    folder, backup = tmp_path / "j", tmp_path / "backup"
    async with Theatre(folder, pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
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
        await blocked(theatre)
        await seal_all(theatre)
        with pytest.raises(DosingBlocked, match="not in this journal") as refused:
            await theatre.acts.enrol(TECHNICIAN, WHY)
        assert "Close the session first" in refused.value.action
        await theatre.acts.close(PROGRAM)
        await enrolled(theatre)
        await two_more(theatre)
        referee = theatre.referee()
        assert referee.against({theatre.stage.uid: theatre.stage.truth}) == []
        assert referee.open_arms == []


@pytest.mark.hazard("H04", "H14")
async def test_an_arm_after_two_enrolments_is_on_record(tmp_path: Path) -> None:
    """The first one's baseline is higher than the pen's own ids and the journal's."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.play(dosing(3))
        memory = memory_of(theatre)
        ids_of_others = memory.highest_arm_id + 40
        rewrite_memory(theatre, highest_arm_id=ids_of_others)
        await advance(3.0)
        await enrolled(theatre)
        assert theatre.engine.books.ledger.baseline_arm_id(theatre.stage.uid) == ids_of_others
        fresh = Memory(certificate_id=memory.certificate_id)
        theatre.stage.world.nvm.slots[:] = [pack_slot(fresh, 1), b""]
        theatre.reset_pen()
        await advance(3.0)
        await blocked(theatre)
        await enrolled(theatre)
        await two_more(theatre)
        assert theatre.armed_id == 0
        last = max(arm.opened["arm_id"] for arm in theatre.check().arms.values())
        assert last > ids_of_others


@pytest.mark.hazard("H38")
@pytest.mark.parametrize("role", ["operator", "program"])
async def test_it_needs_the_role(tmp_path: Path, role: str) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        nobody = Actor.model_validate({"name": "x", "role": role})
        with pytest.raises(NotAllowed):
            await theatre.acts.enrol(nobody, WHY)
        assert len(theatre.referee().all("pen_enrolled")) == 1


async def test_not_while_an_arm_is_under_way(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 2)
        with pytest.raises(MicropenError):
            await theatre.acts.enrol(TECHNICIAN, WHY)
        await work
        theatre.check()
        assert len(theatre.referee().all("pen_enrolled")) == 1
