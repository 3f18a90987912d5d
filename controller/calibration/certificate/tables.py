"""The tables of a certificate, one function each. Loads reportlab; only for the child process."""

from collections.abc import Iterator, Sequence

from reportlab.platypus import Flowable, Spacer

from controller.calibration.certificate.report import (
    Axis,
    CadenceRun,
    CalibrationReport,
    CertifiedRange,
    Conditions,
    WeighedSeries,
    Weighing,
)
from controller.calibration.certificate.style import SMALL, cell, grid, verdict_text
from controller.calibration.certificate.wording import (
    MU,
    NONE,
    PLUS_MINUS,
    STAGES,
    SYSTEMATIC,
    escaped,
    hz,
    percent,
    share_ppm,
    signed,
    thousandth,
    ul,
)

IN_A_ROW = 10
"""Weighings beside each other; a series of more takes another row."""
BUDGETS_IN_A_ROW = 9
_NAME, _COLUMN = 34, 15


def ranges(report: CalibrationReport) -> Flowable:
    """The certified values: picolitres a step with their interval."""
    heads = (f"Doses, {MU}l", "Cadences, Hz", "Picolitres a step", f"Interval, {PLUS_MINUS}pl")
    return grid(heads, [_range_row(each) for each in report.ranges], (3, 3, 3, 3))


def _range_row(one: CertifiedRange) -> list[str]:
    doses = f"{thousandth(one.dose_from_nl, 3)} to {thousandth(one.dose_to_nl, 3)}"
    cadences = _span_hz(one.longest_period_us, one.shortest_period_us)
    return [doses, cadences, f"<b>{one.picolitres_a_step}</b>", f"{one.interval_pl}"]


def lines(report: CalibrationReport) -> Flowable:
    """The fitted lines: what a dose gains whatever its size, and what a step adds."""
    rows = [
        [
            _span_hz(each.longest_period_us, each.shortest_period_us),
            signed(thousandth(each.offset_pl, 1)),
            thousandth(each.slope_pl_a_thousand_steps, 3),
        ]
        for each in report.lines
    ]
    heads = ("Line of cadences, Hz", "Offset of a dose, nl", "Slope, pl a step")
    return grid(heads, rows, (3, 3, 3))


def _span_hz(longest_us: int, shortest_us: int) -> str:
    low, high = hz(longest_us), hz(shortest_us)
    return low if low == high else f"{low} to {high}"


def doses(series: Sequence[WeighedSeries]) -> Flowable:
    """Results of some series, each with its limits."""
    heads = (
        "Stage",
        f"Dose, {MU}l",
        "Hz",
        "Steps",
        "n x doses",
        f"Mean, {MU}l",
        f"{SYSTEMATIC}, {MU}l",
        f"{SYSTEMATIC}, %",
        "U, %",
        "limit, %",
        "CV, %",
        "limit, %",
        "Verdict",
    )
    widths = (9, 8, 6, 7, 9, 9, 9, 8, 7, 15, 8, 9, 14)
    return grid(heads, [_dose_row(each) for each in series], widths)


def _dose_row(one: WeighedSeries) -> list[str]:
    result = one.result

    def share(value_pl: int, digits: int = 2) -> str:
        return percent(share_ppm(value_pl, one.dose_nl), digits)

    limits = f"{share(result.pass_error_pl, 1)} / {share(result.fail_error_pl, 1)}"
    if result.accumulated_error_pl is not None:
        limits += f"; {share(result.accumulated_error_pl, 1)}"
    return [
        STAGES[one.stage],
        thousandth(one.dose_nl, 2),
        hz(one.stroke_period_us),
        f"{one.steps_a_dose}",
        f"{len(one.replicates)} x {one.doses_a_weighing}",
        ul(result.mean_pl),
        signed(ul(result.error_pl)),
        signed(share(result.error_pl)),
        f"{share(result.expanded_pl)}",
        limits,
        percent(result.cv_ppm),
        f"{percent(result.pass_cv_ppm, 0)} / {percent(result.fail_cv_ppm, 0)}",
        verdict_text(result.verdict),
    ]


