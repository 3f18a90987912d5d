"""The history: one line a session, newest first. Reads two kinds of entries, no strokes."""

import json
from typing import Any

from controller.console.requests import (
    SessionLine,
)
from controller.record.reader import JournalReader


def session_lines(reader: JournalReader) -> list[SessionLine]:
    """Every session of the journal, newest first."""
    simulated = reader.realm == "training"
    found: dict[str, dict[str, Any]] = {}
    for entry in reader.of_kinds("session_opened", "session_closed"):
        if entry.session_id is None:
            continue
        body = json.loads(entry.body_json)
        if entry.kind == "session_opened":
            found[entry.session_id] = _opened(entry.session_id, body, entry.wall)
        elif entry.session_id in found:
            found[entry.session_id] |= {"closed_wall": entry.wall, "outcome": body["outcome"]}
    lines = [SessionLine(**each, simulated=simulated) for each in found.values()]
    return lines[::-1]


def _opened(session_id: str, body: dict[str, Any], wall: str) -> dict[str, Any]:
    return {
        "id": session_id,
        "plan_title": body["plan_name"],
        "patient": body["patient"],
        "operator": body["operator"]["name"],
        "opened_wall": wall,
        "closed_wall": None,
        "outcome": None,
    }
