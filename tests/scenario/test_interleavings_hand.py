"""The hand between two arms and on one point: a trigger held on, a contact that bounces.

SPEC 6.6: a press counts when it is made after the ARM; contact counts after 20 ms without a break
and is lost after 50 ms without any.
"""

from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from controller.record.events import Actor
from controller.service.program import PROGRAM
from controller.session.plan import Plan
from controller.session.states import State
from simulator.practitioner import HandSettings
from tests.support.bills import dosing, pen_for
from tests.support.delay_line import DelayLine
from tests.support.theatre import Theatre
from tests.support.virtual import advance

OPERATOR = Actor(name="Op", role="operator")
NOBODY = HandSettings(enabled=False)
REST_S = 0.35


class Hand:
    """A hand that does what the test says, now."""

    def __init__(self, theatre: Theatre) -> None:
        self._stage = theatre.stage

    def press(self, *, held: bool) -> None:
        self._stage.driver.run()
        self._stage.world.press(held=held)
        self._stage.driver.run()

    def touch(self, *, touching: bool) -> None:
        self._stage.driver.run()
        self._stage.world.touch(touching=touching)
        self._stage.driver.run()

    async def press_again(self) -> None:
        self.press(held=False)
        await advance(0.1)
        self.press(held=True)

    async def bounce(self, times_s: list[float]) -> None:
        """Lift and land in turn, each state for one of these times; ends on the skin."""
        touching = False
        for time_s in times_s:
            self.touch(touching=touching)
            touching = not touching
            await advance(time_s)
        self.touch(touching=True)


async def primed(theatre: Theatre, plan: Plan) -> Hand:
    """A session whose prime is through; nothing is pressed or touched."""
    hand = Hand(theatre)
    await theatre.begin(plan)
    await theatre.acts.prime(PROGRAM)
    hand.press(held=True)
    await theatre.until(lambda: theatre.armed_id == 0)
    hand.press(held=False)
    await advance(0.2)
    return hand


async def stands_for(theatre: Theatre, seconds: float) -> None:
    """Nothing moves, and the arm stays alive by its grants."""
    before = theatre.stage.truth.so_far().counted
    assert await theatre.rest(seconds) == 0.0
    assert theatre.stage.truth.so_far().counted == before
    assert theatre.engine.state is State.RUNNING


def punctures(theatre: Theatre) -> int:
    return theatre.stage.truth.so_far().punctures


# --- trigger held across arm, lapse and re-arm ----------------------------------------------------


@pytest.mark.hazard("H36")
async def test_trigger_held_across_arm_lapse_and_re_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = dosing(6)
    async with Theatre(tmp_path / "j", pen_for(plan, hand=NOBODY)) as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        hand = await primed(theatre, plan)
        hand.touch(touching=True)
        hand.press(held=True)
        await advance(0.1)
        await theatre.acts.treat(PROGRAM)
        await stands_for(theatre, 3.0)  # held across the arm
        await hand.press_again()
        await theatre.until(lambda: punctures(theatre) == 3)
        line.lose_all()
        assert await theatre.rest(1.0) <= REST_S  # held across the lapse
        line.lose_nothing()
        lapsed_at = theatre.stage.truth.so_far().punctures
        await theatre.until(lambda: theatre.engine.state is State.READY)
        await theatre.acts.treat(PROGRAM)
        await stands_for(theatre, 3.0)  # held across the next arm
        await hand.press_again()
        await theatre.until(lambda: theatre.armed_id == 0)
        assert punctures(theatre) == 6 - lapsed_at
        await theatre.acts.close(PROGRAM)
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed", "lapse", "disarmed"]
    assert referee.residuals == []
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H36")
async def test_trigger_held_across_stop_clear_and_re_arm(tmp_path: Path) -> None:
    plan = dosing(4)
    async with Theatre(tmp_path / "j", pen_for(plan, hand=NOBODY)) as theatre:
        hand = await primed(theatre, plan)
        await theatre.acts.treat(PROGRAM)
        hand.touch(touching=True)
        hand.press(held=True)
        await theatre.until(lambda: punctures(theatre) == 2)
        theatre.engine.stop("test")
        assert await theatre.rest(1.0) <= 0.1
        await theatre.acts.clear(OPERATOR)
        assert await theatre.rest(2.0) == 0.0
        await theatre.acts.treat(PROGRAM)
        await stands_for(theatre, 3.0)
        await hand.press_again()
        await theatre.until(lambda: theatre.armed_id == 0)
        await theatre.acts.close(PROGRAM)
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed", "stop", "disarmed"]
    made = [moved.punctures for moved in theatre.stage.truth.segments().values()]
    assert sum(made) == 4


