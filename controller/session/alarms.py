"""Alarms: raised once, kept until their cause is gone, recorded both times.

Names and priorities follow domain.md 6.1 (IEC 60601-1-8 scheme); a clinician sets the final ones.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from controller.record.events import AlarmCleared, AlarmRaised, hex_id
from protocol.faults import Fault, Priority, describe_fault
from protocol.messages import Status
from protocol.words import StatusFlag


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
        AlarmKind(
            "stop_unconfirmed",
            _H,
            "The pen has not confirmed the stop.",
            "The cable or the link to the pen. Without a link the pen rests by itself in 0.4 s.",
            "Lift the pen off the skin and use its hardware stop.",
        ),
    )
}

# domain.md 6.1: low at 20 %. The gap up to 25 % keeps a battery on the edge from ringing again and
# again (hazard H45).
BATTERY_LOW_PERCENT = 20
BATTERY_WELL_PERCENT = 25

_FAULT_ID = "pen-fault-"
_SESSION_BOUND = ("residual-delivery", "limit-reached", "dose-shortfall", "foreign-movement")
_ARM_BOUND = ("lease-lapsed", "limit-reached")


def raised(name: str, detail: str = "", *, of: str = "") -> AlarmRaised:
    """The entry that raises an alarm of the table, with what was seen as its cause.

    `of` keeps alarms of one name apart: each zone may have its own.
    """
    kind = KINDS[name]
    return AlarmRaised(
        alarm_id=f"{name}-{of}".rstrip("-").replace("_", "-"),
        name=name,
        priority=_priority(kind.priority),
        sentence=kind.sentence,
        cause=detail or kind.cause,
        action=kind.action,
    )


def contradiction_alarms(pen_uid: int | None) -> tuple[str, ...]:
    """Ids of the alarms that bar this pen: its own, and that raised while no pen was linked."""
    general = "books-contradict-pen"
    return (general,) if pen_uid is None else (general, f"{general}-{hex_id(pen_uid)}")


def raised_fault(fault: Fault) -> AlarmRaised:
    """The entry for a fault that the pen has latched."""
    return AlarmRaised(
        alarm_id=f"{_FAULT_ID}{fault.number}",
        name=fault.name.lower(),
        priority=_priority(fault.priority),
        sentence=fault.sentence,
        cause="The pen's own supervision.",
        action=fault.action,
    )


def _priority(priority: Priority) -> Literal["low", "medium", "high"]:
    words: dict[Priority, Literal["low", "medium", "high"]] = {_L: "low", _M: "medium", _H: "high"}
    return words[priority]


Change = AlarmRaised | AlarmCleared


class AlarmBoard:
    """Which alarms are active; says what to record when one comes or goes.

    It begins with what the journal says was active, so a restart forgets none and raises none
    twice.
    """

    def __init__(self, active: Mapping[str, AlarmRaised]) -> None:
        self.active = dict(active)
        self.on_up: Callable[[AlarmRaised], None] = lambda _: None

    def up(self, alarm: AlarmRaised) -> list[AlarmRaised]:
        """The entry to record; none when the alarm is active already."""
        if alarm.alarm_id in self.active:
            return []
        self.active[alarm.alarm_id] = alarm
        self.on_up(alarm)
        return [alarm]

    def down(self, *alarm_ids: str) -> list[AlarmCleared]:
        """The entries to record; none for an alarm that is not active."""
        gone = [alarm_id for alarm_id in alarm_ids if self.active.pop(alarm_id, None)]
        return [AlarmCleared(alarm_id=alarm_id) for alarm_id in gone]

    def on_latches(self, status: Status, *, stop_under_way: bool) -> list[Change]:
        """Follow what the pen has latched: its fault, and its stop."""
        stopped = bool(status.flags & StatusFlag.STOP_LATCHED)
        changes: list[Change] = list(self.down(*self._other_faults(status.fault)))
        if status.fault:
            changes += self.up(raised_fault(describe_fault(status.fault)))
        if stopped:
            changes += self.up(raised("stop_latched"))
        elif not stop_under_way:
            changes += self.down("stop-latched")
        return changes

    def _other_faults(self, fault: int) -> list[str]:
        present = f"{_FAULT_ID}{fault}"
        return [each for each in self.active if each.startswith(_FAULT_ID) and each != present]

    def on_battery(self, percent: int) -> Sequence[Change]:
        """Follow the pen's battery."""
        if percent < BATTERY_LOW_PERCENT:
            return self.up(raised("battery_low"))
        return self.down("battery-low") if percent >= BATTERY_WELL_PERCENT else []

    def on_arm(self) -> list[AlarmCleared]:
        """An arm is open again: what the last one ended by is over."""
        return self.down(*_ARM_BOUND)

    def on_close(self) -> list[AlarmCleared]:
        """The session is over: what it alone was about is in its account."""
        bound = _SESSION_BOUND + _ARM_BOUND
        return self.down(*[each for each in self.active if each.startswith(bound)])
