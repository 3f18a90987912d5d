"""What a series of volumes says: mean, systematic error, random error; and Student's factor.

Floats in nanolitres. Formulas as in ISO 8655-6; Student's distribution after Abramowitz and Stegun
26.7.3 and 26.7.4, which are finite sums for whole degrees of freedom.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from controller.calibration.errors import SeriesIncomplete

LEVEL = 0.95
"""The coverage of every expanded uncertainty."""
NORMAL_FROM = 1_000
"""From so many degrees of freedom on, Student's factor is the normal one within 0.003."""
_HALVINGS = 80


@dataclass(frozen=True, slots=True)
class Spread:
    """The volumes of one series: n weighings of `doses` doses each.

    sd_nl is that of a weighing's mean dose; with single doses it is that of a dose.
    """

    nominal_nl: int
    n: int
    doses: int
    mean_nl: float
    sd_nl: float

    @property
    def error_nl(self) -> float:
        """The systematic error e_s: mean minus nominal."""
        return self.mean_nl - self.nominal_nl

    @property
    def error_percent(self) -> float:
        """The systematic error eta_s, in percent of the nominal dose."""
        return 100 * self.error_nl / self.nominal_nl

    @property
    def dose_sd_nl(self) -> float:
        """The random error s_r of one dose.

        In a burst the deviations of its doses average out. As they are independent, one dose
        scatters by the root of the number of doses more than the burst's mean. The balance's own
        scatter is blown up with it, so this is never too small.
        """
        return self.sd_nl * math.sqrt(self.doses)

    @property
    def cv_percent(self) -> float:
        """The random error CV of one dose, in percent of the mean; infinite when nothing came."""
        return 100 * self.dose_sd_nl / self.mean_nl if self.mean_nl > 0 else math.inf

    @property
    def total_nl(self) -> float:
        """The volume of all doses of the series together."""
        return self.mean_nl * self.doses * self.n


def spread_of(volumes_nl: Sequence[float], nominal_nl: int, doses: int) -> Spread:
    """Mean and sample standard deviation. Raises SeriesIncomplete (E7010) below 2 volumes."""
    if len(volumes_nl) < 2:
        raise SeriesIncomplete("A random error needs at least 2 weighings.")
    mean_nl = statistics.fmean(volumes_nl)
    sd_nl = statistics.stdev(volumes_nl, mean_nl)
    return Spread(nominal_nl, len(volumes_nl), doses, mean_nl, sd_nl)


def student_factor(dof: float, level: float = LEVEL) -> float:
    """The factor that covers `level` on both sides with `dof` degrees of freedom, at least 1.

    Degrees of freedom that are no whole number are rounded down, as the GUM advises (G.4.1).
    """
    if dof >= NORMAL_FROM:
        return statistics.NormalDist().inv_cdf((1 + level) / 2)
    whole = max(1, math.floor(dof + 1e-9))
    low, high = 0.0, 1.0
    while _within(high, whole) < level:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, whole) < level else (low, middle)
    return high


def _within(t: float, dof: int) -> float:
    """The probability that Student's t lies between -t and t."""
    angle = math.atan(t / math.sqrt(dof))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = dof % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for index in range(odd + 1, dof, 2):
        total += term
        term *= cosine**2 * index / (index + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
