"""From the core's objects to a report: every float becomes an integer here, uncertainties upwards.

Pure. Nothing is judged anew: means, budgets and lines are those that the fit used.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from controller.calibration.acceptance import AcceptanceFile
from controller.calibration.cadence import CadenceResult
from controller.calibration.certificate.report import (
    Axis,
    AxisPoint,
    BenchCheck,
    BudgetLine,
    CadenceRun,
    CalibrationReport,
    CertifiedRange,
    Conditions,
    DoseResult,
    Earlier,
    FittedLine,
    Instrument,
    Pen,
    Reading,
    Signature,
    Stage,
    TestLiquid,
    WeighedSeries,
    Weighing,
)
from controller.calibration.conditions import midway
from controller.calibration.curve import Point, Range
from controller.calibration.density import Liquid, Surroundings
from controller.calibration.errors import SeriesIncomplete
from controller.calibration.fitting import Fit
from controller.calibration.protrusion import ProtrusionResult, Touch
from controller.calibration.uncertainty import Contribution
from controller.calibration.weighing import Attempt, Series
from controller.session.units import period_us

PPM_A_PERCENT = 10_000
NORMAL_DOF = 1_000_000
"""From here on a contribution's degrees of freedom are printed as without end."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One closed series: what it was for, its result, and its room at start and end.

    typed: (replicate, attempt) of each reading that a person typed in, both counted from 0.
    """

    stage: Stage
    series: Series
    point: Point
    start: Surroundings
    end: Surroundings
    typed: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a certificate is called, and how long it holds."""

    certificate_id: str
    supersedes: str | None
    journal_id: str
    software_version: str
    issued_wall: datetime
    valid_until_wall: datetime
    valid_until_punctures: int | None
    valid_until_doses: int | None = None
    valid_until_running_us: int | None = None


@dataclass(frozen=True, slots=True)
class Protrusion:
    """The axis's result with the readings behind it. typed: indices of readings typed in."""

    touches: tuple[Touch, ...]
    result: ProtrusionResult
    typed: frozenset[int] = frozenset()


def report_of(
    identity: Identity,
    pen: Pen,
    instruments: Sequence[Instrument],
    weighed: Sequence[Weighed],
    fit: Fit,
    limits: AcceptanceFile,
    measured_by: Signature,
    *,
    liquid_lot: str | None = None,
    approved_by: Signature | None = None,
    bench_check: BenchCheck | None = None,
    protrusion: Protrusion | None = None,
    cadences: Sequence[CadenceResult] = (),
    history: Sequence[Earlier] = (),
) -> CalibrationReport:
    """The report of a finished calibration.

    Raises SeriesIncomplete (E7010), NoAcceptanceLimits (E7020), and pydantic's ValidationError for
    texts that are too long or one person in both places.
    """
    return CalibrationReport(
        certificate_id=identity.certificate_id,
        supersedes=identity.supersedes,
        journal_id=identity.journal_id,
        software_version=identity.software_version,
        limits_title=limits.title,
        issued_wall=identity.issued_wall,
        valid_until_wall=identity.valid_until_wall,
        valid_until_punctures=identity.valid_until_punctures,
        valid_until_doses=identity.valid_until_doses,
        valid_until_running_us=identity.valid_until_running_us,
        pen=pen,
        liquid=_liquid(weighed[0].start, liquid_lot),
        instruments=tuple(instruments),
        bench_check=bench_check,
        series=tuple(_series(each, fit, limits) for each in weighed),
        lines=_lines(fit),
        ranges=tuple(_range(each) for each in fit.ranges),
        prime_picolitres_a_step=fit.prime_picolitres_a_step,
        axis=None if protrusion is None else _axis(protrusion, limits),
        cadences=tuple(_cadence(each) for each in cadences),
        history=tuple(history),
        measured_by=measured_by,
        approved_by=approved_by,
    )


def _liquid(around: Surroundings, lot: str | None) -> TestLiquid:
    liquid = around.liquid
    density_g_m3 = liquid.density_g_m3 if isinstance(liquid, Liquid) else None
    return TestLiquid(name=liquid.name, lot=lot, density_g_m3=density_g_m3)


def _series(weighed: Weighed, fit: Fit, limits: AcceptanceFile) -> WeighedSeries:
    series, end = weighed.series, weighed.series.end
    if end is None:
        raise SeriesIncomplete("The series has no blank at its end yet.")
    return WeighedSeries(
        stage=weighed.stage,
        dose_nl=series.setting.dose_nl,
        stroke_period_us=series.setting.stroke_period_us,
        steps_a_dose=series.setting.steps_a_dose,
        doses_a_weighing=series.setting.doses_a_weighing,
        start=_conditions(weighed.start),
        end=_conditions(weighed.end),
        blank_start_ug=series.start.loss_ug,
        blank_end_ug=end.loss_ug,
        z_pl_mg=round(1_000_000 * midway(weighed.start, weighed.end).z_ul_mg),
        replicates=tuple(
            tuple(
                _weighing(attempt, (place, index) in weighed.typed)
                for index, attempt in enumerate(replicate.attempts)
            )
            for place, replicate in enumerate(series.replicates)
        ),
        result=_result(weighed.point, limits),
        residual_pl=_residual_pl(weighed.point, fit),
        budget=tuple(_budget_line(each) for each in weighed.point.budget.contributions),
    )


