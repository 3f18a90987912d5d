"""How far the needle really stands out, by a dial or digital indicator on its tip.

Readings are integers in micrometres, with the position that the pen came from. Only those that
were approached from the retracted side make the offset, because the pen always works so; those
approached from the other side show the backlash and nothing else. A certificate corrects an offset
only; what the gain leaves at each point is judged as it is.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from controller.calibration.acceptance import (
    AcceptanceFile,
    ProtrusionLimits,
    Verdict,
    guarded,
    worst_of,
)
from controller.calibration.errors import OffsetTooLarge, ProtrusionIncomplete
from controller.calibration.statistics import student_factor
from controller.calibration.uncertainty import effective_dof

OFFSET_MAX_UM = 200
"""No certificate holds a larger offset."""
REPEATS = 2
"""Readings at each point from the retracted side; one alone says nothing about repeatability."""
ADVISED_REPEATS = 3
"""With 2 at each of 5 points, 1 of 60 axes that scatter twice to four times as much as allowed
passed by chance; with 3 it is 1 of 800 (`tests/fleet`, and by chi squared)."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One reading of the indicator: where the pen came from, what was set, what was measured."""

    from_um: int
    set_um: int
    measured_um: int

    @property
    def is_outward(self) -> bool:
        """Whether the position was approached from the retracted side."""
        return self.from_um < self.set_um

    @property
    def error_um(self) -> int:
        """Measured minus set."""
        return self.measured_um - self.set_um


@dataclass(frozen=True, slots=True)
class Indicator:
    """What the indicator's certificate says: its resolution and its largest error."""

    resolution_um: int
    max_error_um: int
    source: str


@dataclass(frozen=True, slots=True)
class ProtrusionPoint:
    """All readings at one set protrusion.

    remaining_um: mean outward error after the offset is taken off, with its expanded uncertainty.
    """

    set_um: int
    error_um: float
    backlash_um: float
    remaining_um: float
    expanded_um: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ProtrusionResult:
    """What the indicator says about the axis. offset_um goes into the certificate.

    gain: measured micrometres a set one. backlash_um: how much further out the needle stands when
    it comes from outside. repeatability_um: one standard deviation of outward readings.
    """

    offset_um: int
    gain: float
    backlash_um: float
    repeatability_um: float
    points: tuple[ProtrusionPoint, ...]
    verdict: Verdict

    @property
    def max_remaining_um(self) -> float:
        """The largest error that is left after correction, without its sign."""
        return max(abs(each.remaining_um) for each in self.points)


def protrusion_of(
    touches: Sequence[Touch], indicator: Indicator, limits: AcceptanceFile
) -> ProtrusionResult:
    """Offset, gain, backlash and repeatability with a verdict.

    Raises ProtrusionIncomplete (E7030) when points, repeats or a direction are missing, and
    OffsetTooLarge (E7031).
    """
    outward, inward = _by_point(touches, limits)
    errors_um = {set_um: statistics.fmean(found) for set_um, found in outward.items()}
    offset_um = round(statistics.fmean(errors_um.values()))
    if abs(offset_um) > OFFSET_MAX_UM:
        raise OffsetTooLarge(
            f"The needle stands out {offset_um:+d} um against what is set; "
            f"up to {OFFSET_MAX_UM} um can be corrected."
        )
    dof = sum(len(found) - 1 for found in outward.values())
    squares = sum((each - errors_um[at]) ** 2 for at, found in outward.items() for each in found)
    scatter_um = math.sqrt(squares / dof)
    points = tuple(
        _point(
            set_um,
            errors_um[set_um],
            statistics.fmean(inward[set_um]) - errors_um[set_um],
            errors_um[set_um] - offset_um,
            _expanded_um(scatter_um, dof, len(outward[set_um]), indicator),
            limits.protrusion,
        )
        for set_um in sorted(outward)
    )
    repeats = scatter_um <= limits.protrusion.max_repeatability_um
    return ProtrusionResult(
        offset_um,
        1 + statistics.linear_regression(list(errors_um), list(errors_um.values())).slope,
        statistics.fmean(each.backlash_um for each in points),
        scatter_um,
        points,
        worst_of(*(each.verdict for each in points), Verdict.PASS if repeats else Verdict.FAIL),
    )


def _point(
    set_um: int,
    error_um: float,
    backlash_um: float,
    remaining_um: float,
    expanded_um: float,
    limits: ProtrusionLimits,
) -> ProtrusionPoint:
    verdict = guarded(remaining_um, expanded_um, limits.pass_error_um, limits.fail_error_um)
    return ProtrusionPoint(set_um, error_um, backlash_um, remaining_um, expanded_um, verdict)


Errors = dict[int, list[int]]


def _by_point(touches: Sequence[Touch], limits: AcceptanceFile) -> tuple[Errors, Errors]:
    """The errors at each set protrusion, outward and inward."""
    outward: Errors = {}
    inward: Errors = {}
    for each in touches:
        if each.from_um == each.set_um:
            raise ProtrusionIncomplete(f"At {each.set_um} um the pen did not move to the point.")
        side = outward if each.is_outward else inward
        side.setdefault(each.set_um, []).append(each.error_um)
    least = limits.method.protrusion_points.value
    if len(outward) < least:
        raise ProtrusionIncomplete(f"{len(outward)} points were measured of {least}.")
    for set_um, found in sorted(outward.items()):
        if len(found) < REPEATS:
            raise ProtrusionIncomplete(
                f"At {set_um} um there is one reading from the retracted side of {REPEATS}."
            )
        if set_um not in inward:
            raise ProtrusionIncomplete(f"At {set_um} um no reading came from the outer side.")
    return outward, inward


def _expanded_um(scatter_um: float, dof: int, n: int, indicator: Indicator) -> float:
    # Reading and zero of the indicator are each rounded; its largest error may be anywhere within.
    random_um = scatter_um / math.sqrt(n)
    shared_um = math.hypot(
        indicator.resolution_um / math.sqrt(6), indicator.max_error_um / math.sqrt(3)
    )
    factor = student_factor(effective_dof([(random_um, dof), (shared_um, math.inf)]))
    return factor * math.hypot(random_um, shared_um)