def axis(one: Axis) -> list[Flowable]:
    """The protrusion: each point, and what holds for the whole axis."""
    heads = (
        "Set, mm",
        "Error outward, mm",
        "Backlash, mm",
        "Left after offset, mm",
        "U (95 %), mm",
        "Limit, mm",
        "Verdict",
    )
    limit = f"{thousandth(one.pass_error_um, 3)} / {thousandth(one.fail_error_um, 3)}"
    rows = [
        [
            thousandth(each.set_um, 3),
            signed(_mm(each.error_nm)),
            signed(_mm(each.backlash_nm)),
            signed(_mm(each.remaining_nm)),
            _mm(each.expanded_nm),
            limit,
            verdict_text(each.verdict),
        ]
        for each in one.points
    ]
    typed = sum(each.typed for each in one.readings)
    whole = (
        f"Offset {signed(thousandth(one.offset_um, 3))} mm (corrected by the certificate). "
        f"Gain {ul(one.gain_ppm, 4)}. Backlash {signed(_mm(one.backlash_nm))} mm. "
        f"Repeatability {_mm(one.repeatability_nm)} mm (one standard deviation). "
        f"{len(one.readings)} readings, {typed} typed in. "
        f"Axis: {verdict_text(one.verdict)}"
    )
    return [grid(heads, rows, (2, 3, 3, 3, 3, 3, 3)), cell(whole, SMALL)]


def _mm(value_nm: int) -> str:
    return ul(value_nm, 3)


def cadences(runs: Sequence[CadenceRun]) -> Flowable:
    """Each run of the cadence with its witness."""
    heads = ("Set, Hz", "Pen's ticks, Hz", "Jitter, %", "Error, %", "U, %", "Pen's clock, %")
    rows = [
        [
            hz(each.set_period_us),
            thousandth(each.pen_mhz, 3),
            percent(each.jitter_ppm),
            signed(percent(each.error_ppm)),
            percent(each.expanded_ppm),
            NONE if each.clock_ppm is None else signed(percent(each.clock_ppm)),
            escaped(each.witness),
            verdict_text(each.verdict),
        ]
        for each in runs
    ]
    return grid((*heads, "Witness", "Verdict"), rows, (7, 9, 7, 7, 6, 9, 22, 11))


def instruments(report: CalibrationReport) -> Flowable:
    """What was measured with, and until when its own certificate holds."""
    rows = [
        [
            escaped(each.role),
            escaped(each.make) + " (simulated)" * each.simulated,
            escaped(each.serial),
            escaped(each.certificate_number or NONE),
            NONE if each.due is None else each.due.isoformat(),
        ]
        for each in report.instruments
    ]
    heads = ("Instrument", "Make and model", "Serial", "Its certificate", "Due")
    return grid(heads, rows, (4, 7, 4, 6, 3))


def conditions(report: CalibrationReport) -> Flowable:
    """Liquid and air: the extremes over the series, each at start and end."""
    rows = []
    for name, series in _by_stage(report).items():
        both = [moment for each in series for moment in (each.start, each.end)]
        factors = [each.z_pl_mg for each in series]
        rows.append([name, *_extremes(both), _between(factors, 1_000_000, 4)])
    heads = ("Stage", "Liquid, °C", "Air, °C", "Pressure, hPa", "Humidity, %", f"Z, {MU}l/mg")
    return grid(heads, rows, (2, 3, 3, 3, 3, 4))


def _by_stage(report: CalibrationReport) -> dict[str, tuple[WeighedSeries, ...]]:
    found = {name: report.of(stage) for stage, name in STAGES.items()}
    return {name: series for name, series in found.items() if series}


def _extremes(both: Sequence[Conditions]) -> list[str]:
    return [
        _between([each.liquid_mdegc for each in both], 1_000, 2),
        _between([each.air_mdegc for each in both], 1_000, 2),
        _between([each.pressure_pa for each in both], 100, 1),
        _between([each.humidity_permille for each in both], 10, 1),
    ]