def _conditions(around: Surroundings) -> Conditions:
    return Conditions(
        liquid_mdegc=around.liquid_mdegc,
        air_mdegc=around.air.temperature_mdegc,
        pressure_pa=around.air.pressure_pa,
        humidity_permille=around.air.humidity_permille,
    )


def _weighing(attempt: Attempt, typed: bool) -> Weighing:
    return Weighing(
        before_ug=attempt.before_ug,
        after_ug=attempt.after_ug,
        steps=attempt.steps,
        typed=typed,
        discarded_because=attempt.discarded_because,
    )


def _result(point: Point, limits: AcceptanceFile) -> DoseResult:
    spread, budget, band = point.spread, point.budget, limits.band(point.dose_nl)
    pass_nl, fail_nl = band.error_limits_nl(point.dose_nl)
    cv_percent = spread.cv_percent
    return DoseResult(
        mean_pl=_thousand(spread.mean_nl),
        error_pl=_thousand(spread.error_nl),
        dose_sd_pl=_thousand(spread.dose_sd_nl),
        cv_ppm=_ppm(cv_percent) if math.isfinite(cv_percent) else None,
        expanded_pl=_up(budget.expanded_nl),
        coverage_milli=_thousand(budget.coverage),
        pass_error_pl=_thousand(pass_nl),
        fail_error_pl=_thousand(fail_nl),
        accumulated_error_pl=_accumulated_pl(point, limits),
        pass_cv_ppm=_ppm(band.pass_cv_percent),
        fail_cv_ppm=_ppm(band.fail_cv_percent),
        verdict=limits.judge_dose(spread, budget.expanded_nl),
    )


def _accumulated_pl(point: Point, limits: AcceptanceFile) -> int | None:
    spread, whole = point.spread, limits.accumulated
    if spread.n * spread.doses * spread.nominal_nl < whole.from_nl:
        return None
    return _thousand(whole.pass_error_percent * spread.nominal_nl / 100)


def _residual_pl(point: Point, fit: Fit) -> int | None:
    for cadences in fit.cadences:
        if point in cadences.line.points:
            where = cadences.line.points.index(point)
            return _thousand(cadences.line.residuals_nl[where])
    return None


def _budget_line(one: Contribution) -> BudgetLine:
    return BudgetLine(
        name=one.name,
        source=one.source,
        standard=f"{one.standard:.3g} {one.unit}",
        standard_pl=_up(one.nl),
        dof=math.floor(one.dof) if one.dof < NORMAL_DOF else None,
    )


def _lines(fit: Fit) -> tuple[FittedLine, ...]:
    return tuple(
        FittedLine(
            longest_period_us=each.longest_us,
            shortest_period_us=each.shortest_us,
            offset_pl=_thousand(each.line.offset_nl),
            slope_pl_a_thousand_steps=round(1_000_000 * each.line.slope_nl),
        )
        for each in fit.cadences
    )


def _range(one: Range) -> CertifiedRange:
    configuration = one.configuration
    return CertifiedRange(
        dose_from_nl=configuration.dose_from_nl,
        dose_to_nl=configuration.dose_to_nl,
        longest_period_us=period_us(configuration.cadence_from_hz),
        shortest_period_us=period_us(configuration.cadence_to_hz),
        picolitres_a_step=configuration.picolitres_a_step,
        interval_pl=one.interval_pl,
    )


def _axis(protrusion: Protrusion, limits: AcceptanceFile) -> Axis:
    result = protrusion.result
    return Axis(
        readings=tuple(
            Reading(
                from_um=each.from_um,
                set_um=each.set_um,
                measured_um=each.measured_um,
                typed=index in protrusion.typed,
            )
            for index, each in enumerate(protrusion.touches)
        ),
        points=tuple(
            AxisPoint(
                set_um=each.set_um,
                error_nm=_thousand(each.error_um),
                backlash_nm=_thousand(each.backlash_um),
                remaining_nm=_thousand(each.remaining_um),
                expanded_nm=_up(each.expanded_um),
                verdict=each.verdict,
            )
            for each in result.points
        ),
        offset_um=result.offset_um,
        gain_ppm=round(1_000_000 * result.gain),
        backlash_nm=_thousand(result.backlash_um),
        repeatability_nm=_thousand(result.repeatability_um),
        pass_error_um=limits.protrusion.pass_error_um,
        fail_error_um=limits.protrusion.fail_error_um,
        verdict=result.verdict,
    )


def _cadence(one: CadenceResult) -> CadenceRun:
    return CadenceRun(
        set_period_us=one.set_period_us,
        pen_mhz=_thousand(one.pen_hz),
        jitter_ppm=_ppm(one.jitter_percent),
        error_ppm=_ppm(one.error_percent),
        expanded_ppm=math.ceil(PPM_A_PERCENT * one.expanded_percent),
        clock_ppm=None if one.clock_percent is None else _ppm(one.clock_percent),
        witness=one.witness,
        verdict=one.verdict,
    )


def _thousand(value: float | Fraction) -> int:
    """To the nearest thousandth: nanolitres as picolitres, micrometres as nanometres."""
    return round(1_000 * value)


def _up(value: float) -> int:
    return math.ceil(1_000 * value)


def _ppm(percent: float | Fraction) -> int:
    return round(PPM_A_PERCENT * percent)
