"""A whole calibration of doses in virtual time: pen, balance, technician, record."""

from pathlib import Path

import pytest

from controller.calibration.procedure import DoseOutcome, outcome_of
from tests.support.workshop import workshop


async def test_a_whole_calibration_measures_what_the_pen_really_gives(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        assert await room.calibrate() == "measured"
        result = outcome_of(room.book)
        assert isinstance(result, DoseOutcome)
        assert result.bench_check.verdict == "pass"
        (fitted,) = result.fit.ranges
        totals = room.theatre.stage.world.mechanism.oracle.totals
        true_pl = 1000 * totals.surface_nl / totals.forward_steps
        assert fitted.configuration.picolitres_a_step == pytest.approx(true_pl, rel=0.02)
        assert {each.typed for each in room.weighed()} == {False}
        room.theatre.check()
