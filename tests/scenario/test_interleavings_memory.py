"""What the pen's memory knows and what the host heard, one stroke apart, and older than the books.

SPEC section 8: certain is the higher of the record's proven counters and the committed events; a
boot id or a counter lower than the host's record closes nothing and moves nothing.
"""

from pathlib import Path

import msgspec
import pytest

from controller.errors import MicropenError
from controller.record.events import Actor
from controller.service.program import PROGRAM
from controller.session.plan import Plan
from simulator.misbehaviour import FaultName, FaultSettings
from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for, stamping
from tests.support.pen_memory import memory_of, rewrite_memory
from tests.support.referee import Arm, Referee
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6, 4)
TECHNICIAN = Actor(name="Tech", role="technician")
WHOLE = 10**9
"""More bytes than a slot has: the power goes just after the write."""


def made(theatre: Theatre) -> int:
    """Punctures of the pen's whole life, by the oracle."""
    return sum(moved.punctures for moved in theatre.stage.truth.segments().values())


async def in_dose(theatre: Theatre, number: int) -> None:
    """Return 10 ms into the dose of that number."""
    oracle = theatre.stage.world.mechanism.oracle
    await theatre.until(lambda: oracle.in_stroke and made(theatre) >= number)
    await advance(0.01)


def unknown(arm: Arm) -> tuple[int, int]:
    """Punctures and steps that nobody can prove."""
    return arm.possible[0] - arm.certain[0], arm.possible[1] - arm.certain[1]


def cut_arm(referee: Referee) -> Arm:
    """The one arm that a reset ended."""
    (arm,) = (
        arm for arm in referee.arms.values() if arm.closed and arm.closed["end_reason"] == "boot"
    )
    return arm


# --- reset between a stroke and its NVM write, heard and unheard ---------------------------------


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("bytes_written", [0, 10, 100], ids="{} bytes".format)
async def test_reset_between_a_stroke_and_its_nvm_write_unheard(
    tmp_path: Path, bytes_written: int
) -> None:
    """The dose is in the skin, its event died with the pen's RAM: one dose is unknown for ever."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 3)
        nvm = theatre.stage.world.nvm
        nvm.cut_at[nvm.writes + 1] = bytes_written
        await work
        referee = theatre.check()
    arm = cut_arm(referee)
    dose = arm.opened["steps"]
    assert unknown(arm) == (1, dose)
    assert arm.certain == (2, 2 * dose)
    moved = theatre.stage.truth.segments()[arm.name]
    assert (moved.punctures, moved.forward_steps) == arm.possible
    assert referee.residuals == [arm]
    assert "residual_delivery" in referee.alarms
    assert made(theatre) == 10, "the unknown dose is not given again"


@pytest.mark.hazard("H11")
async def test_reset_between_a_stroke_and_its_nvm_write_unheard_at_the_very_instant(
    tmp_path: Path,
) -> None:
    """The supply fails as the needle comes to rest, before the firmware looks."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 3)
        theatre.stage.strike(FaultName.REBOOT_BEFORE_NVM)
        await work
        referee = theatre.check()
    arm = cut_arm(referee)
    assert unknown(arm) == (1, arm.opened["steps"])
    assert made(theatre) == 10


@pytest.mark.hazard("H11")
async def test_reset_between_a_stroke_and_its_nvm_write_heard(tmp_path: Path) -> None:
    """The event was committed before the power went: the books prove what the memory does not."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 3)
        nvm = theatre.stage.world.nvm
        unwritten = list(nvm.slots)
        (arm,) = theatre.referee().open_arms
        await theatre.until(lambda: _committed(theatre, arm.name) == 3)
        assert not theatre.stage.moves
        nvm.slots[:] = unwritten
        theatre.reset_pen()
        await work
        referee = theatre.check()
    arm = cut_arm(referee)
    assert arm.certain == arm.possible == (3, 3 * arm.opened["steps"])
    assert referee.residuals == []
    assert "residual_delivery" not in referee.alarms
    assert made(theatre) == 10


@pytest.mark.hazard("H11")
async def test_reset_right_after_the_nvm_write_of_a_stroke_unheard(tmp_path: Path) -> None:
    """Memory knows it, the event is lost: proven by the pen's record alone, nothing unknown."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 3)
        nvm = theatre.stage.world.nvm
        nvm.cut_at[nvm.writes + 1] = WHOLE
        await work
        referee = theatre.check()
    arm = cut_arm(referee)
    assert arm.certain == arm.possible == (3, 3 * arm.opened["steps"])
    assert sum(event["kind"] == "puncture" for event in arm.events) == 2
    assert made(theatre) == 10


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("seed", range(4))
async def test_reset_of_a_running_needle_between_its_strokes_and_their_nvm_write(
    tmp_path: Path, seed: int, figure: Figure
) -> None:
    """One reservation covers the run: heard strokes are certain, the rest of it is not."""
    plan = stamping(150, 60)
    async with Theatre(tmp_path / "j", pen_for(plan), seed=seed) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: made(theatre) >= 50)
        await advance(seed * 0.003)
        (arm,) = theatre.referee().open_arms
        theatre.reset_pen()
        await work
        referee = theatre.check()
    arm = cut_arm(referee)
    really = theatre.stage.truth.segments()[arm.name].punctures
    assert arm.certain[0] == len(arm.events), "memory proves nothing of this run, the events do"
    assert 40 <= arm.certain[0] <= really <= arm.possible[0]
    assert "residual_delivery" in referee.alarms
    assert sum(each.possible[0] for each in referee.arms.values()) <= 210
    figure(f"{arm.certain[0]} heard of {really} made, at most {arm.possible[0]}")


