"""The look of a certificate: fonts, colours, tables.

Loads reportlab; only for the child process.
"""

from collections.abc import Sequence

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, Table, TableStyle

from controller.calibration.acceptance import Verdict
from controller.calibration.certificate.wording import VERDICTS, escaped

INK, GREY, RULE, SHADE = (HexColor(c) for c in (0x1A1F24, 0x5B6670, 0xC9D0D6, 0xF1F4F6))
ACCENT = HexColor(0x1F4E79)
COLOURS = {
    Verdict.PASS: HexColor(0x1B7A3D),
    Verdict.CONDITIONAL: HexColor(0xA86400),
    Verdict.FAIL: HexColor(0xB3261E),
}
WIDTH = 178 * mm
"""Of the text on an A4 page with margins of 16 mm."""

BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=8, leading=10.2, textColor=INK)
SMALL = ParagraphStyle(
    "small", BODY, fontSize=6.8, leading=8.6, textColor=GREY, spaceBefore=2.5, leftIndent=2.5
)
LABEL = ParagraphStyle("label", SMALL, spaceBefore=0, leftIndent=0)
CELL = ParagraphStyle("cell", BODY, fontSize=7.2, leading=8.8, splitLongWords=1)
HEAD = ParagraphStyle("head", CELL, fontName="Helvetica-Bold", textColor=GREY, fontSize=6.8)
TITLE = ParagraphStyle("title", BODY, fontName="Helvetica-Bold", fontSize=17, leading=20)
SECTION = ParagraphStyle(
    "section",
    BODY,
    fontName="Helvetica-Bold",
    fontSize=9.2,
    leading=11,
    textColor=ACCENT,
    spaceBefore=7,
    spaceAfter=2.5,
    keepWithNext=1,
)
CODE = ParagraphStyle("code", BODY, fontName="Courier", fontSize=7.2, leading=9)
BADGE = ParagraphStyle(
    "badge", TITLE, fontSize=12, leading=15, alignment=TA_CENTER, textColor=HexColor(0xFFFFFF)
)


def hexed(colour: Color) -> str:
    """A colour as markup writes it."""
    return f"#{int(colour.hexval(), 16):06x}"


def verdict_text(verdict: Verdict) -> str:
    """A verdict as markup: its word in bold in its colour."""
    return f'<font color="{hexed(COLOURS[verdict])}"><b>{VERDICTS[verdict]}</b></font>'


def cell(markup: str, style: ParagraphStyle = CELL) -> Paragraph:
    """A cell of ready markup; texts from outside go through `escaped` first."""
    return Paragraph(markup, style)


def grid(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    share: float = 1.0,
) -> Table:
    """A table of ready markup; widths are shares of its width, which is a share of the page's."""
    whole = sum(widths)
    made = Table(
        [[cell(each, HEAD) for each in heads], *([cell(each) for each in row] for row in rows)],
        colWidths=[WIDTH * share * each / whole for each in widths],
        repeatRows=1,
        hAlign="LEFT",
    )
    made.setStyle(
        TableStyle(
            [
                *_tight(1.5),
                ("LINEBELOW", (0, 0), (-1, 0), 0.7, GREY),
                ("LINEBELOW", (0, 1), (-1, -1), 0.25, RULE),
                ("BACKGROUND", (0, 0), (-1, 0), SHADE),
            ]
        )
    )
    return made


def facts(pairs: Sequence[tuple[str, str]], columns: int = 2) -> Table:
    """Names and their values from outside, side by side in so many columns."""
    pairs = [*pairs, *[("", "")] * (-len(pairs) % columns)]
    deep = len(pairs) // columns
    rows = [
        [
            item
            for column in range(columns)
            for item in (
                cell(escaped(pairs[column * deep + row][0]), HEAD),
                cell(escaped(pairs[column * deep + row][1])),
            )
        ]
        for row in range(deep)
    ]
    made = Table(rows, colWidths=[27 * mm, WIDTH / columns - 27 * mm] * columns)
    made.setStyle(TableStyle([*_tight(1.1), ("LINEBELOW", (0, 0), (-1, -1), 0.25, RULE)]))
    return made


def _tight(padding: float) -> list[tuple[str, tuple[int, int], tuple[int, int], str | float]]:
    return [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2.5),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2.5),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
    ]
