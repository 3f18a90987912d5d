"""The cadence: what was set against the pen's own ticks and, if there is one, a tachometer.

Without a tachometer the pen's clock is judge in its own cause: it shows how evenly the motor runs,
not whether its seconds are right. The result says which witness stands behind it.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from controller.calibration.acceptance import AcceptanceFile, Verdict, guarded
from controller.calibration.errors import CadenceUnreadable
from controller.calibration.statistics import student_factor
from controller.session.units import MICROSECONDS_A_SECOND

INTERVALS = 10
"""As many as a series has weighings."""
MILLIHERTZ = 1_000


@dataclass(frozen=True, slots=True)
class Tachometer:
    """An outside reading of the cadence, and its expanded uncertainty (k = 2)."""

    measured_mhz: int
    expanded_mhz: int
    source: str


@dataclass(frozen=True, slots=True)
class CadenceResult:
    """One run at one set stroke period. Percents are of the set cadence.

    error_percent and expanded_percent are the outside witness's when there is one. clock_percent:
    how much faster the pen's clock says it runs than the tachometer does; None without one.
    """

    set_period_us: int
    pen_hz: Fraction
    jitter_percent: float
    error_percent: float
    expanded_percent: float
    clock_percent: float | None
    witness: str
    verdict: Verdict


def cadence_of(
    set_period_us: int,
    ticks_us: Sequence[int],
    tachometer: Tachometer | None,
    limits: AcceptanceFile,
) -> CadenceResult:
    """Judge one run by the pen ticks of its punctures, in order. Raises E7040."""
    intervals = _intervals_us(ticks_us)
    mean_us = Fraction(sum(intervals), len(intervals))
    pen_hz = MICROSECONDS_A_SECOND / mean_us
    set_hz = Fraction(MICROSECONDS_A_SECOND, set_period_us)
    jitter = statistics.stdev(intervals) / float(mean_us)
    if tachometer is None:
        found_hz, clock_percent, witness = pen_hz, None, "the pen's own clock"
        # A run's first and last tick bind its intervals, so their mean is known better than this.
        factor = student_factor(len(intervals) - 1)
        unsure = factor * jitter / math.sqrt(len(intervals)) * float(pen_hz / set_hz)
    else:
        found_hz = Fraction(tachometer.measured_mhz, MILLIHERTZ)
        if found_hz <= 0:
            raise CadenceUnreadable("The tachometer shows nothing that turns.")
        clock_percent, witness = 100 * float(pen_hz / found_hz - 1), tachometer.source
        unsure = tachometer.expanded_mhz / MILLIHERTZ / float(set_hz)
    error_percent, expanded_percent = 100 * float(found_hz / set_hz - 1), 100 * unsure
    verdict = guarded(
        error_percent,
        expanded_percent,
        float(limits.cadence.pass_error_percent),
        float(limits.cadence.fail_error_percent),
    )
    return CadenceResult(
        set_period_us,
        pen_hz,
        100 * jitter,
        error_percent,
        expanded_percent,
        clock_percent,
        witness,
        verdict,
    )


def _intervals_us(ticks_us: Sequence[int]) -> list[int]:
    intervals = [after - before for before, after in pairwise(ticks_us)]
    if len(intervals) < INTERVALS:
        raise CadenceUnreadable(
            f"The run has {len(ticks_us)} punctures; it takes {INTERVALS + 1} or more."
        )
    if min(intervals) <= 0:
        raise CadenceUnreadable("The pen's ticks do not rise from one puncture to the next.")
    return intervals
