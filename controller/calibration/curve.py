"""From weighed doses to picolitres a step: a line through the means, and the ranges it is good for.

The model: at one cadence a dose of s steps delivers `offset + slope * s` nanolitres. The offset is
what a dose loses (or gains) whatever its size: compliance, drops, lost motion. The pen knows no
offset, only picolitres a step. So the doses are cut into ranges, each with one whole number, and
what the offset does within a range goes into that number's interval. For a wanted dose D the right
number is 1000 * slope * D / (D - offset).

Weights are the reciprocal squares of each mean's combined uncertainty. What the weighings have in
common (balance, temperature) does not average out along the line. Floats inside; the results are
integers, the interval rounded up.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from controller.calibration.errors import StepImplausible
from controller.calibration.statistics import Spread, student_factor
from controller.calibration.uncertainty import Budget, effective_dof
from controller.session.certificate import Configuration
from controller.session.units import MICROSECONDS_A_SECOND, PICOLITRES_A_NANOLITRE

STEP_PL = (1_000, 20_000)
"""Drives of such pens deliver 1 to 20 nl a step; a certificate holds no other value."""


@dataclass(frozen=True, slots=True)
class Point:
    """One finished series: what was asked for, what was delivered, and how well that is known."""

    stroke_period_us: int
    steps: int
    spread: Spread
    budget: Budget

    @property
    def dose_nl(self) -> int:
        """The dose that was asked for."""
        return self.spread.nominal_nl


@dataclass(frozen=True)
class Line:
    """The weighted line through the points of one cadence, or of cadences that do not differ."""

    points: tuple[Point, ...]

    @cached_property
    def _weights(self) -> list[float]:
        return [1 / each.budget.combined_nl**2 for each in self.points]

    def _shares(self, steps: float) -> list[float]:
        """How much each point's mean counts in the line's volume at so many steps."""
        pairs = list(zip(self._weights, self.points, strict=True))
        total = sum(self._weights)
        first = sum(weight * each.steps for weight, each in pairs)
        second = sum(weight * each.steps**2 for weight, each in pairs)
        below = total * second - first**2
        return [
            weight * (second - first * each.steps + steps * (total * each.steps - first)) / below
            for weight, each in pairs
        ]

    def volume_nl(self, steps: float) -> float:
        """The volume that a dose of so many steps delivers."""
        shares = zip(self._shares(steps), self.points, strict=True)
        return sum(share * each.spread.mean_nl for share, each in shares)

    @cached_property
    def offset_nl(self) -> float:
        """What every dose gains, below 0 loses, whatever its size."""
        return self.volume_nl(0)

    @cached_property
    def slope_nl(self) -> float:
        """Nanolitres that each further step adds."""
        return self.volume_nl(1) - self.offset_nl

    @property
    def residuals_nl(self) -> tuple[float, ...]:
        """How far each point's mean lies above the line."""
        return tuple(each.spread.mean_nl - self.volume_nl(each.steps) for each in self.points)

    def expanded_nl(self, steps: float, *, shared: bool = True) -> float:
        """The expanded uncertainty (95 %) of `volume_nl`; without what all weighings share."""
        pairs = list(zip(self._shares(steps), self.points, strict=True))
        parts = [
            (abs(share) * each.budget.random_nl, float(each.spread.n - 1)) for share, each in pairs
        ]
        if shared:
            common_nl = sum(abs(share) * each.budget.shared_nl for share, each in pairs)
            parts.append((common_nl, math.inf))
        return student_factor(effective_dof(parts)) * math.hypot(*(size for size, _ in parts))

    def step_pl(self, dose_nl: float) -> float:
        """The picolitres a step with which this dose comes out right. Raises E7024."""
        if self.slope_nl <= 0 or dose_nl <= self.offset_nl:
            raise StepImplausible(
                f"A step adds {self.slope_nl:.3f} nl and each dose gains {self.offset_nl:.0f} nl: "
                f"no number of steps gives {dose_nl:.0f} nl."
            )
        return PICOLITRES_A_NANOLITRE * self.slope_nl * dose_nl / (dose_nl - self.offset_nl)

    def expanded_pl(self, dose_nl: float, *, shared: bool = True) -> float:
        """The expanded uncertainty of `step_pl`."""
        value_pl = self.step_pl(dose_nl)
        unsure_nl = self.expanded_nl(PICOLITRES_A_NANOLITRE * dose_nl / value_pl, shared=shared)
        return value_pl * unsure_nl / (dose_nl - self.offset_nl)


@dataclass(frozen=True, slots=True)
class Range:
    """One configuration of a certificate, with its interval: the true value lies within +-."""

    configuration: Configuration
    interval_pl: int


@dataclass(frozen=True, slots=True)
class Cadences:
    """A range of stroke periods, both ends included, and its line.

    apart_pl: half of what the value differs by between the cadences that meet here.
    """

    line: Line
    longest_us: int
    shortest_us: int
    apart_pl: float = 0.0


