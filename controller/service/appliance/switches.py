"""Which environment runs: one symlink, replaced in one step, and a line for each time it was.

The line is written first: a power cut between the two leaves a line too many, never a program that
runs without one. Touches the symlink and the list of switches.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from controller.service.appliance import files
from controller.service.appliance.layout import RELEASE_FILE, SLOTS, Layout


def is_complete(slot: Path) -> bool:
    """Whether an environment was built to its end."""
    return (slot / RELEASE_FILE).is_file()


def current_slot(layout: Layout) -> str | None:
    """The environment that runs, a or b; None before the first switch."""
    if not layout.current.is_symlink():
        return None
    name = layout.current.readlink().name
    return name if name in SLOTS else None


def idle_slot(layout: Layout) -> str:
    """The environment that may be built anew."""
    return "b" if current_slot(layout) == "a" else "a"


def switch(layout: Layout, slot: str, who: str, why: str) -> None:
    """Make a complete environment the one that runs. Raises OSError, ValueError: not complete."""
    if not is_complete(layout.slot(slot)):
        raise ValueError(f"{layout.slot(slot)} is not complete")
    note(layout, current_slot(layout), slot, who, why)
    files.point(layout.current, slot)


def note(layout: Layout, before: str | None, after: str | None, who: str, why: str) -> None:
    """Write down a switch; `after` is None when everything is taken away. Raises OSError."""
    line = {
        "wall": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": who,
        "from": _named(layout, before),
        "to": _named(layout, after),
        "why": why,
    }
    files.append_line(layout.switches, json.dumps(line))


def history(layout: Layout) -> list[dict[str, object]]:
    """The switches in order. A line that a power cut tore is left out."""
    found = []
    try:
        lines = layout.switches.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def release_facts(slot: Path) -> dict[str, object]:
    """release.json of an environment or release; empty when there is none that can be read."""
    try:
        found = json.loads((slot / RELEASE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(layout: Layout, slot: str | None) -> dict[str, object] | None:
    if slot is None:
        return None
    facts = release_facts(layout.slot(slot))
    return {"slot": slot, "version": facts.get("version"), "commit": facts.get("commit")}
