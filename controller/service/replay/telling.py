"""What is worth telling of a record: each entry as one plain line, so that two can be compared."""

import json
from collections.abc import Mapping
from typing import Any, Final

_LINES: Final[dict[str, str]] = {
    "link_up": "link up (boot {pen_boot_id})",
    "link_lost": "link lost: {reason}",
    "pen_enrolled": "pen enrolled",
    "session_opened": "session opened",
    "session_closed": "session closed: {outcome}",
    "calibration_opened": "calibration opened: {procedure}",
    "calibration_closed": "calibration closed: {outcome}",
    "state_changed": "{before} -> {after} ({act})",
    "arm_opened": "arm {arm_id} opened: {purpose}",
    "arm_closed": "arm {arm_id} closed ({how}, {end_reason}): {certain} to {possible}",
    "foreign_movement": "foreign movement: {before} to {after}",
    "contradiction": "contradiction: {sentence}",
    "stop_sent": "STOP sent",
    "stop_confirmed": "STOP echoed",
    "latch_cleared": "latch cleared",
    "alarm_raised": "alarm {alarm_id}",
    "alarm_cleared": "alarm {alarm_id} is over",
}
"""Kinds that are compared. A time, a nonce or a person is no difference and stands in none."""


def telling(kind: str, body: Mapping[str, Any] | None) -> str | None:
    """The line of an entry; None for a kind that is not compared."""
    if kind not in _LINES or body is None:
        return None
    words = {name: _word(value) for name, value in body.items()}
    try:
        return _LINES[kind].format_map(words)
    except KeyError:
        return f"{kind} {json.dumps(body, sort_keys=True)}"


def _word(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    counted = {name: number for name, number in value.items() if number}
    return ", ".join(f"{name} {number}" for name, number in counted.items()) or "nothing"