def ranges_of(cadences: Cadences) -> tuple[Range, ...]:
    """The dose ranges of one range of cadences. Raises StepImplausible (E7024).

    There is at most one range for each weighed dose, with borders where the values of both sides
    are equally far off. Ranges that the weighings cannot tell apart are one.
    """
    doses_nl = sorted({each.dose_nl for each in cadences.line.points})
    inner = [2 * a * b // (a + b) for a, b in itertools.pairwise(doses_nl)]
    lows = [doses_nl[0], *(border + 1 for border in inner)]
    highs = [*inner, doses_nl[-1]]
    found: list[tuple[int, int]] = []
    for low_nl, high_nl in zip(lows, highs, strict=True):
        if found and _is_one_range(cadences.line, found[-1][0], high_nl):
            found[-1] = (found[-1][0], high_nl)
        else:
            found.append((low_nl, high_nl))
    return tuple(_range(cadences, low_nl, high_nl) for low_nl, high_nl in found)


def cadences_of(lines: Sequence[Line]) -> tuple[Cadences, ...]:
    """The ranges of cadences of one line for each weighed cadence.

    One range when no two lines differ by more than their scatter explains. Otherwise one for each,
    with borders at the geometric mean of the periods. Half of the difference between the lines that
    meet in a range, or at its border, goes into its interval.
    """
    ordered = sorted(lines, key=_period_us, reverse=True)
    periods = [_period_us(line) for line in ordered]
    pairs = list(itertools.combinations(ordered, 2))
    if all(_agree(a, b) for a, b in pairs):
        whole = Line(tuple(point for line in ordered for point in line.points))
        apart_pl = max((_apart_pl(a, b) for a, b in pairs), default=0.0)
        return (Cadences(whole, periods[0], periods[-1], apart_pl / 2),)
    borders = [math.isqrt(a * b) for a, b in itertools.pairwise(periods)]
    longest = [periods[0], *(border - 1 for border in borders)]
    shortest = [*borders, periods[-1]]
    apart = [0.0, *(_apart_pl(a, b) for a, b in itertools.pairwise(ordered)), 0.0]
    return tuple(
        Cadences(line, longest[i], shortest[i], max(apart[i], apart[i + 1]) / 2)
        for i, line in enumerate(ordered)
    )


def _period_us(line: Line) -> int:
    return line.points[0].stroke_period_us


def _apart_pl(one: Line, other: Line) -> float:
    """The greatest difference of two lines' values at the doses of either."""
    doses_nl = {each.dose_nl for each in one.points + other.points}
    return max(abs(one.step_pl(dose_nl) - other.step_pl(dose_nl)) for dose_nl in doses_nl)


def _agree(one: Line, other: Line) -> bool:
    def explained(dose_nl: int) -> float:
        both = (line.expanded_pl(dose_nl, shared=False) for line in (one, other))
        return math.hypot(*both)

    doses_nl = {each.dose_nl for each in one.points + other.points}
    return all(
        abs(one.step_pl(dose_nl) - other.step_pl(dose_nl)) <= explained(dose_nl)
        for dose_nl in doses_nl
    )


def _is_one_range(line: Line, low_nl: int, high_nl: int) -> bool:
    """Whether the value changes over these doses by no more than its own uncertainty."""
    half_pl = abs(line.step_pl(low_nl) - line.step_pl(high_nl)) / 2
    return half_pl <= min(line.expanded_pl(low_nl), line.expanded_pl(high_nl))


def _range(cadences: Cadences, low_nl: int, high_nl: int) -> Range:
    line = cadences.line
    ends_pl = [line.step_pl(low_nl), line.step_pl(high_nl)]
    value_pl = round(sum(ends_pl) / 2)
    if not STEP_PL[0] <= value_pl <= STEP_PL[1]:
        raise StepImplausible(
            f"{low_nl} to {high_nl} nl come out at {value_pl} pl a step; "
            f"such drives deliver {STEP_PL[0]} to {STEP_PL[1]}."
        )
    off_pl = max(abs(end_pl - value_pl) for end_pl in ends_pl)
    unsure_pl = max(line.expanded_pl(dose_nl) for dose_nl in (low_nl, high_nl))
    missed_pl = _missed_pl(line, low_nl, high_nl)
    configuration = Configuration(
        dose_from_nl=low_nl,
        dose_to_nl=high_nl,
        cadence_from_hz=Fraction(MICROSECONDS_A_SECOND, cadences.longest_us),
        cadence_to_hz=Fraction(MICROSECONDS_A_SECOND, cadences.shortest_us),
        picolitres_a_step=value_pl,
    )
    return Range(configuration, math.ceil(off_pl + unsure_pl + missed_pl + cadences.apart_pl))


def _missed_pl(line: Line, low_nl: int, high_nl: int) -> float:
    """By how much the line misses a weighed mean of this range beyond that mean's uncertainty."""
    return max(
        (
            PICOLITRES_A_NANOLITRE * (abs(missed_nl) - each.budget.expanded_nl) / each.steps
            for missed_nl, each in zip(line.residuals_nl, line.points, strict=True)
            if low_nl <= each.dose_nl <= high_nl and abs(missed_nl) > each.budget.expanded_nl
        ),
        default=0.0,
    )
