"""The pages of a certificate in their order. Loads reportlab; only for the child process."""

from collections.abc import Iterator
from fractions import Fraction

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, Spacer, Table, TableStyle

from controller.calibration.certificate import charts, tables
from controller.calibration.certificate.plots import drawn
from controller.calibration.certificate.report import BenchCheck, CalibrationReport, Signature
from controller.calibration.certificate.style import (
    BADGE,
    BODY,
    CODE,
    COLOURS,
    LABEL,
    SECTION,
    SMALL,
    TITLE,
    WIDTH,
    cell,
    facts,
    verdict_text,
)
from controller.calibration.certificate.wording import (
    MU,
    NONE,
    PLUS_MINUS,
    SYSTEMATIC,
    VERDICTS,
    escaped,
    moment,
    thousandth,
)
from controller.session.units import rounded

NOT_CLEARED = "Not a cleared medical device."
RULE = (
    f"A value passes when its error together with its expanded uncertainty U (95 %) stays within "
    f"the first limit (|error| + U), is conditional within the second, and fails beyond; the third "
    f"limit, where there is one, is that of all doses of the series together. "
    f"{SYSTEMATIC}: mean minus dose. CV: random error of one dose, judged as it is. Interval: the "
    f"true value lies within {PLUS_MINUS} of it. The verdict above is "
    "that of the pen as it was left."
)
MARKS = "t: typed in by a person. *: taken again; the earlier attempt stands below. Gains as read."
QR_SIZE = 25 * mm
HOUR_US = 3_600_000_000


def story(report: CalibrationReport) -> list[Flowable]:
    """All flowables of a report; a document uses them up, so each needs its own."""
    return [*_summary(report), _signed(report), *_measured(report), *_evidence(report)]


def _summary(report: CalibrationReport) -> Iterator[Flowable]:
    yield _head(report)
    yield Spacer(1, 5)
    yield facts(_about(report))
    yield _section("Certified values")
    yield tables.ranges(report)
    prime = f"Priming, where no dose loses anything: {report.prime_picolitres_a_step} pl a step. "
    yield cell(prime + f"Limits: {escaped(report.limits_title)}.", SMALL)
    yield _section("Doses")
    yield tables.doses(report.series)
    yield cell(f"{RULE} {_typed(report)}", SMALL)
    yield Spacer(1, 6)
    yield drawn(charts.errors(report), WIDTH, 62 * mm)


def _typed(report: CalibrationReport) -> str:
    taken = [one for each in report.series for place in each.replicates for one in place]
    typed = sum(each.typed for each in taken)
    redone = sum(each.discarded_because is not None for each in taken)
    return (
        f"<b>Of {len(taken)} weighings {typed} were typed in by a person</b>, the others read from "
        f"the balance; {redone} were taken again."
    )


def _head(report: CalibrationReport) -> Flowable:
    title = [
        cell("Calibration certificate", TITLE),
        cell("Dose, protrusion and cadence of a microneedling pen", BODY),
    ]
    badge = cell(VERDICTS[report.verdict], BADGE)
    made = Table([[title, badge]], colWidths=[WIDTH - 42 * mm, 42 * mm])
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (1, 0), (1, 0), COLOURS[report.verdict]),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (0, 0), 0),
            ]
        )
    )
    return made


def _about(report: CalibrationReport) -> list[tuple[str, str]]:
    pen, liquid = report.pen, report.liquid
    density = "" if liquid.density_g_m3 is None else f", {liquid.density_g_m3 / 1_000:g} kg/m³"
    lot = "" if liquid.lot is None else f", lot {liquid.lot}"
    return [
        ("Certificate", report.certificate_id),
        ("Supersedes", report.supersedes or NONE),
        ("Issued", moment(report.issued_wall)),
        ("Valid until", moment(report.valid_until_wall)),
        ("or until", _counts(report)),
        ("Measured by", report.measured_by.person),
        ("Approved by", NONE if report.approved_by is None else report.approved_by.person),
        ("Pen", pen.uid),
        ("Model", pen.model),
        ("Firmware", pen.firmware),
        ("Cartridge type", pen.cartridge_type),
        ("Pump head", pen.pump_head),
        ("Weighed liquid", f"{liquid.name}{lot}{density}"),
        ("Software", report.software_version),
    ]


