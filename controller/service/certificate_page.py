"""What the terminal shows of certificates: tables for people, made from the books."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from controller.calibration.certificate.readiness import missing
from controller.calibration.certificate.report import CalibrationReport
from controller.calibration.certificate.wording import hz
from controller.session.books import Books, Issued
from controller.session.certificate import Certificate
from controller.session.certificates import issued_certificate
from controller.session.units import microlitres
from controller.session.validity import Built, check_built, check_in_force, ends_of

_COLOURS = {"block": "red", "warn": "yellow"}


def status_page(books: Books, now_wall: datetime, pump_head: str | None) -> RenderableType:
    """Pen by pen: the certificate, its ends, what is wrong or due, and what a new one wants."""
    pens = sorted({*books.expected, *(each.opened.pen_uid for each in books.calibrations.values())})
    if not pens:
        return Text("No pen of this journal was ever calibrated: `micropen calibrate dose`.")
    built = Built(pump_head=pump_head)
    return Group(*(part for uid in pens for part in _pen(books, uid, now_wall, built)))


def _pen(books: Books, uid: str, now_wall: datetime, built: Built) -> Iterator[RenderableType]:
    expected = books.expected.get(uid)
    issued = books.certificates.get(expected or "")
    yield Text(f"Pen {uid}", style="bold")
    if issued is not None:
        certificate = issued_certificate(issued)
        report = CalibrationReport.model_validate(issued.body.report)
        yield _facts(books, issued, certificate, now_wall)
        yield _ranges(report)
        found = (
            *check_in_force(certificate, now_wall, books.wear.of(uid)),
            *check_built(certificate, built),
        )
        for finding in found:
            yield Text(f"{finding.severity.upper()} {finding.sentence}", _COLOURS[finding.severity])
    elif expected is not None:
        yield Text(f"It stores certificate {expected}, which is a file of the config folder.")
    else:
        yield Text("It has no certificate.", style="red")
    if issued is not None and books.unstored(uid) is not None:
        yield Text(
            "BLOCK The pen is not known to store it: `micropen calibrate certificate issue` "
            "completes that.",
            style="red",
        )
    yield from _next(books, uid, now_wall, built)


def _next(books: Books, uid: str, now_wall: datetime, built: Built) -> Iterator[Text]:
    opened = books.open_calibration()
    if opened is not None and opened.opened.pen_uid == uid:
        yield Text(
            f"Calibration {opened.session_id} ({opened.opened.procedure}) is open since "
            f"{opened.opened_wall[:16]}, with {len(opened.readings)} readings."
        )
    wants = missing(books, uid, now_wall, built)
    if not wants:
        yield Text("A new certificate can be issued: `micropen calibrate certificate issue`.")
        return
    yield Text("For a new certificate:")
    for sentence in wants:
        yield Text(f"  - {sentence}")


def _facts(books: Books, issued: Issued, certificate: Certificate, now_wall: datetime) -> Table:
    table = Table(show_header=False)
    body = issued.body
    end_wall = certificate.valid_until_wall.astimezone(UTC)
    left = end_wall - now_wall.astimezone(UTC)
    table.add_row("certificate", body.certificate_id)
    table.add_row("supersedes", body.supersedes or "none")
    table.add_row("measured, approved", escape(f"{body.measured_by.name}, {body.approved_by.name}"))
    table.add_row("firmware", escape(f"{certificate.firmware}"))
    table.add_row("cartridge type", f"{certificate.cartridge_type}")
    table.add_row("pump head", escape(f"{certificate.pump_head}"))
    table.add_row("until", f"{end_wall:%F %R} UTC: {_days(left.total_seconds())} left")
    for one in ends_of(certificate, books.wear.of(body.pen_uid)):
        table.add_row(f"until {one.name}", f"{one.shown(one.until)}: {one.shown(one.left)} left")
    return table


def _days(seconds: float) -> str:
    return f"{seconds / 86_400:.1f} days"


def _ranges(report: CalibrationReport) -> Table:
    table = Table("doses, uL", "cadences, Hz", "pl a step", "interval, pl")
    for one in report.ranges:
        doses = f"{microlitres(one.dose_from_nl)} to {microlitres(one.dose_to_nl)}"
        cadences = f"{hz(one.longest_period_us)} to {hz(one.shortest_period_us)}"
        table.add_row(doses, cadences, str(one.picolitres_a_step), f"+-{one.interval_pl}")
    return table


def list_table(books: Books) -> Table:
    """All certificates, oldest first; the one in force of each pen is marked."""
    table = Table("certificate", "pen", "issued (UTC)", "measured", "approved", "supersedes", "")
    for issued in books.certificates.values():
        body = issued.body
        in_force = books.expected.get(body.pen_uid) == body.certificate_id
        table.add_row(
            body.certificate_id,
            body.pen_uid,
            issued.wall[:16],
            escape(body.measured_by.name),
            escape(body.approved_by.name),
            body.supersedes or "",
            "last" if in_force else "superseded",
        )
    return table


def certificate_page(
    books: Books, issued: Issued, report: CalibrationReport, now_wall: datetime
) -> RenderableType:
    """One certificate for a terminal."""
    body = issued.body
    certificate = issued_certificate(issued)
    axis = report.axis
    offset = "" if axis is None else f" Protrusion offset {axis.offset_um:+d} um."
    marks = "".join(f" {mark}." for mark in report.marks)
    return Group(
        Text(f"Certificate of pen {body.pen_uid}: {report.verdict.upper()}.{marks}", style="bold"),
        _facts(books, issued, certificate, now_wall),
        _ranges(report),
        Text(
            f"Priming {report.prime_picolitres_a_step} pl a step.{offset} "
            f"From {', '.join(body.calibrations)}."
        ),
        Text(f"Digest of the report: {body.report_digest}"),
    )
