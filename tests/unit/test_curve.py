"""The line through weighed doses, its ranges and intervals, and what makes the fit refuse."""

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.calibration.acceptance import AcceptanceFile, load_acceptance
from controller.calibration.curve import Cadences, Line, Point, Range, cadences_of, ranges_of
from controller.calibration.errors import (
    NoAcceptanceLimits,
    NotFittable,
    NotStraight,
    SeriesIncomplete,
    StepImplausible,
    TooScattered,
)
from controller.calibration.fitting import fit
from controller.calibration.statistics import Spread
from controller.calibration.uncertainty import Budget, Contribution
from controller.session.certificate import Certificate

LIMITS = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml")
SLOW_US, FAST_US = 2_000_000, 200_000
DOSES_NL = (2_700, 5_400, 10_800)


def budget(random_nl: float, shared_nl: float = 0.0) -> Budget:
    return Budget(
        (
            Contribution("pen", "weighings", random_nl, "nl", 1.0, dof=9, random=True),
            Contribution("balance", "certificate", shared_nl, "nl", 1.0),
        )
    )


def point(
    dose_nl: int,
    steps: int,
    mean_nl: float,
    *,
    random_nl: float = 0.1,
    shared_nl: float = 0.0,
    period_us: int = SLOW_US,
    n: int = 10,
    sd_nl: float = 1.0,
) -> Point:
    spread = Spread(dose_nl, n, 1, mean_nl, sd_nl)
    return Point(period_us, steps, spread, budget(random_nl, shared_nl))


def pen(
    offset_nl: float = -100.0,
    slope_nl: float = 2.7,
    *,
    random_nl: float = 0.1,
    period_us: int = SLOW_US,
) -> list[Point]:
    """Three doses of a pen that delivers `offset + slope * steps`; 2.7 nl a step is assumed."""
    steps = [round(dose_nl / 2.7) for dose_nl in DOSES_NL]  # 1,000, 2,000 and 4,000
    return [
        point(dose_nl, n, offset_nl + slope_nl * n, random_nl=random_nl, period_us=period_us)
        for dose_nl, n in zip(DOSES_NL, steps, strict=True)
    ]


def values(ranges: tuple[Range, ...]) -> list[tuple[int, int, int]]:
    return [
        (one.configuration.dose_from_nl, one.configuration.dose_to_nl,
         one.configuration.picolitres_a_step)
        for one in ranges
    ]  # fmt: skip


def test_a_line_by_hand() -> None:
    # 2,600 at 1,000 steps, 5,300 at 2,000, 10,700 at 4,000: slope 2.7, offset -100, nothing left.
    line = Line(tuple(pen()))
    assert line.slope_nl == pytest.approx(2.7)
    assert line.offset_nl == pytest.approx(-100.0)
    assert line.residuals_nl == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert line.step_pl(2_700) == pytest.approx(2_603.571, abs=1e-3)  # 2,700 * 2,700 / 2,800


def test_an_uncertain_mean_counts_less() -> None:
    # Weights 1, 1 and 1 / 100 on steps 0, 1 and 2 with means 0, 1 and 12: W = 2.01, Wx = 1.02,
    # Wxx = 1.04, Wy = 1.12, Wxy = 1.24; below = 2.01 * 1.04 - 1.02^2 = 1.05;
    # slope = (2.01 * 1.24 - 1.02 * 1.12) / 1.05 = 1.35 / 1.05 = 1.285714;
    # offset = (1.04 * 1.12 - 1.02 * 1.24) / 1.05 = -0.1 / 1.05 = -0.095238.
    points = tuple(
        point(1_000, steps, mean_nl, random_nl=random_nl)
        for steps, mean_nl, random_nl in ((0, 0.0, 1.0), (1, 1.0, 1.0), (2, 12.0, 10.0))
    )
    assert Line(points).slope_nl == pytest.approx(1.285_714, abs=1e-6)
    assert Line(points).offset_nl == pytest.approx(-0.095_238, abs=1e-6)


def test_the_uncertainty_of_the_line_by_hand() -> None:
    # Halfway between two equal points each counts a half: random hypot(5, 5) = 7.0711, shared
    # 0.5 * 6 + 0.5 * 6 = 6. Together 9.2736 with 86^2 / (2 * 625 / 9) = 53.25 degrees of freedom,
    # whose factor (53) is 2.0057: 18.600. Random alone: 2,500 / 138.9 = 18 degrees, 2.1009: 14.856.
    one = point(2_700, 1_000, 2_700.0, random_nl=10.0, shared_nl=6.0)
    other = point(8_100, 3_000, 8_100.0, random_nl=10.0, shared_nl=6.0)
    line = Line((one, other))
    assert line.expanded_nl(2_000) == pytest.approx(18.600, abs=2e-3)
    assert line.expanded_nl(2_000, shared=False) == pytest.approx(14.856, abs=2e-3)
    # 5,400 nl are 2,000 steps; without offset U / V is the same for the step: 2,700 * 18.6 / 5,400.
    assert line.expanded_pl(5_400) == pytest.approx(9.300, abs=1e-3)


