"""The set cadence against the pen's ticks and an outside tachometer, worked out by hand."""

from itertools import accumulate
from pathlib import Path

import pytest

from controller.calibration.acceptance import Verdict, load_acceptance
from controller.calibration.cadence import CadenceResult, Tachometer, cadence_of
from controller.calibration.errors import CadenceUnreadable

LIMITS = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml")
START_US = 2**40


def run(
    intervals_us: list[int], tachometer: Tachometer | None = None, set_period_us: int = 10_000
) -> CadenceResult:
    ticks_us = list(accumulate(intervals_us, initial=START_US))
    return cadence_of(set_period_us, ticks_us, tachometer, LIMITS)


def test_an_even_run_by_its_own_clock() -> None:
    # 10,204 us a stroke: 98.0008 Hz of 100, that is -1.9992 %.
    result = run([10_204] * 10)
    assert float(result.pen_hz) == pytest.approx(98.000_8, abs=1e-4)
    assert result.error_percent == pytest.approx(-1.999_2, abs=1e-4)
    assert (result.jitter_percent, result.expanded_percent) == (0.0, 0.0)
    assert result.clock_percent is None
    assert result.witness == "the pen's own clock"
    assert result.verdict is Verdict.PASS


def test_an_uneven_run_is_less_certain() -> None:
    # 9,900 and 10,100 by turns: mean 10,000, sd root(10 * 100^2 / 9) = 105.409 us, 1.05409 %;
    # factor of 9 degrees 2.26216 / root 10 * 1.05409 = 0.75406 %.
    result = run([9_900, 10_100] * 5)
    assert result.error_percent == pytest.approx(0.0)
    assert result.jitter_percent == pytest.approx(1.054_09, abs=1e-5)
    assert result.expanded_percent == pytest.approx(0.754_06, abs=1e-4)


@pytest.mark.parametrize(
    ("measured_mhz", "verdict"),
    [
        (104_000, Verdict.PASS),  # 4 % + 1 %
        (104_001, Verdict.CONDITIONAL),
        (91_000, Verdict.CONDITIONAL),  # -9 % - 1 %
        (90_999, Verdict.FAIL),
    ],
)
def test_a_tachometer_outweighs_the_pens_clock(measured_mhz: int, verdict: Verdict) -> None:
    tachometer = Tachometer(measured_mhz, 1_000, "tachometer no. 7")
    result = run([10_000] * 10, tachometer)
    assert result.witness == "tachometer no. 7"
    assert result.error_percent == pytest.approx(measured_mhz / 1_000 - 100)
    assert result.expanded_percent == pytest.approx(1.0)
    assert result.verdict is verdict


def test_the_pens_clock_is_compared_with_the_tachometer() -> None:
    # The pen counts 100 Hz while 98 Hz are seen: its clock is 100 / 98 - 1 = 2.0408 % fast.
    result = run([10_000] * 10, Tachometer(98_000, 100, "tachometer no. 7"))
    assert result.clock_percent == pytest.approx(2.040_8, abs=1e-4)


def test_a_run_that_says_nothing_is_refused() -> None:
    with pytest.raises(CadenceUnreadable, match="has 10 punctures; it takes 11"):
        run([10_000] * 9)
    with pytest.raises(CadenceUnreadable, match="do not rise"):
        run([10_000] * 9 + [0])
    with pytest.raises(CadenceUnreadable, match="nothing that turns"):
        run([10_000] * 10, Tachometer(0, 100, "tachometer no. 7"))