def _counts(report: CalibrationReport) -> str:
    running_us = report.valid_until_running_us
    ends = [
        f"{count} {name}"
        for name, count in (
            ("doses", report.valid_until_doses),
            ("punctures", report.valid_until_punctures),
        )
        if count is not None
    ]
    if running_us is not None:
        ends.append(f"{rounded(Fraction(running_us, HOUR_US), 1)} h of running")
    return " or ".join(ends) + " of the pen's life" if ends else NONE


def _measured(report: CalibrationReport) -> Iterator[Flowable]:
    half = WIDTH / 2 - 2 * mm
    shown = [charts.residuals(report), charts.history(report)]
    plots = [drawn(each, half, 50 * mm) for each in shown if each.groups]
    if plots:
        beside = Table([plots], colWidths=[half + 2 * mm] * len(plots))
        beside.setStyle(TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0)]))
        yield KeepTogether(
            [_section("Fit and history"), tables.lines(report), Spacer(1, 5), beside]
        )
    if report.axis is not None:
        yield KeepTogether([_section("Protrusion"), *tables.axis(report.axis)])
    if report.cadences:
        yield KeepTogether([_section("Cadence"), tables.cadences(report.cadences)])


def _evidence(report: CalibrationReport) -> Iterator[Flowable]:
    yield KeepTogether([_section("Environment"), tables.conditions(report)])
    yield CondPageBreak(30 * mm)
    yield _section("Instruments")
    yield tables.instruments(report)
    yield cell(_bench(report.bench_check), SMALL)
    yield CondPageBreak(30 * mm)
    yield _section("Weighings: the balance's gain, mg")
    yield tables.weighings(report)
    yield cell(MARKS, SMALL)
    redone = tables.redone(report)
    if redone is not None:
        yield CondPageBreak(20 * mm)
        yield _section("Weighings that do not count")
        yield redone
    yield CondPageBreak(50 * mm)
    yield _section("Uncertainty of the mean dose: standard uncertainties, nl")
    yield from tables.budgets(report)


def _bench(check: BenchCheck | None) -> str:
    if check is None:
        return "Bench check of the balance: none was recorded."
    return (
        f"Bench check of the balance over {check.seconds} s: noise {check.noise_sd_ug} {MU}g (one "
        f"standard deviation), drift {check.drift_ug:+d} {MU}g, check weight "
        f"{thousandth(check.check_weight_nominal_ug, 3)} mg read as "
        f"{thousandth(check.check_weight_read_ug, 3)} mg; {check.allowed_error_ug} {MU}g allowed: "
        f"{verdict_text(check.verdict)}"
    )


def _signed(report: CalibrationReport) -> Flowable:
    people = Table(
        [
            [
                _person("Measured by", report.measured_by),
                _person("Approved by", report.approved_by),
                _code(report.digest),
            ]
        ],
        colWidths=[(WIDTH - QR_SIZE) / 2] * 2 + [QR_SIZE],
    )
    people.setStyle(
        TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
    )
    about = "SHA-256 of this certificate's data (the JSON beside this page), also in the code:"
    return KeepTogether(
        [
            _section("People and digest"),
            people,
            cell(about, LABEL),
            cell(report.digest, CODE),
            cell(f"Journal {escaped(report.journal_id)}", LABEL),
        ]
    )


def _person(what: str, signature: Signature | None) -> list[Flowable]:
    if signature is None:
        return [cell(what, LABEL), cell("nobody yet", BODY)]
    made: list[Flowable] = [
        cell(what, LABEL),
        cell(f"<b>{escaped(signature.person)}</b>", BODY),
        cell(moment(signature.at_wall), BODY),
    ]
    if signature.remark is not None:
        made.append(cell(escaped(signature.remark), LABEL))
    return made


def _code(digest: str) -> Drawing:
    drawing = Drawing(QR_SIZE, QR_SIZE)
    drawing.add(QrCodeWidget(f"sha256:{digest}", barWidth=QR_SIZE, barHeight=QR_SIZE, barBorder=0))
    return drawing


def _section(title: str) -> Flowable:
    return cell(title, SECTION)
