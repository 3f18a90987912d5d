"""Which values the three plots of a certificate show: errors, residuals, and the pen's history.

Pure but for `plots`' data classes.
"""

from collections.abc import Callable, Iterable

from controller.calibration.certificate.plots import Chart, Group, Mark
from controller.calibration.certificate.report import CalibrationReport, Stage, WeighedSeries
from controller.calibration.certificate.wording import MU, PLUS_MINUS, STAGES, hz, share_ppm

PPM_A_PERCENT = 10_000
HISTORY = 11
"""As many earlier certificates as the plot has room for; the JSON keeps all."""
Kind = tuple[Stage, int]


def errors(report: CalibrationReport) -> Chart:
    """The systematic error of each series in percent of its dose, with U and the limits."""

    def mark(one: WeighedSeries, kind: int) -> Mark:
        return Mark(_percent(one.result.error_pl, one), _percent(one.result.expanded_pl, one), kind)

    kinds = _kinds(report.series)
    title = f"Error of the mean dose against the dose, % (bars: {PLUS_MINUS}U, 95 %)"
    return Chart(title, _by_dose(report.series, kinds, mark, limits=True), _names(kinds))


def residuals(report: CalibrationReport) -> Chart:
    """How far each fitted mean lies off its line, in nanolitres, with U."""

    def mark(one: WeighedSeries, kind: int) -> Mark:
        return Mark((one.residual_pl or 0) / 1_000, one.result.expanded_pl / 1_000, kind)

    fitted = [each for each in report.series if each.residual_pl is not None]
    kinds = _kinds(fitted)
    title = f"Residuals of the fit, nl (bars: {PLUS_MINUS}U)"
    return Chart(title, _by_dose(fitted, kinds, mark, limits=False), _names(kinds))


def history(report: CalibrationReport) -> Chart:
    """The errors as found: of earlier certificates of this pen, oldest first, and of this one."""
    found = [
        (each.issued_wall, each.certificate_id, each.dose_nl, each.error_ppm, each.expanded_ppm)
        for each in report.history
        if each.stage is Stage.AS_FOUND
    ] + [
        (
            report.issued_wall,
            report.certificate_id,
            each.dose_nl,
            share_ppm(each.result.error_pl, each.dose_nl),
            share_ppm(each.result.expanded_pl, each.dose_nl),
        )
        for each in report.of(Stage.AS_FOUND)
    ]
    doses_nl = sorted({dose_nl for _, _, dose_nl, _, _ in found})
    certificates = sorted({(at_wall, name) for at_wall, name, *_ in found})[-HISTORY - 1 :]
    groups = tuple(
        Group(
            f"{at_wall:%y-%m-%d}",
            tuple(
                Mark(error / PPM_A_PERCENT, unsure / PPM_A_PERCENT, doses_nl.index(dose_nl))
                for _, one, dose_nl, error, unsure in sorted(found)
                if one == name
            ),
        )
        for at_wall, name in certificates
    )
    names = tuple(f"{_ul(dose_nl)} {MU}l" for dose_nl in doses_nl)
    return Chart(f"History of this pen: error as found, % (bars: {PLUS_MINUS}U)", groups, names)


def _percent(value_pl: int, one: WeighedSeries) -> float:
    return share_ppm(value_pl, one.dose_nl) / PPM_A_PERCENT


def _kinds(series: Iterable[WeighedSeries]) -> list[Kind]:
    order = list(Stage)
    found = {(each.stage, each.stroke_period_us) for each in series}
    return sorted(found, key=lambda kind: (order.index(kind[0]), -kind[1]))


def _names(kinds: list[Kind]) -> tuple[str, ...]:
    return tuple(f"{STAGES[stage]}, {hz(period_us)} Hz" for stage, period_us in kinds)


def _by_dose(
    series: Iterable[WeighedSeries],
    kinds: list[Kind],
    mark: Callable[[WeighedSeries, int], Mark],
    *,
    limits: bool,
) -> tuple[Group, ...]:
    by_dose: dict[int, list[WeighedSeries]] = {}
    for each in series:
        by_dose.setdefault(each.dose_nl, []).append(each)
    groups = []
    for dose_nl, here in sorted(by_dose.items()):
        marks = sorted(
            (mark(each, kinds.index((each.stage, each.stroke_period_us))) for each in here),
            key=lambda one: one.kind,
        )
        bands = _bands(here) if limits else None
        groups.append(Group(f"{_ul(dose_nl)} {MU}l", tuple(marks), bands))
    return tuple(groups)


def _bands(series: list[WeighedSeries]) -> tuple[float, float]:
    """The strictest limits that hold for one dose, that of all doses together included."""
    results = [each.result for each in series]
    whole = [each.accumulated_error_pl for each in results if each.accumulated_error_pl is not None]
    passed = min(*(each.pass_error_pl for each in results), *whole, results[0].fail_error_pl)
    failed = min(*(each.fail_error_pl for each in results), *whole, results[0].fail_error_pl)
    return _percent(passed, series[0]), _percent(failed, series[0])


def _ul(dose_nl: int) -> str:
    return f"{dose_nl / 1_000:g}"
