"""What the pen says unasked: status each 100 ms, events within 25 ms, health each second (C5, C8).

Every status is filled in when its frame is taken for the wire.
"""

from functools import partial

from protocol.limits import HEALTH_PERIOD_US, STATUS_PERIOD_US
from protocol.messages import Events, Health, StatusPush
from simulator.firmware.core import Core
from simulator.firmware.linking import Inbox
from simulator.firmware.outbox import Outbox, Urgency
from simulator.firmware.ring import Batch


class Pushes:
    """A frame of events counts as the status push that it carries."""

    def __init__(self, core: Core, inbox: Inbox, outbox: Outbox) -> None:
        self._core = core
        self._inbox = inbox
        self._outbox = outbox
        self._status_due_us = core.now_us + STATUS_PERIOD_US
        self._health_due_us = core.now_us + HEALTH_PERIOD_US
        self._status_waits = False

    @property
    def due_us(self) -> int:
        """When the next push is due."""
        due_us, batch_us = self._status_due_us, self._core.ring.due_us()
        due_us = min(due_us, self._health_due_us)
        return due_us if batch_us is None or batch_us > due_us else batch_us

    def new_link(self) -> None:
        """What waited for the old link is gone."""
        self._status_waits = False

    def run(self, now_us: int) -> None:
        """Queue everything that is due."""
        self._push_events(now_us)
        if now_us >= self._status_due_us:
            self._status_due_us = now_us + STATUS_PERIOD_US
            if not self._status_waits:
                self._status_waits = True
                self._outbox.put(Urgency.LIVE, self._build_status)
        if now_us >= self._health_due_us:
            self._health_due_us = now_us + HEALTH_PERIOD_US
            self._outbox.put(Urgency.HOUSEKEEPING, self._build_health)

    def _push_events(self, now_us: int) -> None:
        ring = self._core.ring
        while (batch := ring.take_push(now_us)) is not None:
            self._outbox.put(Urgency.LIVE, partial(self._build_events, batch))
            self._status_due_us = now_us + STATUS_PERIOD_US
        replayed = ring.take_replay(now_us)
        if replayed is not None:
            self._outbox.put(Urgency.REPLAY, partial(self._build_events, replayed))

    def _build_status(self) -> StatusPush:
        self._status_waits = False
        return StatusPush(self._core.status())

    def _build_events(self, batch: Batch) -> Events:
        first = batch.events[0]
        records = tuple(kept.record for kept in batch.events)
        status = self._core.status()
        return Events(status, first.arm_id, batch.first_index, first.ticks_high, records)

    def _build_health(self) -> Health:
        mechanics, ring = self._core.mechanics, self._core.ring
        return Health(
            mechanics.battery_mv(),
            mechanics.battery_percent(),
            mechanics.grip_temperature_dc(),
            ring.used,
            self._inbox.discarded,
        )
