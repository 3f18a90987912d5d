"""The report as a PDF of one page for an ordinary session; a long one takes more.

Loads reportlab; only for the child process. The same sheet gives the same bytes.
"""

import io
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any

from reportlab.graphics.shapes import Circle, Drawing, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)
from reportlab.platypus import Table as PdfTable

from controller.console.report.content import Chart, Content, DoseMap, Table, content_of
from controller.console.report.sheet import Sheet

WIDTH = 178 * mm
_MARGIN = (A4[0] - WIDTH) / 2
_INK, _GREY, _RULE, _BLUE = (HexColor(c) for c in (0x1A1F24, 0x5B6670, 0xC9D0D6, 0x1F4E79))
_RED, _GREEN = HexColor(0xB3261E), HexColor(0x1B7A3D)
_ACROSS = Color(0.70, 0.11, 0.11, alpha=0.13)
_BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=7.4, leading=9, textColor=_INK)
_HEAD = ParagraphStyle("head", _BODY, fontName="Helvetica-Bold", textColor=_GREY)
_TITLE = ParagraphStyle("title", _BODY, fontName="Helvetica-Bold", fontSize=14, leading=18)
_SECTION = ParagraphStyle(
    "section", _HEAD, fontSize=8.6, leading=11, textColor=_BLUE, spaceBefore=5, keepWithNext=1
)
_CHART_HIGH, _BAR, _DOT, _A_ROW = 46.0, 26.0, 5.0, 100


def pdf_page(sheet: Sheet) -> bytes:
    """The report as PDF bytes."""
    content = content_of(sheet)
    out = io.BytesIO()
    document = BaseDocTemplate(
        out,
        pagesize=A4,
        title=_latin(content.title),
        subject=_latin(content.mark or "treatment"),
        creator="micropen",
        pageCompression=0,
        invariant=1,
        lang="en",
    )

    def on_page(canvas: Canvas, _document: object) -> None:
        _decorate(canvas, content, sheet)

    frame = Frame(_MARGIN, 15 * mm, WIDTH, A4[1] - 27 * mm, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [frame], onPageEnd=on_page))
    document.build(_story(content))
    return out.getvalue()


def _story(content: Content) -> list[Flowable]:
    story: list[Flowable] = [_text(content.title, _TITLE)]
    if content.mark:
        story.append(_text(content.mark, _HEAD))
    story.append(_facts(content))
    for table in content.tables:
        story += [_text(table.title, _SECTION), _table(table)]
    for chart in content.charts:
        if chart.bars:
            story += [_text(chart.title, _SECTION), _chart(chart)]
    for dose_map in content.maps:
        title = f"Dose map of {dose_map.zone}: every puncture in order, cut ones in red"
        story += [_text(title, _SECTION), *_dots(dose_map)]
    return story


def _decorate(canvas: Canvas, content: Content, sheet: Sheet) -> None:
    wall = datetime.fromisoformat(sheet.closed_wall or sheet.opened_wall)
    canvas.setDateFormatter(lambda *_: f"D:{wall:%Y%m%d%H%M%S}Z")
    canvas.saveState()
    if content.mark:
        canvas.setFillColor(_ACROSS)
        canvas.setFont("Helvetica-Bold", 72)
        canvas.translate(A4[0] / 2, A4[1] / 2)
        canvas.rotate(45)
        canvas.drawCentredString(0, 0, "SIMULATED")
    canvas.restoreState()
    canvas.setFillColor(_GREY)
    canvas.setFont("Helvetica", 6.5)
    canvas.drawString(_MARGIN, 9 * mm, content.foot)
    canvas.drawRightString(
        A4[0] - _MARGIN, 9 * mm, f"{content.title}, page {canvas.getPageNumber()}"
    )


def _text(text: str, style: ParagraphStyle = _BODY) -> Paragraph:
    return Paragraph(escape(_latin(text)), style)


def _latin(text: str) -> str:
    """The standard fonts have Latin letters only; anything else is shown as its code."""
    return text.encode("cp1252", "backslashreplace").decode("cp1252", "replace")


def _facts(content: Content) -> Flowable:
    rows = [[_text(name, _HEAD), _text(value)] for name, value in content.facts]
    return PdfTable(rows, colWidths=[38 * mm, WIDTH - 38 * mm], style=_lines(0.8))


def _table(table: Table) -> Flowable:
    if not table.rows:
        return _text("none")
    first = 0.28 if len(table.heads) < 9 else 0.2
    widths = [
        WIDTH * first,
        *[WIDTH * (1 - first) / (len(table.heads) - 1)] * (len(table.heads) - 1),
    ]
    rows = [[_text(head, _HEAD) for head in table.heads]]
    rows += [[_text(cell) for cell in row] for row in table.rows]
    return PdfTable(rows, colWidths=widths, repeatRows=1, style=_lines(1.2))


def _lines(padding: float) -> TableStyle:
    rules: list[tuple[str, tuple[int, int], tuple[int, int], *tuple[Any, ...]]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, _RULE),
    ]
    return TableStyle(rules)


def _chart(chart: Chart) -> Flowable:
    drawing = Drawing(WIDTH, _CHART_HIGH + 10)
    most = max(count for _, count in chart.bars)
    step = min(WIDTH / len(chart.bars), _BAR)
    for index, (_, count) in enumerate(chart.bars):
        high = _CHART_HIGH * count / most
        bar = Rect(index * step, 10, max(0.5, step - 1), high)
        bar.fillColor, bar.strokeColor = _BLUE, None
        drawing.add(bar)
    ends = [(0.0, chart.bars[0][0])]
    ends += [((len(chart.bars) - 1) * step, chart.bars[-1][0])] * (len(chart.bars) > 1)
    for x, label in ends:
        drawing.add(String(x, 1, label, fontSize=6.5, fillColor=_GREY))
    return drawing


def _dots(dose_map: DoseMap) -> Sequence[Flowable]:
    """Rows of dots, so that a long zone may break over pages."""
    most = max((nl for nl, _ in dose_map.doses), default=0.0) or 1.0
    rows: list[Flowable] = []
    for start in range(0, len(dose_map.doses), _A_ROW):
        drawing = Drawing(WIDTH, _DOT)
        for index, (nl, partial) in enumerate(dose_map.doses[start : start + _A_ROW]):
            radius = max(0.5, (_DOT / 2 - 0.3) * (nl / most) ** 0.5)
            colour = _RED if partial else _GREEN
            x = index * _DOT + _DOT / 2
            drawing.add(Circle(x, _DOT / 2, radius, fillColor=colour, strokeColor=None))
        rows.append(drawing)
    return [*rows, Spacer(1, 2)]
