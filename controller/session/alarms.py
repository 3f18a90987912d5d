"""Alarms: raised once, kept until their cause is gone, recorded both times.

Names and priorities follow domain.md 6.1 (IEC 60601-1-8 scheme); a clinician sets the final ones.
"""

from typing import Literal

import msgspec

from controller.record.events import AlarmCleared, AlarmRaised
from protocol.faults import Fault, Priority


class AlarmKind(msgspec.Struct, frozen=True):
    """One row: what a person reads when it happens."""

    name: str
    priority: Priority
    sentence: str
    cause: str
    action: str


_H, _M, _L = Priority.HIGH, Priority.MEDIUM, Priority.LOW

KINDS: dict[str, AlarmKind] = {
    kind.name: kind
    for kind in (
        AlarmKind(
            "uncertain_delivery",
            _H,
            "The pen was lost while armed: what it delivered since is not yet known.",
            "The cable, the pen's power, or this service stopped.",
            "Connect the same pen; dosing goes on when its own record has been read.",
        ),
        AlarmKind(
            "residual_delivery",
            _M,
            "The pen restarted in mid-stroke and cannot prove what it had reserved.",
            "The pen lost its power or was reset.",
            "The open amount counts as delivered; check the zone before going on.",
        ),
        AlarmKind(
            "books_contradict_pen",
            _H,
            "The pen's counters contradict the record. Nothing more is granted.",
            "The pen's memory, its firmware, or a second program on this pen.",
            "Stop using this pen and call service.",
        ),
        AlarmKind(
            "record_failed",
            _H,
            "The record can no longer be written. The pen was stopped.",
            "The disk is full, read-only or dying.",
            "Do not go on. Free or replace the disk, then start the service again.",
        ),
        AlarmKind(
            "limit_reached",
            _M,
            "A limit was reached before the zone was complete.",
            "What was delivered before, its uncertain part included, counts against the limit.",
            "Check the limits of this session; a clinician sets them.",
        ),
        AlarmKind(
            "dose_shortfall",
            _M,
            "The zone got less than planned.",
            "Doses were cut short: contact lost, trigger, stop, fault or lapse.",
            "Cut doses are never completed by the program; decide clinically.",
        ),
        AlarmKind(
            "foreign_movement",
            _M,
            "The pen was moved by another program since it was last seen here.",
            "It was used in another room, or with a technician's tool.",
            "Nothing was booked to a patient; ask who used the pen.",
        ),
        AlarmKind(
            "lease_lapsed",
            _M,
            "The pen rested by itself because it did not hear from this computer in time.",
            "A disturbed cable, a busy computer or a slow disk.",
            "Check the cable, then arm again.",
        ),
        AlarmKind(
            "battery_low",
            _L,
            "The pen's battery is under 20 %.",
            "Normal use.",
            "Charge the pen after this session.",
        ),
        AlarmKind(
            "stop_latched",
            _H,
            "The pen was stopped.",
            "Somebody or a check asked for a stop.",
            "Find the reason, then clear the stop and arm again.",
        ),
    )
}


def raised(name: str, detail: str = "") -> AlarmRaised:
    """The entry that raises an alarm of the table, with what was seen as its cause."""
    kind = KINDS[name]
    return AlarmRaised(
        alarm_id=name.replace("_", "-"),
        name=name,
        priority=_priority(kind.priority),
        sentence=kind.sentence,
        cause=detail or kind.cause,
        action=kind.action,
    )


def raised_fault(fault: Fault) -> AlarmRaised:
    """The entry for a fault that the pen has latched."""
    return AlarmRaised(
        alarm_id=f"pen-fault-{fault.number}",
        name=fault.name.lower(),
        priority=_priority(fault.priority),
        sentence=fault.sentence,
        cause="The pen's own supervision.",
        action=fault.action,
    )


def _priority(priority: Priority) -> Literal["low", "medium", "high"]:
    words: dict[Priority, Literal["low", "medium", "high"]] = {_L: "low", _M: "medium", _H: "high"}
    return words[priority]


class AlarmBoard:
    """Which alarms are active; says what to record when one comes or goes."""

    def __init__(self) -> None:
        self.active: dict[str, AlarmRaised] = {}

    def up(self, alarm: AlarmRaised) -> list[AlarmRaised]:
        """The entry to record; none when the alarm is active already."""
        if alarm.alarm_id in self.active:
            return []
        self.active[alarm.alarm_id] = alarm
        return [alarm]

    def down(self, alarm_id: str) -> list[AlarmCleared]:
        """The entry to record; none when the alarm is not active."""
        if self.active.pop(alarm_id, None) is None:
            return []
        return [AlarmCleared(alarm_id=alarm_id)]
