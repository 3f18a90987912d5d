"""A report's JSON as a PDF: `python -m controller.calibration.certificate.pdf report.json out.pdf`.

A process of its own, because reportlab is large and the controller's process stays small. The same
report gives the same bytes: no clock, no random identifier, no compression that may differ.
"""

import io
import sys
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from pydantic import ValidationError
from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

from controller.calibration.certificate.pages import NOT_CLEARED, story
from controller.calibration.certificate.report import CalibrationReport
from controller.calibration.certificate.style import GREY, RULE, WIDTH
from controller.calibration.certificate.wording import printable

MARGIN = (A4[0] - WIDTH) / 2
FOOT, LOW, HIGH = 9 * mm, 15 * mm, 12 * mm
ACROSS = Color(0.70, 0.11, 0.11, alpha=0.13)
USAGE = "usage: python -m controller.calibration.certificate.pdf report.json out.pdf\n"


def pdf_of(report: CalibrationReport) -> bytes:
    """The certificate as a PDF. Made twice: only the first time tells how many pages there are."""
    return _made(report, _made(report, 0)[1])[0]


def _made(report: CalibrationReport, pages: int) -> tuple[bytes, int]:
    out = io.BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        title=printable(f"Calibration certificate {report.certificate_id}"),
        author=printable(report.measured_by.person),
        subject=printable(f"Pen {report.pen.uid}"),
        creator=printable(f"micropen {report.software_version}"),
        pageCompression=0,
        invariant=1,
        lang="en",
    )
    turned = 0

    def on_page(canvas: Canvas, _document: object) -> None:
        nonlocal turned
        turned += 1
        _decorate(canvas, report, turned, pages)

    frame = Frame(MARGIN, LOW, WIDTH, A4[1] - LOW - HIGH, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [frame], onPageEnd=on_page))
    document.build(story(report))
    return out.getvalue(), turned


def _decorate(canvas: Canvas, report: CalibrationReport, page: int, pages: int) -> None:
    issued = report.issued_wall.astimezone(UTC)
    canvas.setDateFormatter(lambda *_: f"D:{issued:%Y%m%d%H%M%S}Z")
    canvas.saveState()
    _across(canvas, report.marks)
    canvas.setStrokeColor(RULE)
    canvas.line(MARGIN, FOOT + 9, A4[0] - MARGIN, FOOT + 9)
    canvas.setFillColor(GREY)
    canvas.setFont("Helvetica-Bold", 7)
    canvas.drawString(MARGIN, FOOT, NOT_CLEARED)
    canvas.setFont("Helvetica", 7)
    middle = f"Certificate {report.certificate_id} - digest {report.digest[:16]}..."
    canvas.drawCentredString(A4[0] / 2, FOOT, middle)
    canvas.drawRightString(A4[0] - MARGIN, FOOT, f"page {page} of {pages}")
    canvas.restoreState()


def _across(canvas: Canvas, marks: Sequence[str]) -> None:
    for index, mark in enumerate(marks):
        canvas.saveState()
        canvas.setFillColor(ACROSS)
        canvas.setFont("Helvetica-Bold", 72)
        canvas.translate(A4[0] / 2, A4[1] / 2 + 70 - index * 170)
        canvas.rotate(45)
        canvas.drawCentredString(0, 0, mark)
        canvas.restoreState()


def main(arguments: Sequence[str]) -> int:
    """Exit status 0; 2 for wrong arguments, a report that is none, or a file that cannot be had."""
    if len(arguments) != 2:
        sys.stderr.write(USAGE)
        return 2
    source, target = map(Path, arguments)
    try:
        report = CalibrationReport.model_validate_json(source.read_bytes())
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(pdf_of(report))
        part.replace(target)
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"No PDF was made: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