def _between(values: Sequence[int], divisor: int, digits: int) -> str:
    low, high = (ul(value * (1_000_000 // divisor), digits) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def weighings(report: CalibrationReport) -> Flowable:
    """Every counted weighing: the balance's gain in milligrams, and marks for what is special."""
    heads = ("Series", "Blanks, mg", *(f"{index + 1}" for index in range(IN_A_ROW)))
    rows = [row for each in report.series for row in _weighing_rows(each)]
    return grid(heads, rows, (20, 12, *(8.7,) * IN_A_ROW))


def _weighing_rows(one: WeighedSeries) -> Iterator[list[str]]:
    gains = [_gain(replicate) for replicate in one.replicates]
    blanks = "; ".join(thousandth(ug, 3) for ug in (one.blank_start_ug, one.blank_end_ug))
    for first in range(0, len(gains), IN_A_ROW):
        here = gains[first : first + IN_A_ROW]
        here += [""] * (IN_A_ROW - len(here))
        yield [_named(one), blanks, *here] if first == 0 else ["", "", *here]


def _gain(replicate: Sequence[Weighing]) -> str:
    if not replicate:
        return NONE
    last = replicate[-1]
    redone = "*" * (len(replicate) > 1)
    return thousandth(last.after_ug - last.before_ug, 3) + " t" * last.typed + redone


def redone(report: CalibrationReport) -> Flowable | None:
    """Every weighing that does not count, with its reason; None when all count."""
    rows = [
        [
            _named(series),
            f"{place + 1}",
            thousandth(each.after_ug - each.before_ug, 3) + " t" * each.typed,
            f"{each.steps}",
            escaped(each.discarded_because),
        ]
        for series in report.series
        for place, replicate in enumerate(series.replicates)
        for each in replicate
        if each.discarded_because is not None
    ]
    heads = ("Series", "Place", "Weighed, mg", "Steps", "Does not count because")
    return grid(heads, rows, (20, 6, 12, 8, 73)) if rows else None


def budgets(report: CalibrationReport) -> list[Flowable]:
    """Standard uncertainties in nanolitres: contributions down, series across."""
    made: list[Flowable] = []
    names = list(dict.fromkeys(line.name for each in report.series for line in each.budget))
    for first in range(0, len(report.series), BUDGETS_IN_A_ROW):
        here = report.series[first : first + BUDGETS_IN_A_ROW]
        rows = [[escaped(name), *(_share(each, name) for each in here)] for name in names]
        coverage = [thousandth(each.result.coverage_milli, 2) for each in here]
        expanded = [f"<b>{thousandth(each.result.expanded_pl, 1)}</b>" for each in here]
        rows += [["coverage factor k (95 %)", *coverage], ["<b>expanded, U</b>", *expanded]]
        heads = ("Contribution, nl", *(_named(each) for each in here))
        widths = (_NAME, *(_COLUMN,) * len(here))
        share = sum(widths) / (_NAME + _COLUMN * BUDGETS_IN_A_ROW)
        made += [grid(heads, rows, widths, share), Spacer(1, 4)]
    return [*made, cell(_sources(report), SMALL)]


def _sources(report: CalibrationReport) -> str:
    found: dict[str, list[str]] = {}
    for line in (line for each in report.series for line in each.budget):
        names = found.setdefault(line.source, [])
        names += [line.name] * (line.name not in names)
    each = (f"{source} ({', '.join(names)})" for source, names in found.items())
    return escaped("Sources: " + "; ".join(each) + ".")


def _share(series: WeighedSeries, name: str) -> str:
    return thousandth(sum(line.standard_pl for line in series.budget if line.name == name), 3)


def _named(one: WeighedSeries) -> str:
    return f"{STAGES[one.stage]} {one.dose_nl / 1_000:g} {MU}l, {hz(one.stroke_period_us)} Hz"
