"""Finds a certificate by its id: in the journal first, then among the config folder's files.

The journal's chain guards what it holds, but not every start of a service reads all of it. So the
report's digest is reckoned again, and whatever a certificate lets a pen do must stand in its report
too: a changed bit makes it none (H05).
"""

import hashlib
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from controller.errors import SessionError, UnknownName
from controller.session.books import Books, Issued
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate
from controller.session.findings import blocks
from controller.session.units import period_us
from controller.session.validity import check_in_force

_IN_BOTH = (
    "certificate_id",
    "issued_wall",
    "valid_until_wall",
    "valid_until_punctures",
    "valid_until_doses",
    "valid_until_running_us",
    "prime_picolitres_a_step",
)


class CertificateDamaged(SessionError):
    """A certificate of the journal does not agree with itself."""

    number = 4040
    cause = "The record was changed, or another version of this program wrote it."
    action = "Check the record (`micropen session verify`), then calibrate the pen anew."


def issued_certificate(issued: Issued) -> Certificate:
    """The certificate of a journal's entry. Raises CertificateDamaged."""
    body = issued.body
    name = body.certificate_id
    try:
        found = Certificate.model_validate(body.certificate)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise CertificateDamaged(f"Certificate {name} cannot be read: {why}.") from error
    digest = digest_of(body.report)
    if not digest == body.report_digest == found.report_digest:
        raise CertificateDamaged(f"The report of certificate {name} is not the one it names.")
    if body.certificate_id != found.certificate_id or _of(found) != _told(body.report):
        raise CertificateDamaged(f"Certificate {name} says something else than its report.")
    return found


def _of(certificate: Certificate) -> dict[str, object]:
    """What a certificate lets a pen do, in the words of its report."""
    written = certificate.model_dump(mode="json")
    return {key: written[key] for key in _IN_BOTH} | {
        "offset_um": certificate.protrusion_offset_um,
        "pen": {
            "uid": certificate.pen_uid,
            "firmware": certificate.firmware,
            "cartridge_type": f"type {certificate.cartridge_type}",
            "pump_head": certificate.pump_head,
        },
        "provisional": certificate.provisional,
        "ranges": [
            {
                "dose_from_nl": one.dose_from_nl,
                "dose_to_nl": one.dose_to_nl,
                "longest_period_us": period_us(one.cadence_from_hz),
                "shortest_period_us": period_us(one.cadence_to_hz),
                "picolitres_a_step": one.picolitres_a_step,
            }
            for one in certificate.configurations
        ],
    }


def _told(report: dict[str, Any]) -> dict[str, object]:
    axis, pen = report.get("axis") or {}, report.get("pen") or {}
    return {key: report.get(key) for key in _IN_BOTH} | {
        "offset_um": axis.get("offset_um"),
        "pen": {key: value for key, value in pen.items() if key != "model"},
        "provisional": False,
        "ranges": [
            {key: value for key, value in one.items() if key != "interval_pl"}
            for one in report.get("ranges") or []
        ],
    }


def digest_of(report: dict[str, object]) -> str:
    """SHA-256, in hex, of a report's canonical JSON: sorted keys, no blanks."""
    return hashlib.sha256(orjson.dumps(report, option=orjson.OPT_SORT_KEYS)).hexdigest()


def certificate_by_id(books: Books, catalogue: Catalogue, wire_id: int) -> Certificate:
    """The certificate whose id a pen stores. Raises UnknownName, CertificateDamaged, InputError."""
    if wire_id == 0:
        raise UnknownName(
            "The pen stores no certificate.",
            cause="It was never calibrated, or its memory was renewed.",
            action="Calibrate it (`micropen calibrate dose`), or store the certificate it has "
            "(`micropen pen certify`).",
        )
    issued = books.certificates.get(f"{wire_id:016x}")
    return catalogue.certificate_by_id(wire_id) if issued is None else issued_certificate(issued)


def planned_certificate(
    books: Books, catalogue: Catalogue, now_wall: datetime | None = None
) -> Certificate:
    """What a plan is reckoned with while no pen is attached.

    That is the certificate issued last in this journal: at now_wall, the last one that holds, since
    another pen than that of an expired one may be meant. Without any, the file that
    `controller.toml` names.
    """
    last = [
        issued_certificate(issued)
        for issued in books.certificates.values()
        if books.expected.get(issued.body.pen_uid) == issued.body.certificate_id
    ]
    if not last:
        return catalogue.certificate(catalogue.settings.planning.certificate)
    if now_wall is None:
        return last[-1]
    wear = books.wear
    hold = (
        one
        for one in reversed(last)
        if not blocks(check_in_force(one, now_wall, wear.of(one.pen_uid)))
    )
    return next(hold, last[-1])
