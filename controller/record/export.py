"""A session as a file that other programs read: every stroke (CSV) or every entry (JSON lines).

CPU-heavy on a long session: runs in the command line's process, never in the controller's.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, TextIO

from controller.record.entry import Entry
from controller.record.messages import entry_json

STROKE_COLUMNS: Final = (
    *("seq", "wall", "host_boot_id", "mono_ns", "session_id", "pen_uid", "pen_boot_id", "arm_id"),
    *("mode", "purpose", "zone", "index", "pen_ticks", "kind", "steps", "picolitres_a_step"),
    *("volume_pl", "protrusion_um", "contact", "partial", "load_trip", "depth_miss"),
    *("peak_load_dn", "needles", "cartridge_uid", "certificate_id"),
)
"""Columns of the CSV. `seq`, `wall` and `mono_ns` are of the commit, `pen_ticks` (microseconds of
the pen's own clock since its boot) of the stroke itself."""

_FROM_STROKE: Final = (
    *("index", "pen_ticks", "kind", "steps", "protrusion_um"),
    *("contact", "partial", "load_trip", "depth_miss", "peak_load_dn"),
)
_FROM_ARM: Final = (
    *("mode", "purpose", "zone", "picolitres_a_step", "needles"),
    *("cartridge_uid", "certificate_id"),
)


def write_csv(entries: Iterable[Entry], out: TextIO) -> int:
    """One line a stroke, with a header line. Gives the number of strokes.

    Truth values are 0 and 1; what an arm does not say is empty.
    """
    writer = csv.DictWriter(out, STROKE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    number = 0
    for row in stroke_rows(entries):
        writer.writerow(row)
        number += 1
    return number


def write_jsonl(entries: Iterable[Entry], out: TextIO) -> int:
    """One line an entry, as telemetry sends it, bodies byte for byte. Gives their number."""
    number = 0
    for entry in entries:
        out.write(entry_json(entry).decode())
        out.write("\n")
        number += 1
    return number


def stroke_rows(entries: Iterable[Entry]) -> Iterator[dict[str, Any]]:
    """One row for each stroke, in order; strokes of an arm that is not among them stay bare."""
    arms: dict[tuple[str, int], dict[str, Any]] = {}
    for entry in entries:
        if entry.kind == "arm_opened":
            body = json.loads(entry.body_json)
            arms[body["pen_uid"], body["arm_id"]] = body
        elif entry.kind == "strokes":
            yield from _rows_of(entry, json.loads(entry.body_json), arms)


def _rows_of(
    entry: Entry, body: dict[str, Any], arms: dict[tuple[str, int], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    arm = arms.get((body["pen_uid"], body["arm_id"]), {})
    common = {
        "seq": entry.seq,
        "wall": entry.wall,
        "host_boot_id": entry.host_boot_id,
        "mono_ns": entry.mono_ns,
        "session_id": entry.session_id,
        "pen_uid": body["pen_uid"],
        "pen_boot_id": body["pen_boot_id"],
        "arm_id": body["arm_id"],
        **{name: arm.get(name) for name in _FROM_ARM},
    }
    for stroke in body["strokes"]:
        row = common | {name: _plain(stroke[name]) for name in _FROM_STROKE}
        row["volume_pl"] = stroke["steps"] * arm["picolitres_a_step"] if arm else None
        yield row


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value
