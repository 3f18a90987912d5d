"""What the screen shows of certificates: each pen's own, what is left of it, what a new one wants.

From the books alone, as `certificate_page` for the terminal.
"""

from datetime import UTC, datetime

from controller.calibration.certificate.readiness import missing
from controller.console.calibration_views import CertificateLine, DueView, EndView
from controller.console.requests import FindingView
from controller.record.calibration_events import CertificateIssued
from controller.session.books import Books, Issued
from controller.session.certificate import Certificate
from controller.session.certificates import issued_certificate
from controller.session.findings import Finding
from controller.session.validity import Built, check_built, check_in_force, ends_of
from protocol.limits import is_simulated_uid

_DAY_S = 86_400


def due_views(
    books: Books,
    now_wall: datetime,
    pump_head: str | None,
    linked_uid: str | None,
    stored: Certificate | None,
) -> list[DueView]:
    """Every pen that was ever calibrated, and the linked one first.

    stored: what the linked pen stores, which may be a file of the config folder.
    """
    known = {*books.expected, *(each.opened.pen_uid for each in books.calibrations.values())}
    first = [] if linked_uid is None else [linked_uid]
    built = Built(pump_head=pump_head)
    uids = [*first, *sorted(known - {*first})]
    files = {} if stored is None or linked_uid is None else {linked_uid: stored}
    return [_due(books, uid, now_wall, built, files.get(uid)) for uid in uids]


def _due(
    books: Books, uid: str, now_wall: datetime, built: Built, stored: Certificate | None
) -> DueView:
    issued = books.certificates.get(books.expected.get(uid) or "")
    certificate = stored if issued is None else issued_certificate(issued)
    until_wall = None if certificate is None else certificate.valid_until_wall.astimezone(UTC)
    left_s = None if until_wall is None else (until_wall - now_wall).total_seconds()
    return DueView(
        pen_uid=uid,
        certificate_id=None if certificate is None else certificate.certificate_id,
        provisional=certificate is not None and certificate.provisional,
        until_wall=None if until_wall is None else until_wall.isoformat(),
        days_left=None if left_s is None else round(left_s / _DAY_S, 1),
        ends=[] if certificate is None else _ends(books, uid, certificate),
        findings=[] if certificate is None else _findings(books, uid, certificate, now_wall, built),
        wants=missing(books, uid, now_wall, built),
        unstored=books.unstored(uid) is not None,
    )


def _ends(books: Books, uid: str, certificate: Certificate) -> list[EndView]:
    return [
        EndView(
            name=one.name, until=one.shown(one.until), left=one.shown(one.left), near=one.is_near
        )
        for one in ends_of(certificate, books.wear.of(uid))
    ]


def _findings(
    books: Books, uid: str, certificate: Certificate, now_wall: datetime, built: Built
) -> list[FindingView]:
    found: tuple[Finding, ...] = (
        *check_in_force(certificate, now_wall, books.wear.of(uid)),
        *check_built(certificate, built),
    )
    return [
        FindingView(code=each.code, blocks=each.severity == "block", sentence=each.sentence)
        for each in found
    ]


def certificate_lines(books: Books) -> list[CertificateLine]:
    """Every certificate of the journal, newest first."""
    return [_line(books, issued) for issued in reversed(books.certificates.values())]


def _line(books: Books, issued: Issued) -> CertificateLine:
    body = issued.body
    return CertificateLine(
        id=body.certificate_id,
        pen_uid=body.pen_uid,
        issued_wall=issued.wall,
        measured_by=body.measured_by.name,
        approved_by=body.approved_by.name,
        supersedes=body.supersedes,
        in_force=books.expected.get(body.pen_uid) == body.certificate_id,
        simulated=_is_pretended(body),
    )


def _is_pretended(body: CertificateIssued) -> bool:
    """As the mark across the certificate's pages has it."""
    instruments = body.report.get("instruments", ())
    return is_simulated_uid(int(body.pen_uid, 16)) or any(
        each.get("simulated", False) for each in instruments
    )