def test_what_every_dose_loses_makes_ranges() -> None:
    # Borders 2 * 2,700 * 5,400 / 8,100 = 3,600 and 2 * 5,400 * 10,800 / 16,200 = 7,200.
    # 2,700 * D / (D + 100) is 2,603.571 at 2,700, 2,627.027 at 3,600, 2,627.047 at 3,601,
    # 2,663.014 at 7,200, 2,663.018 at 7,201, 2,675.229 at 10,800.
    ranges = ranges_of(Cadences(Line(tuple(pen())), SLOW_US, SLOW_US))
    assert values(ranges) == [
        (2_700, 3_600, 2_615), (3_601, 7_200, 2_645), (7_201, 10_800, 2_669),
    ]  # fmt: skip
    # Half of each span, rounding, and a trifle of uncertainty: 12.03 + 0.25, 18.01 + 0.1, 6.2.
    assert [one.interval_pl for one in ranges] == [13, 19, 7]
    assert ranges[0].configuration.cadence_from_hz == Fraction(1, 2)


def test_what_the_weighings_cannot_tell_apart_is_one_range() -> None:
    # The value changes by 35.8 up and down over all doses; 150 nl of scatter hide that.
    points = tuple(pen(random_nl=150.0))
    (only,) = ranges_of(Cadences(Line(points), SLOW_US, SLOW_US))
    assert values((only,)) == [(2_700, 10_800, 2_639)]  # (2,603.571 + 2,675.229) / 2 = 2,639.4
    assert only.interval_pl > 36


@given(
    offset_nl=st.floats(-400, 400),
    slope_nl=st.floats(1.5, 15.0),
    random_nl=st.floats(0.01, 50.0),
    dose_nl=st.integers(DOSES_NL[0], DOSES_NL[-1]),
)
def test_the_interval_holds_the_right_value_for_every_dose(
    offset_nl: float, slope_nl: float, random_nl: float, dose_nl: int
) -> None:
    """With exact means each dose lies in just one range, and its true value in the interval."""
    line = Line(tuple(pen(offset_nl, slope_nl, random_nl=random_nl)))
    ranges = ranges_of(Cadences(line, SLOW_US, SLOW_US))
    (found,) = [one for one in ranges if one.configuration.covers(dose_nl, SLOW_US)]
    true_pl = 1_000 * slope_nl * dose_nl / (dose_nl - offset_nl)
    assert abs(found.configuration.picolitres_a_step - true_pl) <= found.interval_pl + 1e-6


def test_cadences_that_agree_are_one_range() -> None:
    slow, fast = pen(random_nl=10.0), pen(-102.0, random_nl=10.0, period_us=FAST_US)
    (only,) = cadences_of([Line(tuple(slow)), Line(tuple(fast))])
    assert (only.longest_us, only.shortest_us) == (SLOW_US, FAST_US)
    assert len(only.line.points) == 6
    # At 2,700 nl: 2,700 * 2,700 * (1 / 2,800 - 1 / 2,802) = 1.858 pl; half of it.
    assert only.apart_pl == pytest.approx(0.929, abs=1e-3)


def test_what_all_weighings_share_does_not_make_cadences_agree() -> None:
    """A balance that errs by 500 nl errs so at both cadences: their difference stays real."""
    lines = []
    for offset_nl, period_us in ((-100.0, SLOW_US), (-400.0, FAST_US)):
        shared = [
            point(
                each.dose_nl, each.steps, each.spread.mean_nl, shared_nl=500.0, period_us=period_us
            )
            for each in pen(offset_nl, period_us=period_us)
        ]
        lines.append(Line(tuple(shared)))
    assert len(cadences_of(lines)) == 2


def test_cadences_that_differ_are_ranges_of_their_own() -> None:
    slow, fast = pen(), pen(-400.0, period_us=FAST_US)
    found = cadences_of([Line(tuple(fast)), Line(tuple(slow))])
    # The root of 2,000,000 * 200,000 is 632,455.5.
    assert [(one.longest_us, one.shortest_us) for one in found] == [
        (SLOW_US, 632_455), (632_454, FAST_US),
    ]  # fmt: skip
    # At 2,700 nl: 2,603.571 - 2,700 * 2,700 / 3,100 = 2,603.571 - 2,351.613 = 251.958; half of it.
    assert [one.apart_pl for one in found] == pytest.approx([125.979, 125.979], abs=1e-3)


