"""Measures what a pen sends by itself: statuses, events, HEALTH, the rest after a boot."""

from protocol.conformance.timing import Timing, Timings
from protocol.messages import Events, Health, HelloReply, Message, ReplayReply, Status
from protocol.words import StatusFlag

AWAY_US = 20_000
"""A host that has not read for longer may find old bytes: no interval over that is measured."""


class Meter:
    """Judges nothing; intervals during which nobody listened are left out."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._status: Status | None = None
        self._health_us: int | None = None
        self._listened_us: int | None = None
        self._replayed = 0
        self._booted: int | None = None

    def listening(self, now_us: int) -> None:
        """The host is about to read."""
        away = self._listened_us is None or now_us - self._listened_us > AWAY_US
        if away:
            self._status = self._health_us = None

    def heard_all(self, now_us: int) -> None:
        """The host has read."""
        self._listened_us = now_us

    def heard(self, message: Message, now_us: int) -> None:
        """One message of the pen."""
        if isinstance(message, HelloReply):
            self._replayed = 0
        if isinstance(message, ReplayReply):
            self._replayed = message.next_index
        if isinstance(message, Health):
            if self._health_us is not None:
                self._timings.note(Timing.HEALTH, now_us - self._health_us)
            self._health_us = now_us
        status = getattr(message, "status", None)
        if isinstance(status, Status):
            self._measure(status)
            if isinstance(message, Events):
                self._measure_events(message)

    def _measure(self, status: Status) -> None:
        before, self._status = self._status, status
        if before is None:
            return
        if status.boot_id != before.boot_id:
            self._booted = status.boot_id
            self._health_us = None
        else:
            self._timings.note(Timing.STATUS, status.pen_ticks - before.pen_ticks)
        if status.boot_id == self._booted and status.flags & StatusFlag.AT_REST:
            self._timings.note(Timing.BOOT, status.pen_ticks)
            self._booted = None

    def _measure_events(self, message: Events) -> None:
        """A live frame is built right before it is sent, so its status tells when that was."""
        if message.first_index < self._replayed:
            return
        oldest_ticks = message.ticks_high << 32 | message.records[0].ticks_low
        self._timings.note(Timing.EVENT, message.status.pen_ticks - oldest_ticks)
