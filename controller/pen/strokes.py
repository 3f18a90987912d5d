"""The gapless stream of what the pen actuated in one boot: repeats dropped, gaps seen (C8).

Pure: takes what arrives in any order and gives each event once, in index order.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from protocol.messages import EventRecord, Events
from protocol.words import EventFlag, EventKind

HELD_MAX: Final = 2_048
"""Events held behind a gap. Later ones are let go; they come again with the replay."""

_KIND_FLAGS: Final = {
    kind | flags: (kind, EventFlag(flags)) for kind in EventKind for flags in range(0, 0x80, 8)
}
"""Every value that the codec lets through, so that the hot path builds no enumeration member."""


class PenStroke(msgspec.Struct, frozen=True, gc=False):
    """One actuation. `index` counts from 0 in each boot; `pen_ticks` is when it ended, in us."""

    index: int
    pen_ticks: int
    kind: EventKind
    flags: EventFlag
    protrusion_um: int
    steps: int
    peak_load_dn: int
    arm_id: int


class StrokeStream:
    """Events of the boot `boot_id` from `next_index` on; `next_index` is the next to be given."""

    def __init__(self, boot_id: int, next_index: int) -> None:
        self.boot_id = boot_id
        self.next_index = next_index
        self._expected_below = next_index
        self._held: dict[int, PenStroke] = {}

    def feed(self, events: Events) -> list[PenStroke]:
        """All events that are contiguous now, each given once; none for those of another boot."""
        if events.status.boot_id != self.boot_id:
            return []
        after = events.first_index + len(events.records)
        self.expect(after)
        if events.first_index == self.next_index and not self._held:
            self.next_index = after
            return list(_strokes(events))
        self._hold(events)
        return self._take_contiguous()

    def _hold(self, events: Events) -> None:
        for stroke in _strokes(events):
            if self.next_index <= stroke.index < self.next_index + HELD_MAX:
                self._held[stroke.index] = stroke

    def _take_contiguous(self) -> list[PenStroke]:
        taken: list[PenStroke] = []
        while (stroke := self._held.pop(self.next_index, None)) is not None:
            taken.append(stroke)
            self.next_index += 1
        return taken

    def expect(self, below_index: int) -> None:
        """Take note that the pen has made all events below this index."""
        self._expected_below = max(self._expected_below, below_index)

    def missing(self) -> int | None:
        """The first index that the pen made and that did not arrive; None when there is none."""
        return self.next_index if self.next_index < self._expected_below else None

    def skip_lost(self, oldest_index: int) -> tuple[int, list[PenStroke]]:
        """Give up what the pen no longer has, which is all below `oldest_index`.

        Returns the first index that there is, and the events that are contiguous from it now. An
        event that is held here already ends the loss earlier.
        """
        first_present = min(oldest_index, *self._held) if self._held else oldest_index
        self.next_index = max(self.next_index, first_present)
        self.expect(self.next_index)
        return first_present, self._take_contiguous()


def _strokes(events: Events) -> Iterator[PenStroke]:
    ticks_high, arm_id = events.ticks_high << 32, events.arm_id
    for index, record in enumerate(events.records, events.first_index):
        yield _stroke(index, ticks_high, arm_id, record)


def _stroke(index: int, ticks_high: int, arm_id: int, record: EventRecord) -> PenStroke:
    kind, flags = _KIND_FLAGS[record.kind_flags]
    return PenStroke(
        index,
        ticks_high | record.ticks_low,
        kind,
        flags,
        record.protrusion_um,
        record.steps,
        record.peak_load_dn,
        arm_id,
    )
