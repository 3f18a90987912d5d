"""Judges weighed series and fits them: the one door from finished weighings to a certificate.

Says what is too little, too scattered or too crooked for a certificate, by the limits of
`calibration.toml`. The line itself and its ranges are in `curve`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from controller.calibration.acceptance import AcceptanceFile, Verdict
from controller.calibration.curve import Cadences, Line, Point, Range, cadences_of, ranges_of
from controller.calibration.errors import NotFittable, NotStraight, SeriesIncomplete, TooScattered
from controller.session.units import MICROSECONDS_A_SECOND, PICOLITRES_A_NANOLITRE


@dataclass(frozen=True, slots=True)
class Fit:
    """What the weighings say about the pump: for the certificate and its page."""

    cadences: tuple[Cadences, ...]
    ranges: tuple[Range, ...]

    @property
    def prime_picolitres_a_step(self) -> int:
        """For priming, where no dose loses anything: the mean of the lines' slopes."""
        slopes_nl = [each.line.slope_nl for each in self.cadences]
        return round(PICOLITRES_A_NANOLITRE * sum(slopes_nl) / len(slopes_nl))


def fit(points: Sequence[Point], limits: AcceptanceFile) -> Fit:
    """Fit finished series of one or more cadences.

    Raises SeriesIncomplete (E7010), NoAcceptanceLimits (E7020), NotFittable (E7021), TooScattered
    (E7022), NotStraight (E7023) or StepImplausible (E7024).
    """
    for point in points:
        check_series(point, limits)
    periods = sorted({each.stroke_period_us for each in points})
    lines = [_line(points, period, limits) for period in periods]
    if not lines:
        raise NotFittable("There is no weighed series.")
    cadences = cadences_of(lines)
    return Fit(cadences, tuple(found for each in cadences for found in ranges_of(each)))


def check_series(point: Point, limits: AcceptanceFile) -> None:
    """Refuse a series that no line may go through. Raises E7010, E7020, TooScattered (E7022)."""
    least = limits.method.replicates.value
    if point.spread.n < least:
        raise SeriesIncomplete(f"{_named(point)}: {point.spread.n} weighings of {least}.")
    band, cv_percent = limits.band(point.dose_nl), point.spread.cv_percent
    if band.judge_cv(cv_percent) is Verdict.FAIL:
        raise TooScattered(
            f"{_named(point)}: one dose scatters by {cv_percent:.1f} %; "
            f"the limit is {float(band.fail_cv_percent):g} %."
        )


def _line(points: Sequence[Point], stroke_period_us: int, limits: AcceptanceFile) -> Line:
    here = tuple(each for each in points if each.stroke_period_us == stroke_period_us)
    least = limits.method.volumes.value
    if len({each.dose_nl for each in here}) < least:
        raise NotFittable(f"At {_hz(stroke_period_us)} fewer than {least} doses were weighed.")
    line = Line(here)
    for point, missed_nl in zip(here, line.residuals_nl, strict=True):
        limit_nl, _ = limits.band(point.dose_nl).error_limits_nl(point.dose_nl)
        if abs(missed_nl) > limit_nl:
            raise NotStraight(
                f"{_named(point)}: the mean is {missed_nl:+.0f} nl off the line; "
                f"{float(limit_nl):.0f} nl are allowed."
            )
    return line


def _named(point: Point) -> str:
    return f"{point.dose_nl} nl at {_hz(point.stroke_period_us)}"


def _hz(stroke_period_us: int) -> str:
    return f"{float(Fraction(MICROSECONDS_A_SECOND, stroke_period_us)):g} Hz"
