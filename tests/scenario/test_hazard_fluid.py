"""Nothing, too little or too much leaves the needle: what the record says of it, and how soon."""

from fractions import Fraction
from pathlib import Path

import pytest

from controller.service.program import PROGRAM
from controller.session.states import State
from simulator.misbehaviour import FaultName, Moment
from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for, stamping
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PICOLITRES = 2_711
DOSE_STEPS = 738
PUNCTURES_TO_ALARM = 3
"""A blocked line has to come under pressure first."""
LINE_BOLUS_NL = 6_000
"""What a line of 0.03 uL/kPa holds at the 200 kPa at which the pump stops (domain: compliance)."""

STALLS: dict[str, tuple[FaultName, float]] = {
    "pump_fault": (FaultName.PUMP_BLOCKED, 0.0),
    "occlusion": (FaultName.OCCLUSION, 0.0),
    "reservoir_empty": (FaultName.EMPTY, 0.0),
}


@pytest.mark.hazard("H03")
@pytest.mark.parametrize("alarm", ["pump_fault", "occlusion", "reservoir_empty"])
@pytest.mark.parametrize("when", [Moment.AT_ONCE, Moment.PUMPING, Moment.STROKE_END])
async def test_a_pen_that_gives_nothing_is_alarmed_and_booked_as_it_was(
    tmp_path: Path, figure: Figure, alarm: str, when: Moment
) -> None:
    """The record is the oracle's, step by step, and no plan fills it up."""
    name, value = STALLS[alarm]
    async with Theatre(tmp_path / "j", pen_for(dosing(60))) as theatre:
        await theatre.begin(dosing(60))
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 3)
        before = theatre.stage.truth.so_far().punctures
        theatre.stage.strike(name, value=value, when=when)
        await theatre.until(lambda: alarm in _active(theatre), 5.0)
        after = theatre.stage.truth.so_far().punctures - before
        work.cancel()
        await theatre.rest(1.5)
        await theatre.until(lambda: not theatre.engine.arm_is_open, 5.0)
        referee = theatre.check()
        moved = theatre.stage.truth.so_far()
    (arm,) = [each for each in referee.arms.values() if each.opened["zone"]]
    assert arm.certain == arm.possible == (moved.punctures, moved.forward_steps)
    if alarm != "occlusion":  # the steps of a closed line are made, into its compliance
        assert moved.forward_steps < moved.punctures * DOSE_STEPS
    assert after <= PUNCTURES_TO_ALARM
    figure(f"{after} punctures until the alarm")


@pytest.mark.hazard("H03")
async def test_a_needle_that_stalls_is_no_puncture_that_was_never_made(tmp_path: Path) -> None:
    plan = stamping(300)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 40)
        before = theatre.stage.truth.so_far().punctures
        theatre.stage.strike(FaultName.MOTOR_STALL, lasts_s=1.0)
        await theatre.until(lambda: "motor_jam" in _active(theatre), 2.0)
        assert theatre.stage.truth.so_far().punctures - before <= PUNCTURES_TO_ALARM
        await work
        theatre.check()


def _active(theatre: Theatre) -> set[str]:
    return {alarm.name for alarm in theatre.engine.alarms.active.values()}


@pytest.mark.hazard("H29")
@pytest.mark.parametrize("opens_after_s", [0.05, 0.3, 3.0])
async def test_what_a_line_gives_when_it_opens_again(
    tmp_path: Path, figure: Figure, opens_after_s: float
) -> None:
    """Before the relief it is at most what the line held; after it, nothing worth a dose."""
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 2)
        body = theatre.stage.world.mechanism
        body.fluid.blocked = True
        await theatre.until(lambda: theatre.engine.state is State.LATCHED, 5.0)
        work.cancel()
        at_stop_nl = body.oracle.volume_nl()
        pressed_kpa = body.pressure_kpa()
        await advance(opens_after_s)
        theatre.stage._now_us()
        body.fluid.blocked = False
        theatre.stage.driver.run()
        await theatre.rest(1.0)
        burst_nl = body.oracle.volume_nl() - at_stop_nl
        relieved = body.oracle.totals.backward_steps
        await theatre.acts.clear(PROGRAM)
        await theatre.operate()
        referee = theatre.check()
    booked = sum(
        stroke["steps"]
        for batch in referee.all("strokes")
        for stroke in batch["strokes"]
        if stroke["kind"] == "reverse"
    )
    assert booked == relieved
    assert burst_nl <= LINE_BOLUS_NL * pressed_kpa / 200 + 100
    if opens_after_s > 1.0:
        assert relieved > 0
        assert burst_nl <= DOSE_STEPS * PICOLITRES / 1_000
    figure(f"burst of {burst_nl:.0f} nl at {pressed_kpa} kPa, {relieved} steps relieved")