@pytest.mark.hazard("H36")
async def test_trigger_held_across_a_reset_of_the_pen_latches(tmp_path: Path) -> None:
    plan = dosing(4)
    async with Theatre(tmp_path / "j", pen_for(plan, hand=NOBODY)) as theatre:
        hand = await primed(theatre, plan)
        await theatre.acts.treat(PROGRAM)
        hand.touch(touching=True)
        hand.press(held=True)
        await theatre.until(lambda: punctures(theatre) == 2)
        theatre.reset_pen()
        await theatre.until(lambda: theatre.engine.state is State.LATCHED)
        assert await theatre.rest(2.0) == 0.0
        assert "trigger_stuck" in theatre.referee().alarms
        hand.press(held=False)
        hand.touch(touching=False)
        await theatre.acts.clear(OPERATOR)
        assert theatre.engine.state is State.READY
        theatre.check()


# --- contact bounce within one point -------------------------------------------------------------


@pytest.mark.hazard("H07")
async def test_contact_bounce_within_one_point_gives_one_dose_each(tmp_path: Path) -> None:
    """Bounces on landing, in the dose and at its end: three points, three whole doses."""
    plan = dosing(3, cadence_hz=2)
    rng = Random("bounce")
    async with Theatre(tmp_path / "j", pen_for(plan, hand=NOBODY)) as theatre:
        hand = await primed(theatre, plan)
        await theatre.acts.treat(PROGRAM)
        oracle = theatre.stage.world.mechanism.oracle
        hand.press(held=True)
        for point in range(3):
            await hand.bounce([rng.uniform(0.001, 0.018) for _ in range(12)])
            assert punctures(theatre) == point, "no contact was ever stable for 20 ms"
            await theatre.until(lambda: oracle.in_stroke)
            await hand.bounce([rng.uniform(0.001, 0.045) for _ in range(2)])
            await theatre.until(lambda: not theatre.stage.moves)
            await hand.bounce([rng.uniform(0.001, 0.010) for _ in range(2)])
            assert punctures(theatre) == point + 1
            hand.touch(touching=False)
            await advance(0.5)
            assert punctures(theatre) == point + 1
        await theatre.until(lambda: theatre.armed_id == 0)
        referee = theatre.check()
    strokes = referee.arms[theatre.stage.truth.present].events
    assert len(strokes) == 3
    assert not any(stroke["partial"] for stroke in strokes)
    assert {stroke["steps"] for stroke in strokes} == {738}


@pytest.mark.hazard("H07", "H43")
@pytest.mark.parametrize("seed", range(3))
async def test_contact_bounce_within_one_point_never_shortens_the_period(
    tmp_path: Path, seed: int
) -> None:
    """Ten seconds of bouncing on one spot: at most the cadence, every stroke on record once."""
    plan = dosing(60, cadence_hz=5)
    rng = Random(f"long bounce {seed}")
    async with Theatre(tmp_path / "j", pen_for(plan, hand=NOBODY), seed=seed) as theatre:
        hand = await primed(theatre, plan)
        await theatre.acts.treat(PROGRAM)
        hand.press(held=True)
        end_s = theatre.clock.mono_s() + 10.0
        while theatre.clock.mono_s() < end_s:
            await hand.bounce([rng.choice((0.002, 0.01, 0.03, 0.06)) for _ in range(4)])
            await advance(rng.uniform(0.0, 0.3))
            await _press_if_used_up(theatre, hand)
        hand.press(held=False)
        await theatre.rest(1.0)
        await theatre.acts.pause(PROGRAM)
        await theatre.until(lambda: theatre.armed_id == 0)
        referee = theatre.check()
        made = theatre.stage.truth.so_far()
    strokes = referee.arms[theatre.stage.truth.present].events
    assert len(strokes) == made.punctures
    assert sum(stroke["steps"] for stroke in strokes) == made.forward_steps
    assert 10 <= made.punctures <= 51
    ends = [stroke["pen_ticks"] for stroke in strokes if not stroke["partial"]]
    assert min(later - sooner for sooner, later in pairwise(ends)) >= 199_000


async def _press_if_used_up(theatre: Theatre, hand: Hand) -> None:
    """A dose that was cut used the press up: let go and press, as a person would."""
    before = punctures(theatre)
    await advance(0.25)
    if punctures(theatre) == before:
        await hand.press_again()