def test_the_middle_one_of_three_cadences_has_two_borders() -> None:
    lines = [
        Line(tuple(pen(offset_nl, period_us=period_us)))
        for offset_nl, period_us in ((-100.0, 2_000_000), (-200.0, 500_000), (-600.0, 125_000))
    ]
    found = cadences_of(lines)
    assert [(one.longest_us, one.shortest_us) for one in found] == [
        (2_000_000, 1_000_000), (999_999, 250_000), (249_999, 125_000),
    ]  # fmt: skip
    assert found[0].apart_pl < found[1].apart_pl == found[2].apart_pl


def test_a_fit_makes_a_certificate() -> None:
    result = fit(pen() + pen(-400.0, period_us=FAST_US), LIMITS)
    issued = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    certificate = Certificate(
        certificate_id="00000000000c0002",
        pen_uid="simulated",
        provisional=False,
        source="weighed on 2026-01-05",
        issued_wall=issued,
        valid_until_wall=issued + timedelta(days=30),
        protrusion_offset_um=0,
        prime_picolitres_a_step=result.prime_picolitres_a_step,
        configurations=tuple(one.configuration for one in result.ranges),
    )
    assert result.prime_picolitres_a_step == 2_700
    assert certificate.picolitres_for(2_700, SLOW_US) == 2_615
    for period_us in (SLOW_US, 632_455, 632_454, FAST_US):
        for dose_nl in (2_700, 3_600, 3_601, 7_200, 7_201, 10_800):
            assert 2_300 < certificate.picolitres_for(dose_nl, period_us) < 2_700


def test_what_the_line_misses_goes_into_the_interval() -> None:
    # 30 nl too much at 2,000 steps. On x = 1, 2, 4 such a bump of 1 turns the line by -1/14 and
    # lifts it by 1/2: residuals -6/14, 9/14, -3/14. So the line is 2.697857 * s - 85, and the mean
    # 19.286 nl above it; less its U of 0.2 these are 9.5 pl of 2,000 steps. The range's own span
    # is 2,697.857 * (3,601 / 3,686 and 7,200 / 7,285) = 2,635.6 and 2,666.4: 15.4 each way.
    bent = pen()
    bent[1] = point(5_400, 2_000, 5_330.0)
    assert fit(bent, LIMITS).ranges[1].interval_pl in {25, 26}


def test_a_crooked_line_is_refused() -> None:
    # As above with 1,000 nl: the first mean lies 6/14 of it below the line, where 200 are allowed.
    bent = pen()
    bent[1] = point(5_400, 2_000, 6_300.0)
    with pytest.raises(NotStraight, match=r"2700 nl at 0\.5 Hz: the mean is -429 nl off the line"):
        fit(bent, LIMITS)


def test_scattered_doses_are_refused() -> None:
    points = pen()
    points[1] = point(5_400, 2_000, 5_300.0, sd_nl=266.0)  # 266 / 5,300 = 5.02 %
    with pytest.raises(TooScattered, match=r"5400 nl at 0\.5 Hz: one dose scatters by 5\.0 %"):
        fit(points, LIMITS)
    points[1] = point(5_400, 2_000, 5_300.0, sd_nl=264.0)  # 4.98 %
    assert fit(points, LIMITS).ranges


@pytest.mark.parametrize(("slope_nl", "refused"), [(0.9, True), (1.1, False), (21.0, True)])
def test_a_step_that_no_drive_has_is_refused(slope_nl: float, refused: bool) -> None:
    points = pen(0.0, slope_nl)
    if not refused:
        assert fit(points, LIMITS).ranges[0].configuration.picolitres_a_step == 1_100
        return
    with pytest.raises(StepImplausible, match=r"such drives deliver 1000 to 20000"):
        fit(points, LIMITS)


def test_a_pump_that_delivers_nothing_is_refused() -> None:
    with pytest.raises(StepImplausible, match="no number of steps"):
        fit(pen(2_000.0, 0.0), LIMITS)


def test_too_few_doses_or_weighings_are_refused() -> None:
    with pytest.raises(NotFittable, match=r"At 0\.5 Hz fewer than 3 doses"):
        fit(pen()[:2], LIMITS)
    with pytest.raises(SeriesIncomplete, match="9 weighings of 10"):
        fit([point(2_700, 1_000, 2_600.0, n=9)], LIMITS)
    with pytest.raises(NotFittable, match="no weighed series"):
        fit([], LIMITS)


def test_doses_without_limits_are_refused() -> None:
    with pytest.raises(NoAcceptanceLimits, match="no band holds for 400 nl"):
        fit([point(400, 148, 400.0)], LIMITS)


def test_the_shipped_limits_are_read() -> None:
    assert isinstance(LIMITS, AcceptanceFile)
    assert math.isclose(LIMITS.band(5_400).pass_cv_percent, 5)
