"""What a report says, in order: facts, tables and charts, without any look. HTML and PDF share it.

Texts here are as they came, from plans, pens and people; whoever renders them escapes them.
"""

from collections.abc import Sequence

import msgspec

from controller.console.report.sheet import (
    CADENCE_BIN_HZ,
    PROTRUSION_BIN_UM,
    Bar,
    Sheet,
    SheetZone,
)
from controller.settings.service import Realm

NOT_CLEARED = "Engineering and research software, not a cleared medical device."
MARKS: dict[Realm, str | None] = {
    "training": "SIMULATED: training with a simulated pen; nobody was treated.",
    "treatment": None,
}
NONE = "-"
MOST_BARS = 40
_NL_A_UL = 1000


class Table(msgspec.Struct, frozen=True):
    """A table; the first column is text, the others are numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


class Chart(msgspec.Struct, frozen=True):
    """A histogram: labels under bars."""

    title: str
    bars: Sequence[tuple[str, int]]


class DoseMap(msgspec.Struct, frozen=True):
    """Every puncture of a zone as a dot in order; partial ones are marked."""

    zone: str
    doses: Sequence[tuple[float, bool]]


class Content(msgspec.Struct, frozen=True):
    """The whole report."""

    title: str
    mark: str | None
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    charts: Sequence[Chart]
    maps: Sequence[DoseMap]
    foot: str


def content_of(sheet: Sheet) -> Content:
    """The report of a sheet."""
    return Content(
        title=f"Session {sheet.id}",
        mark=MARKS[sheet.realm],
        facts=_facts(sheet),
        tables=[_zones(sheet), _syringes(sheet), _alarms(sheet)],
        charts=[
            _chart("Protrusion reached, um", sheet.protrusion, PROTRUSION_BIN_UM, 0),
            _chart("Cadence, Hz", sheet.cadence, CADENCE_BIN_HZ, 2),
        ],
        maps=_maps(sheet),
        foot=NOT_CLEARED,
    )


def _facts(sheet: Sheet) -> list[tuple[str, str]]:
    return [
        ("Patient (pseudonym)", sheet.patient),
        ("Operator", sheet.operator),
        ("Plan", f"{sheet.plan_title}, {sheet.plan_digest[:16]}"),
        ("Opened (UTC)", sheet.opened_wall),
        ("Closed (UTC)", sheet.closed_wall or "still open"),
        ("Outcome", sheet.outcome or NONE),
        ("Product", sheet.product or NONE),
        ("Lot, expiry", f"{sheet.lot or NONE}, {sheet.expiry or NONE}"),
        ("Reconstituted (UTC)", sheet.reconstituted_wall or NONE),
        ("Pen", "; ".join(sheet.pens) or NONE),
        ("Cartridge", f"{sheet.cartridge} {', '.join(sheet.cartridge_uids)}"),
        ("Calibration certificate", sheet.certificate or NONE),
        ("Last entry of the chain", f"{sheet.chain_head}:{sheet.chain_hash}"),
    ]


def _zones(sheet: Sheet) -> Table:
    unit = sheet.unit or "units"
    heads = ["Zone", "Punctures", "planned", "uL", "planned uL", unit]
    # One product a session, so every zone has the same components.
    heads += [f"{part.name} uL" for part in sheet.zones[0].parts] if sheet.zones else []
    rows = [_zone(zone) for zone in sheet.zones]
    return Table("Delivered; two numbers are certain and possible", heads, rows)


def _zone(zone: SheetZone) -> list[str]:
    return [
        zone.name,
        _span(zone.punctures_certain, zone.punctures_possible, 0),
        str(zone.planned_punctures),
        _span(zone.certain_nl / _NL_A_UL, zone.possible_nl / _NL_A_UL, 2),
        f"{zone.planned_nl / _NL_A_UL:.2f}",
        _span(zone.certain_units, zone.possible_units, 3),
        *(_span(part.certain_nl / _NL_A_UL, part.possible_nl / _NL_A_UL, 2) for part in zone.parts),
    ]


def _span(certain: float | None, possible: float | None, digits: int) -> str:
    if certain is None or possible is None:
        return NONE
    low, high = f"{certain:.{digits}f}", f"{possible:.{digits}f}"
    return low if low == high else f"{low} - {high}"


def _syringes(sheet: Sheet) -> Table:
    heads = ["Syringe", "loaded uL", "delivered", "primed", "purged", "discarded", "unknown"]
    return Table(
        "Syringes, in uL",
        [*heads, "left"],
        [
            [
                f"{each.number}, lot {each.lot or NONE}",
                *(
                    f"{nl / _NL_A_UL:.2f}"
                    for nl in (
                        each.loaded_nl,
                        each.delivered_nl,
                        each.primed_nl,
                        each.purged_nl,
                        each.discarded_nl,
                        each.unknown_nl,
                        each.left_nl,
                    )
                ),
            ]
            for each in sheet.syringes
        ],
    )


def _alarms(sheet: Sheet) -> Table:
    rows = [[each.sentence, each.priority, each.wall[11:19], each.cause] for each in sheet.alarms]
    return Table("Alarms", ["Alarm", "priority", "at (UTC)", "cause"], rows)


def _chart(title: str, bars: Sequence[Bar], width: float, digits: int) -> Chart:
    counts = [bar.count for bar in bars]
    scale = f"; highest bar: {max(counts)} of {sum(counts)}" if counts else ""
    return Chart(title + scale, _labelled(bars, width, digits))


def _labelled(bars: Sequence[Bar], width: float, digits: int) -> list[tuple[str, int]]:
    """Bars without gaps, so that an empty place is seen as one."""
    if not bars:
        return []
    counts = {round(bar.start / width): bar.count for bar in bars}
    whole = range(min(counts), max(counts) + 1)
    # With an outlier every bar would be a hair: then only what there is gets one.
    shown = sorted(counts) if len(whole) > MOST_BARS else list(whole)
    return [(f"{index * width:.{digits}f}", counts.get(index, 0)) for index in shown]


def _maps(sheet: Sheet) -> list[DoseMap]:
    zones = list(dict.fromkeys(dot.zone for dot in sheet.dots))
    return [
        DoseMap(zone, [(dot.dose_nl, dot.partial) for dot in sheet.dots if dot.zone == zone])
        for zone in zones
    ]
