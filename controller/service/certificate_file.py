"""`python -m controller.service.certificate_file json|pdf JOURNAL ID`: one certificate as a file.

Written to standard output. The screen's API starts it as a child, so that nothing heavy runs beside
the drive. Exit code 0, or an error's own, with its number and sentence as JSON on standard error.
"""

import os
import sys
from pathlib import Path

import orjson

from controller.calibration.certificate.errors import UnknownCertificate
from controller.calibration.certificate.report import CalibrationReport
from controller.errors import MicropenError
from controller.service.app import read_books
from controller.session.certificates import issued_certificate

NICER = 10
"""The drive goes first, on a processor with few cores too."""


def made(form: str, journal: Path, certificate_id: str) -> bytes:
    """The file's bytes. Raises JournalError, UnknownCertificate, CertificateDamaged."""
    issued = read_books(journal).certificates.get(certificate_id)
    if issued is None:
        raise UnknownCertificate(f"The journal has no certificate '{certificate_id}'.")
    issued_certificate(issued)
    report = CalibrationReport.model_validate(issued.body.report)
    if form == "json":
        return report.canonical_json()
    from controller.calibration.certificate.pdf import pdf_of  # noqa: PLC0415 - not for JSON

    return pdf_of(report)


def main(arguments: list[str]) -> int:
    """Exit code 0, or 1 with the error as JSON on standard error."""
    os.nice(NICER)
    form, journal, certificate_id = arguments
    try:
        sys.stdout.buffer.write(made(form, Path(journal), certificate_id))
    except MicropenError as error:
        told = {"number": error.number, "what": error.what, "action": error.action}
        sys.stderr.buffer.write(orjson.dumps(told))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
