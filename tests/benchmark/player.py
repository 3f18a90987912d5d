"""Plays what a pen at 150 Hz sends, without a pen: the same frames at the same times."""

import os
import select
import time
import tty
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Counters, EventRecord, Events, Status
from protocol.words import EventFlag, EventKind, PenState, StatusFlag

STROKE_US: Final = 6_667
BATCH_STROKES: Final = 4
LINK_ID: Final = 1


def status(punctures: int, *, boot_id: int = 1, arm_id: int = 1) -> Status:
    """A running pen after so many punctures."""
    return Status(
        pen_ticks=punctures * STROKE_US,
        boot_id=boot_id,
        arm_id=arm_id,
        state=PenState.RUNNING,
        flags=int(StatusFlag.CONTACT),
        fault=0,
        counters=Counters(punctures, 0, 0, 0, 0, 0),
        next_index=punctures,
    )


def batch(first_index: int, strokes: int = BATCH_STROKES) -> Events:
    """The EVENTS message of some strokes on end."""
    kind_flags = EventKind.PUNCTURE | EventFlag.CONTACT
    ticks = [(first_index + at + 1) * STROKE_US for at in range(strokes)]
    records = tuple(EventRecord(tick & 0xFFFF_FFFF, kind_flags, 1_000, 0, 12) for tick in ticks)
    return Events(status(first_index + strokes), 1, first_index, 0, records)


def batch_bytes(first_index: int, strokes: int = BATCH_STROKES) -> bytes:
    """The frame of `batch`."""
    sequence = first_index // strokes & 0xFF
    payload = encode_payload(batch(first_index, strokes))
    return encode_frame(Frame(Events.KIND, LINK_ID, sequence, payload))


class Player:
    """The pen's end of a pty. Use as a context manager."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = Path(os.ttyname(self._slave))
        self.received_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._master)
        os.close(self._slave)

    def play(self, seconds: float) -> None:
        """Send batches for so long and read what comes back."""
        begin_mono_s, index = time.monotonic(), 0
        while (at_s := index * STROKE_US / 1_000_000) < seconds:
            self._read_until(begin_mono_s + at_s)
            os.write(self._master, batch_bytes(index))
            index += BATCH_STROKES

    def _read_until(self, mono_s: float) -> None:
        while (left_s := mono_s - time.monotonic()) > 0:
            if select.select([self._master], [], [], left_s)[0]:
                self.received_bytes += len(os.read(self._master, 4096))
