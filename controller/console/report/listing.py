"""The history and the alarm log, newest first. Reads entries of a few kinds, no strokes."""

import json
from collections import deque
from typing import Any

from controller.console.requests import AlarmLine, SessionLine
from controller.record.entry import Entry
from controller.record.reader import JournalReader

MOST_ALARMS = 500
"""What a person can look through (engineering estimate); the journal has them all."""


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


def alarm_lines(reader: JournalReader) -> list[AlarmLine]:
    """The alarm log, newest first, at most MOST_ALARMS of it."""
    lines: deque[dict[str, Any]] = deque(maxlen=MOST_ALARMS)
    newest: dict[str, dict[str, Any]] = {}
    for entry in reader.of_kinds("alarm_raised", "alarm_cleared", "alarm_acknowledged"):
        body = json.loads(entry.body_json)
        name = body["alarm_id"]
        if entry.kind == "alarm_raised":
            newest[name] = _raised(entry, body)
            lines.append(newest[name])
        elif name in newest and entry.kind == "alarm_cleared":
            newest[name]["cleared_wall"] = entry.wall
        elif name in newest:
            seen = {"acknowledged_wall": entry.wall, "acknowledged_by": body["actor"]["name"]}
            newest[name] |= seen
    return [AlarmLine(**line) for line in reversed(lines)]


def _raised(entry: Entry, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": body["alarm_id"],
        "priority": body["priority"],
        "sentence": body["sentence"],
        "cause": body["cause"],
        "session_id": entry.session_id,
        "raised_wall": entry.wall,
        "cleared_wall": None,
        "acknowledged_wall": None,
        "acknowledged_by": None,
    }


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
