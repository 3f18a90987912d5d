"""Finds a certificate by its id: in the journal first, then among the config folder's files.

The journal's chain guards what it holds; the report's digest is reckoned again all the same, so
that a certificate never stands for another calibration than the one that it names (H05).
"""

import hashlib

import orjson
from pydantic import ValidationError

from controller.errors import SessionError, UnknownName
from controller.session.books import Books, Issued
from controller.session.catalogue import Catalogue
from controller.session.certificate import Certificate


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
    if (found.certificate_id, found.pen_uid) != (name, body.pen_uid):
        raise CertificateDamaged(f"Certificate {name} was recorded under the name of another one.")
    return found


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


def planned_certificate(books: Books, catalogue: Catalogue) -> Certificate:
    """What a plan is reckoned with while no pen is attached: the newest certificate in force.

    That is the last one issued in this journal, or else the file that `controller.toml` names.
    """
    for issued in reversed(books.certificates.values()):
        if books.expected.get(issued.body.pen_uid) == issued.body.certificate_id:
            return issued_certificate(issued)
    return catalogue.certificate(catalogue.settings.planning.certificate)
