"""The report as one HTML file without script: every text escaped, charts as SVG."""

from collections.abc import Sequence
from html import escape

from controller.console.report.content import Chart, Content, DoseMap, Table, content_of
from controller.console.report.sheet import Sheet

_STYLE = """
body{font:14px/1.45 sans-serif;color:#1a1f24;max-width:60em;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0}h2{font-size:1.05em;color:#1f4e79;margin:1.4em 0 .3em}
.mark{background:#7a4a00;color:#fff;padding:.4em .8em;font-weight:bold;margin:.6em 0}
table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:.2em .5em;border-bottom:1px solid #c9d0d6;
overflow-wrap:anywhere}
th:first-child,td:first-child{text-align:left}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}
dt{color:#5b6670}dd{margin:0;overflow-wrap:anywhere}
figure{margin:0 0 1em}footer{color:#5b6670;margin-top:2em;border-top:1px solid #c9d0d6}
@media print{body{margin:0;font-size:11px}}
"""
_WIDTH, _HIGH, _LABEL = 560, 110, 16
_DOTS_A_ROW, _CELL, _BAR = 50, 11, 40


def html_page(sheet: Sheet) -> str:
    """The whole file."""
    content = content_of(sheet)
    mark = f'<p class="mark">{escape(content.mark)}</p>' if content.mark else ""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(content.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(content.title)}</h1>{mark}",
        _facts(content),
        *(_table(each) for each in content.tables),
        *(_chart(each) for each in content.charts if each.bars),
        *(_map(each) for each in content.maps),
        f"<footer>{escape(content.foot)}</footer></body></html>",
    ]
    return "\n".join(parts)


def _facts(content: Content) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in content.facts)
    return f"<dl>{''.join(rows)}</dl>"


def _table(table: Table) -> str:
    if not table.rows:
        return f"<h2>{escape(table.title)}</h2><p>none</p>"
    head = _row("th", table.heads)
    rows = "".join(_row("td", row) for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table>{head}{rows}</table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _chart(chart: Chart) -> str:
    most = max(count for _, count in chart.bars)
    step = min(_WIDTH / len(chart.bars), _BAR)
    shapes = []
    for index, (label, count) in enumerate(chart.bars):
        high = _HIGH * count / most
        left, top = index * step, _HIGH - high
        shapes.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(1.0, step - 2):.1f}" '
            f'height="{high:.1f}" fill="#1f4e79"><title>{escape(label)}: {count}</title></rect>'
        )
    ends = [(0.0, chart.bars[0][0])]
    ends += [((len(chart.bars) - 1) * step, chart.bars[-1][0])] * (len(chart.bars) > 1)
    for x, label in ends:
        text = f'<text x="{x:.1f}" y="{_HIGH + 13}" font-size="11">{escape(label)}</text>'
        shapes.append(text)
    return _figure(chart.title, _HIGH + _LABEL, "".join(shapes))


def _map(dose_map: DoseMap) -> str:
    most = max((nl for nl, _ in dose_map.doses), default=0.0) or 1.0
    rows = -(-len(dose_map.doses) // _DOTS_A_ROW)
    dots = []
    for index, (nl, partial) in enumerate(dose_map.doses):
        x = index % _DOTS_A_ROW * _CELL + _CELL / 2
        y = index // _DOTS_A_ROW * _CELL + _CELL / 2
        radius = max(1.0, (_CELL / 2 - 0.8) * (nl / most) ** 0.5)
        colour = "#b3261e" if partial else "#1b7a3d"
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}"/>')
    title = f"Dose map of {dose_map.zone}: every puncture in order, cut ones in red"
    return _figure(title, rows * _CELL, "".join(dots))


def _figure(title: str, high: int, shapes: str) -> str:
    name = escape(title)
    return (
        f'<h2>{name}</h2><figure><svg role="img" aria-label="{name}" width="100%" '
        f'viewBox="0 0 {_WIDTH} {high}">{shapes}</svg></figure>'
    )
