"""Pass, conditional, fail: the guard band, the bands of doses, and the file they stand in."""

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.calibration.acceptance import Verdict, guarded, load_acceptance, worst_of
from controller.calibration.errors import NoAcceptanceLimits
from controller.calibration.statistics import Spread
from controller.errors import InputRejected

SHIPPED = Path(__file__).parents[2] / "config" / "calibration.toml"
LIMITS = load_acceptance(SHIPPED)


def spread(nominal_nl: int, mean_nl: float, cv_percent: float = 1.0, doses: int = 1) -> Spread:
    return Spread(nominal_nl, 10, doses, mean_nl, mean_nl * cv_percent / 100 / doses**0.5)


@pytest.mark.parametrize(
    ("error", "expanded", "verdict"),
    [
        (4.0, 1.0, Verdict.PASS),
        (-4.0, 1.0, Verdict.PASS),
        (4.0, 1.001, Verdict.CONDITIONAL),
        (-6.0, 1.0, Verdict.CONDITIONAL),
        (6.0, 1.001, Verdict.FAIL),
        (0.0, 5.0, Verdict.PASS),
        (0.0, 7.001, Verdict.FAIL),
    ],
)
def test_an_error_conforms_only_together_with_its_uncertainty(
    error: float, expanded: float, verdict: Verdict
) -> None:
    assert guarded(error, expanded, pass_limit=5.0, fail_limit=7.0) is verdict


def test_the_worst_verdict_counts_and_none_is_a_fail() -> None:
    assert worst_of(Verdict.PASS, Verdict.CONDITIONAL, Verdict.PASS) is Verdict.CONDITIONAL
    assert worst_of(Verdict.FAIL, Verdict.CONDITIONAL) is Verdict.FAIL
    assert worst_of() is Verdict.FAIL


@pytest.mark.parametrize(
    ("nominal_nl", "mean_nl", "expanded_nl", "verdict"),
    [
        # 1-2 ul: 200 and 300 nl, whatever the dose.
        (1_000, 1_150.0, 50.0, Verdict.PASS),
        (1_000, 850.0, 51.0, Verdict.CONDITIONAL),
        (2_000, 2_250.0, 51.0, Verdict.FAIL),
        # 5 ul: 6 % = 300 nl and 8 % = 400 nl.
        (5_000, 5_250.0, 50.0, Verdict.PASS),
        (5_000, 5_350.0, 50.0, Verdict.CONDITIONAL),
        (5_000, 4_640.0, 50.0, Verdict.FAIL),
        # 10 ul: 5 % = 500 nl and 7 % = 700 nl.
        (10_000, 10_400.0, 100.0, Verdict.PASS),
        (10_000, 9_400.0, 100.0, Verdict.CONDITIONAL),
        (10_000, 10_601.0, 100.0, Verdict.FAIL),
    ],
)
def test_each_band_has_its_own_limits(
    nominal_nl: int, mean_nl: float, expanded_nl: float, verdict: Verdict
) -> None:
    assert LIMITS.judge_dose(spread(nominal_nl, mean_nl), expanded_nl) is verdict


@pytest.mark.parametrize(
    ("cv_percent", "verdict"),
    [(10.0, Verdict.PASS), (12.0, Verdict.CONDITIONAL), (15.1, Verdict.FAIL)],
)
def test_the_random_error_counts_too(cv_percent: float, verdict: Verdict) -> None:
    assert LIMITS.judge_dose(spread(1_000, 1_024.0, cv_percent - 1e-9), 0.0) is verdict


def test_a_burst_is_judged_by_the_scatter_of_one_dose() -> None:
    # 2 % on a mean of 16 doses are 8 % of one: more than the 5 % of this band.
    burst = Spread(5_000, 10, 16, 5_000.0, 100.0)
    assert LIMITS.judge_dose(burst, 0.0) is Verdict.FAIL


def test_all_doses_together_have_a_stricter_fail_limit() -> None:
    # 10 * 20 ul are 200 ul: 5 % for the whole, where one dose would be conditional up to 6 %.
    assert LIMITS.judge_dose(spread(20_000, 20_999.0), 0.0) is Verdict.CONDITIONAL
    assert LIMITS.judge_dose(spread(20_000, 21_001.0), 0.0) is Verdict.FAIL
    few = Spread(20_000, 9, 1, 21_050.0, 1.0)
    assert LIMITS.judge_dose(few, 0.0) is Verdict.CONDITIONAL


@pytest.mark.parametrize("dose_nl", [999, 50_001])
def test_a_dose_outside_of_all_bands_has_no_verdict(dose_nl: int) -> None:
    with pytest.raises(NoAcceptanceLimits, match=rf"no band holds for {dose_nl} nl"):
        LIMITS.band(dose_nl)


def test_limits_are_not_changed_after_reading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        LIMITS.validity.days = 60  # type: ignore[misc]  # that is what is tried


def test_the_shipped_bands_leave_no_gap() -> None:
    doses = LIMITS.doses
    assert doses[0].from_nl == 1_000
    assert all(a.to_nl + 1 == b.from_nl for a, b in itertools.pairwise(doses))
    assert doses[-1].to_nl == 50_000
    assert LIMITS.band(4_999).error_limits_nl(4_999) == (Fraction(200), Fraction(300))
    assert LIMITS.band(7_000).error_limits_nl(7_000) == (Fraction(420), Fraction(560))


def test_the_shipped_method_is_the_standards() -> None:
    method = LIMITS.method
    assert (method.volumes.value, method.replicates.value) == (3, 10)
    assert (method.liquid_from_mdegc.value, method.liquid_to_mdegc.value) == (15_000, 30_000)
    assert method.protrusion_points.value == 5
    assert LIMITS.protrusion.pass_error_um == 100
    assert LIMITS.cadence.fail_error_percent == Fraction(10)
    validity = LIMITS.validity
    assert (validity.days, validity.hours, validity.doses) == (30, 50, 10_000)
    assert validity.punctures is None


Edit = Callable[[str], str]
REFUSED: dict[str, Edit] = {
    "unknown key": lambda text: text.replace("[cadence]", "[cadence]\nmax_hz = 5"),
    "is missing": lambda text: text.replace("max_repeatability_um = 30\n", ""),
    "begins inside the band before": lambda text: text.replace("from_nl = 5000", "from_nl = 4000"),
    "a pass limit is above its fail limit": lambda text: text.replace(
        "pass_error_nl = 200", "pass_error_nl = 400"
    ),
    "needs pass and fail limits of the error": lambda text: text.replace(
        "pass_error_nl = 200", "pass_error_percent = 5"
    ),
    "a range's from is above its to": lambda text: text.replace("to_nl = 4999", "to_nl = 999"),
    "is not accepted": lambda text: text.replace("days = 30", "days = 30.0"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_file_with_a_mistake_is_refused_with_its_line(words: str, tmp_path: Path) -> None:
    text = SHIPPED.read_text()
    changed = REFUSED[words](text)
    assert changed != text
    path = tmp_path / "calibration.toml"
    path.write_text(changed)
    with pytest.raises(InputRejected, match=rf"calibration\.toml:\d+: .*{words}"):
        load_acceptance(path)
