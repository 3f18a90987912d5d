"""The ring of events in RAM: gapless, kept until acknowledged, pushed once, replayed (C8). Pure."""

from collections import deque

import msgspec

from protocol.limits import EVENT_BATCH_MAX_US
from protocol.messages import EventRecord

BATCH_MAX_RECORDS = 14
REPLAY_GAP_US = 50_000
"""A full replay frame each 50 ms and live batches at 150 Hz together stay under 11,520 bytes/s."""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One event with what its frame says about it."""

    arm_id: int
    ticks_high: int
    record: EventRecord


class Batch(msgspec.Struct, frozen=True):
    """Neighbours of one arm and one ticks_high: the contents of one EVENTS frame."""

    first_index: int
    events: tuple[Kept, ...]


class Ring:
    """Event indices count from 0 in each boot."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._kept: deque[Kept] = deque()
        self.oldest_index = 0
        self._pushed_index = 0
        self._push_due_us: int | None = None
        self._replay_index = 0
        self._replay_end = 0
        self._replay_due_us: int | None = None

    @property
    def next_index(self) -> int:
        """The index that the next event will get."""
        return self.oldest_index + len(self._kept)

    @property
    def used(self) -> int:
        """Events not yet acknowledged."""
        return len(self._kept)

    @property
    def free(self) -> int:
        """Events that still fit."""
        return self._depth - len(self._kept)

    def append(self, kept: Kept, now_us: int, *, linked: bool) -> None:
        """Keep an event; with a link it is due for its push within 25 ms."""
        self._kept.append(kept)
        if not linked:
            self._pushed_index = self.next_index
        elif self._push_due_us is None:
            self._push_due_us = now_us + EVENT_BATCH_MAX_US

    def acknowledge(self, acked_index: int) -> None:
        """Forget the events below `acked_index`; ignored beyond `next_index`, never goes back."""
        if acked_index > self.next_index:
            return
        while self.oldest_index < acked_index:
            self._kept.popleft()
            self.oldest_index += 1
        self._pushed_index = max(self._pushed_index, self.oldest_index)
        if self._pushed_index == self.next_index:
            self._push_due_us = None

    def replay(self, from_index: int, now_us: int) -> None:
        """Send again what was pushed, from `from_index` or the oldest kept; replaces a running one.

        Events not pushed yet come with their own push.
        """
        self._replay_index = max(from_index, self.oldest_index)
        self._replay_end = self._pushed_index
        self._replay_due_us = now_us if self._replay_index < self._replay_end else None

    def new_link(self) -> None:
        """A replay of the old link ends."""
        self._replay_due_us = None

    def due_us(self) -> int | None:
        """When the next batch is due."""
        if self._push_due_us is None or self._replay_due_us is None:
            return self._replay_due_us if self._push_due_us is None else self._push_due_us
        return min(self._push_due_us, self._replay_due_us)

    def take_push(self, now_us: int) -> Batch | None:
        """The next live batch when it is due."""
        if self._push_due_us is None or now_us < self._push_due_us:
            return None
        batch = self._batch(self._pushed_index, self.next_index)
        self._pushed_index += len(batch.events)
        if self._pushed_index == self.next_index:
            self._push_due_us = None
        return batch

    def take_replay(self, now_us: int) -> Batch | None:
        """The next batch of a replay when it is due."""
        if self._replay_due_us is None or now_us < self._replay_due_us:
            return None
        self._replay_index = max(self._replay_index, self.oldest_index)
        if self._replay_index >= self._replay_end:
            self._replay_due_us = None
            return None
        batch = self._batch(self._replay_index, self._replay_end)
        self._replay_index += len(batch.events)
        more = self._replay_index < self._replay_end
        self._replay_due_us = now_us + REPLAY_GAP_US if more else None
        return batch

    def _batch(self, first_index: int, end_index: int) -> Batch:
        at = first_index - self.oldest_index
        first = self._kept[at]
        events: list[Kept] = []
        for place in range(at, min(at + BATCH_MAX_RECORDS, end_index - self.oldest_index)):
            kept = self._kept[place]
            if kept.arm_id != first.arm_id or kept.ticks_high != first.ticks_high:
                break
            events.append(kept)
        return Batch(first_index, tuple(events))
