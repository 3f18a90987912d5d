"""A limit is reached in the middle of a zone, also by what nobody can prove."""

from fractions import Fraction
from pathlib import Path

import pytest

from controller.service.program import PROGRAM
from controller.session.act_errors import NothingAllowed
from tests.support.bills import dosing, pen_for
from tests.support.referee import Referee
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PICOLITRES = 2_711


def possible_nl(referee: Referee) -> Fraction:
    """The upper end of all zones."""
    steps = sum(arm.possible[1] for arm in referee.arms.values() if arm.opened["zone"])
    return Fraction(steps * PICOLITRES, 1000)


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("name", ["max_zone_nl", "max_session_nl", "max_course_nl"])
async def test_the_session_stops_at_a_volume_limit(tmp_path: Path, name: str) -> None:
    plan = dosing(8)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan, **{name: 9_000})
        with pytest.raises(NothingAllowed):
            await theatre.operate()
        await theatre.acts.close(PROGRAM)
        referee = theatre.check()
    assert possible_nl(referee) <= 9_000
    assert theatre.stage.truth.segments()[list(referee.arms)[-1]].punctures == 4
    assert "limit_reached" in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "ended_early"


@pytest.mark.hazard("H01")
async def test_what_cannot_be_proven_counts_against_the_limit(tmp_path: Path) -> None:
    """A reset in mid-stroke: the reserved dose is spent, although less of it was given."""
    plan = dosing(8, dose_nl=10_000, cadence_hz=2)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan, max_zone_nl=45_000)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        await advance(0.08)
        theatre.reset_pen()
        with pytest.raises(NothingAllowed):
            await work
        await theatre.acts.close(PROGRAM)
        referee = theatre.check()
        really = sum(moved.punctures for moved in theatre.stage.truth.segments().values())
    (residual,) = referee.residuals
    assert residual.certain[1] < residual.possible[1]
    assert possible_nl(referee) <= 45_000
    assert really == 4
    assert {"residual_delivery", "limit_reached"} <= referee.alarms
    (syringe,) = referee.all("session_closed")[0]["account"]["syringes"]
    unknown = (residual.possible[1] - residual.certain[1]) * PICOLITRES
    assert Fraction(syringe["unknown_nl"]) == Fraction(unknown, 1000)


@pytest.mark.hazard("H30")
async def test_a_syringe_too_small_is_swapped_in_mid_session(tmp_path: Path) -> None:
    """The plan needs more than one filling: bound by the syringe, swapped, primed, completed."""
    plan = dosing(8, 4, dose_nl=10_000, cadence_hz=2, syringe_fill_nl=60_000)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        swaps = 0
        work = theatre.operate()
        while True:
            try:
                await work
                break
            except NothingAllowed:
                swaps += 1
                theatre.stage.fit_syringe()
                await theatre.acts.swap_syringe(60_000, PROGRAM)
                work = theatre.operate()
        referee = theatre.check()
    assert swaps == 2
    syringes = referee.all("session_closed")[0]["account"]["syringes"]
    assert [syringe["syringe"] for syringe in syringes] == [1, 2, 3]
    primes = [arm for arm in referee.arms.values() if arm.opened["purpose"] == "prime"]
    assert len(primes) == 3
    assert sum(Fraction(syringe["delivered_nl"]) for syringe in syringes) == possible_nl(referee)
