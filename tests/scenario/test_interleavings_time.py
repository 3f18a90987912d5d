"""Time that stands still for the disk, and time that the wall clock makes up.

Design section 5, C6: while the oldest uncommitted event is younger than 1 s the lease is renewed
though the ceiling cannot rise; then the pen rests by itself. No wall clock ever decides a dose.
"""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from controller.record.events import Actor
from controller.session.act_errors import NotFit
from controller.session.states import State
from tests.scenario.conftest import Figure
from tests.support.bills import QUICK, dosing, pen_for, stamping
from tests.support.theatre import Theatre
from tests.support.virtual import advance

FAST = stamping(400, 150, cadence_hz=150)
NO_LIFTS = msgspec.structs.replace(QUICK, glide_us=0)
QUICK_S = (0.001, 0.02)
OPERATOR = Actor(name="Op", role="operator")
YEAR_S = 365 * 86_400.0


async def stall_the_disk(theatre: Theatre, seconds: float) -> None:
    """One commit takes that long; those after it are quick again."""
    theatre.disk_s = (seconds, seconds)
    await advance(0.08)  # at 150 Hz a commit begins at least each 60 ms
    theatre.disk_s = QUICK_S


# --- disk stalled for 1, 5 and 60 s at 150 Hz -----------------------------------------------------


@pytest.mark.hazard("H19")
async def test_disk_stalled_for_1_s_at_150_hz_is_a_pause_in_the_same_arm(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(FAST, hand=NO_LIFTS)) as theatre:
        await theatre.begin(FAST)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= 100)
        await stall_the_disk(theatre, 0.9)
        await advance(0.9)
        await work
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed"] * 2
    assert referee.alarms == set()
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("stall_s", [1.0, 5.0, 60.0])
async def test_disk_stalled_at_150_hz(tmp_path: Path, stall_s: float, figure: Figure) -> None:
    """Never past what was durable before; at rest in time; complete once the disk is back."""
    async with Theatre(tmp_path / "j", pen_for(FAST, hand=NO_LIFTS)) as theatre:
        await theatre.begin(FAST)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= 100)
        began_s = theatre.clock.mono_s()
        await stall_the_disk(theatre, stall_s)
        (arm,) = theatre.referee().open_arms
        await advance(0.85 if stall_s < 2.0 else 0.0)
        rest_s = await theatre.rest(2.0) if stall_s > 2.0 else 0.0
        assert theatre.stage.truth.so_far().punctures <= arm.punctures_ahead
        assert theatre.referee().arms[arm.name].punctures_ahead == arm.punctures_ahead
        if stall_s > 2.0:
            # A second until the oldest event is stale, the lease, the brake.
            assert rest_s + 0.08 <= 1.0 + 0.2 + 0.15
            assert theatre.engine.state is not State.RUNNING
        await work
        took_s = theatre.clock.mono_s() - began_s
        referee = theatre.check()
    lapses = referee.end_reasons.count("lapse")
    assert lapses == (1 if stall_s > 2.0 else 0)
    assert ("lease_lapsed" in referee.alarms) == (stall_s > 2.0)
    assert referee.residuals == []
    assert referee.gaps == []
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    figure(f"stall of {stall_s} s: at rest after {rest_s + 0.08:.2f} s, done after {took_s:.1f} s")


@pytest.mark.hazard("H19", "H34")
async def test_disk_stalled_for_60_s_at_150_hz_and_a_stop_pressed_meanwhile(
    tmp_path: Path, figure: Figure
) -> None:
    """STOP waits for no disk: the needle stands at once, the entry follows when it can."""
    async with Theatre(tmp_path / "j", pen_for(FAST, hand=NO_LIFTS)) as theatre:
        await theatre.begin(FAST)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= 100)
        await stall_the_disk(theatre, 60.0)
        assert theatre.stage.moves
        theatre.engine.stop("test", OPERATOR)
        rest_s = await theatre.rest(1.0)
        assert rest_s <= 0.15
        assert not theatre.engine.stops.under_way
        assert theatre.referee().all("stop_sent") == []
        await work
        referee = theatre.check()
    (confirmed,) = referee.all("stop_confirmed")
    assert confirmed["latency_us"] < 100_000
    assert "stop" in referee.end_reasons
    assert "stop_unconfirmed" not in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    figure(f"at rest {rest_s:.3f} s after the stop, echo after {confirmed['latency_us']} us")


# --- clock stepped by years -----------------------------------------------------------------------


@pytest.mark.hazard("H15")
@pytest.mark.parametrize("years", [-5, 5, 60])
async def test_clock_stepped_by_years_in_mid_arm_changes_no_stroke(
    tmp_path: Path, years: int
) -> None:
    """Back and far ahead: the arm goes on stroke for stroke as without the step."""
    times: list[list[int]] = []
    for step_s in (0.0, years * YEAR_S):
        folder = tmp_path / f"{step_s}"
        async with Theatre(folder, pen_for(FAST, hand=NO_LIFTS)) as theatre:
            await theatre.begin(FAST)
            work = theatre.operate()
            await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= 100)
            theatre.clock.step_wall(step_s)
            await work
            referee = theatre.check()
        assert referee.end_reasons == ["disarmed"] * 2
        assert referee.alarms == set()
        times.append([each["pen_ticks"] for arm in referee.arms.values() for each in arm.events])
    assert times[0] == times[1]


@pytest.mark.hazard("H15", "H25", "H27")
@pytest.mark.parametrize("years", [-60, -5, 5, 60])
async def test_clock_stepped_by_years_in_mid_dosing_ends_no_arm_and_opens_none(
    tmp_path: Path, years: int
) -> None:
    """The zone is finished as planned; the next arm is refused, because the vial is out of date."""
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.armed_id == 2)
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        theatre.clock.step_wall(years * YEAR_S)
        with pytest.raises(NotFit):
            await work
        assert theatre.stage.truth.so_far().punctures == 6
        assert theatre.referee().end_reasons == ["disarmed"] * 2
        theatre.clock.step_wall(-years * YEAR_S)
        await theatre.operate()
        referee = theatre.check()
    assert sum(arm.certain[0] for arm in referee.arms.values()) == 10
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H08", "H15", "H25")
@pytest.mark.parametrize("years", [-60, -5, 60])
async def test_clock_stepped_by_years_over_a_crash(tmp_path: Path, years: int) -> None:
    """A Pi without a clock battery starts in 1970: the arm is closed, none is opened until set."""
    async with Theatre(tmp_path / "j", pen_for(FAST, hand=NO_LIFTS)) as theatre:
        await theatre.begin(FAST)
        theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures >= 100)
        await theatre.crash()
        assert await theatre.rest(1.0) <= 0.35
        theatre.clock.step_wall(years * YEAR_S)
        await theatre.start()
        if years < -30:
            with pytest.raises(NotFit):
                await theatre.operate()
            assert theatre.check().end_reasons == ["lapse"]
            theatre.clock.step_wall(-years * YEAR_S)
        await theatre.operate()
        referee = theatre.check()
    assert referee.residuals == []
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    ticks = [each["pen_ticks"] for arm in referee.arms.values() for each in arm.events]
    assert all(sooner < later for sooner, later in pairwise(ticks))
