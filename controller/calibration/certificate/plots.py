"""The plots of a certificate: values with bars above a row of names, and bands of limits behind.

One kind of drawing serves all three. Loads reportlab; only for the child process.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reportlab.graphics.shapes import Circle, Drawing, Line, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm

from controller.calibration.certificate.style import GREY, INK, RULE
from controller.calibration.certificate.wording import printable

PASS_BAND, FAIL_BAND = HexColor(0xDDF0E3), HexColor(0xFBEFD5)
SERIES = tuple(HexColor(c) for c in (0x1F4E79, 0xC0504D, 0x6B4C9A, 0x2E8B8B, 0x8C6D1F, 0x444444))
LEFT, RIGHT, BOTTOM, TOP = 13 * mm, 2 * mm, 9 * mm, 11 * mm
DOT = 1.9
_FONT, _BOLD, _SIZE = "Helvetica", "Helvetica-Bold", 6.4


@dataclass(frozen=True, slots=True)
class Mark:
    """One value with its bar of +- `bar`; `kind` picks colour and name of the legend."""

    value: float
    bar: float
    kind: int


@dataclass(frozen=True, slots=True)
class Group:
    """What stands above one name. limits: of pass and of fail, both sides; None without any."""

    name: str
    marks: tuple[Mark, ...]
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot: its title with the unit, and the names of the kinds of marks."""

    title: str
    groups: tuple[Group, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scale:
    top: float
    step: float
    low_y: float
    high_y: float

    def y(self, value: float) -> float:
        clipped = max(-self.top, min(self.top, value))
        return self.low_y + (clipped + self.top) / (2 * self.top) * (self.high_y - self.low_y)


def drawn(chart: Chart, width: float, height: float) -> Drawing:
    """The plot as a drawing of this size in points."""
    drawing = Drawing(width, height)
    scale = _scale(chart.groups, BOTTOM, height - TOP)
    right = width - RIGHT
    step_x = (right - LEFT) / len(chart.groups)
    for index, group in enumerate(chart.groups):
        _bands(drawing, group, scale, LEFT + index * step_x, step_x)
    _axes(drawing, scale, right)
    for index, group in enumerate(chart.groups):
        _group(drawing, group, scale, LEFT + index * step_x, step_x)
    _heading(drawing, chart, height)
    return drawing


def _scale(groups: Sequence[Group], low_y: float, high_y: float) -> _Scale:
    reach = [abs(mark.value) + mark.bar for group in groups for mark in group.marks]
    limits = [group.limits[1] for group in groups if group.limits is not None]
    highest = max([*reach, *(1.1 * limit for limit in limits)], default=1.0)
    step = _round_step(max(highest, 1e-6) / 4)
    return _Scale(step * math.ceil(highest * 1.02 / step), step, low_y, high_y)


def _round_step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= least * 0.999)


def _bands(drawing: Drawing, group: Group, scale: _Scale, x: float, step_x: float) -> None:
    if group.limits is None:
        return
    passed, failed = group.limits
    for limit, colour in ((failed, FAIL_BAND), (passed, PASS_BAND)):
        low, high = scale.y(-limit), scale.y(limit)
        band = Rect(x, low, step_x, high - low)
        band.fillColor, band.strokeColor = colour, None
        drawing.add(band)


def _axes(drawing: Drawing, scale: _Scale, right: float) -> None:
    count = round(scale.top / scale.step)
    for index in range(-count, count + 1):
        value, y = index * scale.step, scale.y(index * scale.step)
        colour, width = (INK, 0.6) if index == 0 else (RULE, 0.3)
        drawing.add(Line(LEFT, y, right, y, strokeColor=colour, strokeWidth=width))
        _text(drawing, LEFT - 3, y - 2.2, f"{value:+g}" if index else "0", anchor="end")
    drawing.add(Line(LEFT, scale.low_y, LEFT, scale.high_y, strokeColor=GREY, strokeWidth=0.5))


def _group(drawing: Drawing, group: Group, scale: _Scale, x: float, step_x: float) -> None:
    _text(drawing, x + step_x / 2, BOTTOM - 10, group.name, anchor="middle")
    drawing.add(Line(x, scale.low_y, x, scale.high_y, strokeColor=RULE, strokeWidth=0.4))
    for index, mark in enumerate(group.marks):
        at = x + step_x * (index + 1) / (len(group.marks) + 1)
        _mark(drawing, mark, scale, at)


def _mark(drawing: Drawing, mark: Mark, scale: _Scale, x: float) -> None:
    colour = _colour(mark.kind)
    low, high = scale.y(mark.value - mark.bar), scale.y(mark.value + mark.bar)
    drawing.add(Line(x, low, x, high, strokeColor=colour, strokeWidth=0.9))
    if high - low > 2 * DOT:  # ends inside of the dot would only fray it
        for y in (low, high):
            drawing.add(Line(x - 2, y, x + 2, y, strokeColor=colour, strokeWidth=0.9))
    _dot(drawing, x, scale.y(mark.value), colour)


def _dot(drawing: Drawing, x: float, y: float, colour: Color) -> None:
    drawing.add(
        Circle(x, y, DOT, fillColor=colour, strokeColor=HexColor(0xFFFFFF), strokeWidth=0.4)
    )


def _heading(drawing: Drawing, chart: Chart, height: float) -> None:
    _text(drawing, 0, height - 8, chart.title, font=_BOLD, size=7.2)
    x = LEFT
    for kind, name in enumerate(chart.kinds):
        _dot(drawing, x + 2, height - 17.5, _colour(kind))
        _text(drawing, x + 7, height - 20, name)
        x += 14 + 3.1 * len(name)


def _colour(kind: int) -> Color:
    return SERIES[kind % len(SERIES)]


def _text(
    drawing: Drawing,
    x: float,
    y: float,
    text: str,
    *,
    anchor: Literal["start", "middle", "end"] = "start",
    font: str = _FONT,
    size: float = _SIZE,
) -> None:
    drawing.add(
        String(
            x, y, printable(text), fontName=font, fontSize=size, fillColor=INK, textAnchor=anchor
        )
    )