def _committed(theatre: Theatre, name: str) -> int:
    return len(theatre.referee().arms[name].events)


# --- NVM rolled back -----------------------------------------------------------------------------


async def no_motion_and_blocked(theatre: Theatre) -> Referee:
    """Every arm is refused, nothing moves for 5 s, the alarm is on record."""
    before = theatre.stage.truth.so_far().counted
    for act in (theatre.acts.treat, theatre.acts.prime):
        with pytest.raises(MicropenError):
            await act(PROGRAM)
    await theatre.rest(5.0)
    assert theatre.stage.truth.so_far().counted == before
    referee = theatre.referee()
    assert "books_contradict_pen" in referee.alarms
    return referee


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("moment", ["in mid-dose", "between two doses"])
async def test_nvm_rolled_back_while_an_arm_is_open(tmp_path: Path, moment: str) -> None:
    """Both slots are an old copy: the pen would count the same doses again."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 1)
        nvm = theatre.stage.world.nvm
        old = list(nvm.slots)
        await in_dose(theatre, 4)
        if moment == "between two doses":
            await theatre.until(lambda: not theatre.stage.moves)
        nvm.slots[:] = old
        theatre.reset_pen()
        with pytest.raises(MicropenError):
            await work
        referee = await no_motion_and_blocked(theatre)
        (arm,) = referee.open_arms
        moved = theatre.stage.truth.so_far()
        assert arm.certain[0] <= moved.punctures <= arm.possible[0], "open, with its bounds"
        await theatre.acts.seal(arm.opened["arm_id"], TECHNICIAN, "memory rolled back")
        referee = await no_motion_and_blocked(theatre)
        assert referee.arms[arm.name].possible == arm.possible
        theatre.check()


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("plan", [PLAN, stamping(60, 40)], ids=["dosing", "running"])
async def test_nvm_rolled_back_between_two_arms(tmp_path: Path, plan: Plan) -> None:
    """A memory from the arm before the last: its counters are lower than those of the books."""
    first_zone = 2 if plan.dispenses else 1
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.armed_id == first_zone)
        nvm = theatre.stage.world.nvm
        old = list(nvm.slots)
        await theatre.until(lambda: theatre.armed_id == 0)
        work.cancel()
        await theatre.rest(0.5)
        nvm.slots[:] = old
        theatre.reset_pen()
        await advance(1.0)
        referee = await no_motion_and_blocked(theatre)
        assert referee.open_arms == []
        theatre.check()


@pytest.mark.hazard("H14")
async def test_nvm_rolled_back_by_one_write_proves_no_less(tmp_path: Path) -> None:
    """The newest slot is bad: the one before it says the same counters as reserved (SPEC 8)."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await in_dose(theatre, 3)
        nvm = theatre.stage.world.nvm
        in_stroke = list(nvm.slots)
        await theatre.until(lambda: not theatre.stage.moves)
        (newest,) = (at for at in (0, 1) if nvm.slots[at] != in_stroke[at])
        nvm.slots[newest] = nvm.slots[newest][:-1]
        theatre.reset_pen()
        await work
        referee = theatre.check()
    assert made(theatre) == 10
    assert "books_contradict_pen" not in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"


# --- reset in the pen's own relief ---------------------------------------------------------------


@pytest.mark.hazard("H29", "H45")
@pytest.mark.parametrize("after_s", [0.0, 0.03, 0.2])
async def test_reset_in_the_relief_of_an_occlusion_is_nobody_else_s_movement(
    tmp_path: Path, after_s: float
) -> None:
    """Its event dies with the pen's RAM, its reservation is counted: no other host is suspected."""
    given = FaultSettings(name=FaultName.OCCLUSION, after_strokes=3, lasts_s=2.0)
    async with Theatre(tmp_path / "j", pen_for(PLAN, fault=(given,))) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        oracle = theatre.stage.world.mechanism.oracle
        await theatre.until(lambda: oracle.totals.backward_steps > 0)
        await advance(after_s)
        theatre.reset_pen()
        await work
        referee = theatre.check()
    assert "occlusion" in referee.alarms
    assert "foreign_movement" not in referee.alarms
    assert made(theatre) == 10
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H37")
async def test_a_reversal_that_another_host_made_is_still_foreign(tmp_path: Path) -> None:
    """The same counters, but the pen has been armed since: that is an alarm."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.armed_id == 2)
        work.cancel()
        theatre.unplug()
        await theatre.rest(1.0)
        memory = memory_of(theatre)
        counters = msgspec.structs.replace(
            memory.reserved, reverse_steps=memory.reserved.reverse_steps + 100
        )
        rewrite_memory(theatre, proven=counters, reserved=counters, highest_arm_id=9)
        theatre.replug()
        await theatre.operate()
        referee = theatre.check()
    assert "foreign_movement" in referee.alarms