@pytest.mark.hazard("H30")
@pytest.mark.parametrize("steps_left", [1, 200, 738, 739, 1_107, 1_476, 2_000])
async def test_a_syringe_that_is_empty_at_any_step(tmp_path: Path, steps_left: int) -> None:
    """Part of a dose, a whole one, one step more: what was given is what is booked."""
    plan = dosing(20)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        await theatre.until(lambda: not theatre.stage.moves)
        before = theatre.stage.truth.so_far().forward_steps
        theatre.stage.world.mechanism.plunger.travel_left_steps = steps_left
        await theatre.until(lambda: theatre.engine.state is State.LATCHED, 10.0)
        work.cancel()
        await theatre.rest(0.5)
        assert theatre.stage.truth.so_far().forward_steps - before == steps_left
        referee = theatre.check()
    assert "reservoir_empty" in referee.alarms


@pytest.mark.hazard("H30")
async def test_what_is_left_in_the_syringe_is_known_to_a_hundredth(
    tmp_path: Path, figure: Figure
) -> None:
    """Fill less everything that the plunger moved, against the plunger itself."""
    plan = dosing(40, 30, dose_nl=5_000, syringe_fill_nl=1_000_000)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        plunger = theatre.stage.world.mechanism.plunger
        await theatre.begin(plan)
        await theatre.until(lambda: theatre.engine.reconciled)
        await theatre.operate()
        referee = theatre.check()
        real_nl = Fraction(plunger.travel_left_steps * PICOLITRES, 1_000)
    (removed,) = referee.all("syringe_removed")
    booked_nl = Fraction(removed["discarded_nl_numerator"], removed["discarded_nl_denominator"])
    error = abs(booked_nl - real_nl) / real_nl
    assert error <= Fraction(1, 100)
    figure(f"{float(error):.5%} off, {float(real_nl) / 1_000:.1f} uL left")


@pytest.mark.hazard("H30")
async def test_the_prime_is_booked_apart_from_what_was_given(tmp_path: Path) -> None:
    plan = dosing(3, prime_nl=20_000)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    zones = [arm for arm in referee.arms.values() if arm.opened["zone"]]
    primes = [arm for arm in referee.arms.values() if arm.opened["purpose"] == "prime"]
    (syringe,) = referee.all("session_closed")[0]["account"]["syringes"]
    given = sum(arm.certain[1] for arm in zones)
    primed = sum(arm.certain[1] for arm in primes)
    assert Fraction(syringe["delivered_nl"]) == Fraction(given * PICOLITRES, 1_000)
    assert Fraction(syringe["primed_nl"]) == Fraction(primed * PICOLITRES, 1_000) >= 20_000
    assert given == 3 * DOSE_STEPS


@pytest.mark.hazard("H30")
async def test_a_purge_is_booked_to_nobody(tmp_path: Path) -> None:
    plan = dosing(3, prime_nl=5_000)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        await theatre.until(lambda: theatre.engine.reconciled)
        await theatre.acts.purge(12_000, PROGRAM)
        await theatre.until(lambda: theatre.engine.state is State.READY)
        await theatre.operate()
        referee = theatre.check()
    (syringe,) = referee.all("session_closed")[0]["account"]["syringes"]
    assert Fraction(syringe["purged_nl"]) > 11_990
    assert Fraction(syringe["delivered_nl"]) == Fraction(3 * DOSE_STEPS * PICOLITRES, 1_000)
