"""From the pen's event stream to committed batches: one commit in flight, the rest waits.

Natural batching: whatever arrives while a commit is on its way to the disk is the next batch. At
cadences over 20 Hz a batch also waits a little for company: half the commits are half the fsyncs
and half the wake-ups of two threads.
Only committed events are acknowledged to the pen (C8), and a ceiling is used only after the
transaction that raised it (design section 2, idea 4).
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Literal, Protocol

from controller.clock import Clock
from controller.pen.strokes import PenStroke
from controller.record.entry import Entry
from controller.record.events import Stroke, Strokes, hex_id
from controller.session.ledger import Interval, Ledger
from controller.session.recorder import Recorder
from protocol.words import EventFlag, EventKind

GAP_S = 0.04
"""Events that come sooner than this after the last commit began wait for the next ones."""
GAP_MAX_S = 0.06
"""They wait no longer than until this long after it; far below every look-ahead of C6."""

KindName = Literal["puncture", "prime", "bench", "preload", "reverse"]
_KIND: dict[EventKind, KindName] = {
    EventKind.PUNCTURE: "puncture",
    EventKind.PRIME: "prime",
    EventKind.BENCH: "bench",
    EventKind.PRELOAD: "preload",
    EventKind.REVERSE: "reverse",
}


def _named(flags: EventFlag) -> tuple[bool, bool, bool, bool]:
    return (
        bool(flags & EventFlag.CONTACT),
        bool(flags & EventFlag.PARTIAL),
        bool(flags & EventFlag.LOAD_TRIP),
        bool(flags & EventFlag.DEPTH_MISS),
    )


_FLAGS = {flags: _named(EventFlag(flags)) for flags in range(0, 0x80, 8)}
"""Contact, partial, load trip, depth miss, looked up: `&` on an enumeration is slow."""


class CeilingSource(Protocol):
    """Who may raise ceilings: the drive of the arm under way."""

    def ceilings_after(self, strokes: Sequence[Stroke]) -> tuple[int, int]:
        """Puncture and step ceiling that hold once `strokes` are committed as well."""
        ...


def to_record(stroke: PenStroke) -> Stroke:
    """The journal's form of one event."""
    return Stroke(
        stroke.index,
        stroke.pen_ticks,
        _KIND[stroke.kind],
        stroke.steps,
        stroke.protrusion_um,
        *_FLAGS[stroke.flags],
        stroke.peak_load_dn,
    )


class Intake:
    """Commits the strokes of one link's pen in order."""

    def __init__(
        self,
        recorder: Recorder,
        ledger: Ledger,
        clock: Clock,
        pen_uid: int,
        boot_id: int,
        on_committed: Callable[[], None],
    ) -> None:
        self._recorder = recorder
        self._ledger = ledger
        self._clock = clock
        self._uid = hex_id(pen_uid)
        self._boot_id = boot_id
        self._on_committed = on_committed
        self._waiting: list[PenStroke] = []
        self._waiting_since_mono_s = 0.0
        self._flight_since_mono_s = 0.0
        self._in_flight = False
        self._source: tuple[int, CeilingSource] | None = None
        self._closed = False
        self._floor_index = 0
        self._began_mono_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    @property
    def acked_index(self) -> int:
        """All events of this boot below this index are committed, or will never come."""
        committed = self._ledger.next_index.get((self._uid, self._boot_id), 0)
        return max(committed, self._floor_index)

    def skip_to(self, index: int) -> None:
        """Do not wait for events below `index`: they are from before, or the pen lost them."""
        self._floor_index = max(self._floor_index, index)

    def oldest_age_s(self) -> float:
        """Age of the oldest event that is not committed; 0 when there is none."""
        if self._in_flight:
            return self._clock.mono_s() - self._flight_since_mono_s
        return self._clock.mono_s() - self._waiting_since_mono_s if self._waiting else 0.0

    def raise_for(self, arm_id: int, source: CeilingSource | None) -> None:
        """Let `source` raise the ceilings of an arm; None ends that."""
        self._source = None if source is None else (arm_id, source)

    def take(self, strokes: Sequence[PenStroke]) -> None:
        """Queue gapless events and commit them as soon as the disk is free and the pace allows."""
        now_mono_s = self._clock.mono_s()
        if not self._waiting:
            self._waiting_since_mono_s = now_mono_s
        self._waiting.extend(strokes)
        since_s = now_mono_s - self._began_mono_s
        if since_s >= GAP_S:
            self.kick()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GAP_MAX_S - since_s, self.kick)

    def close(self) -> None:
        """Commit nothing more; what was not committed is in the pen's ring and its record."""
        self._closed = True
        self._waiting.clear()
        self._stop_timer()

    def forget_waiting(self) -> None:
        """Let go of what waits behind a failed commit; the pen sends all of it again."""
        self._waiting.clear()
        self._began_mono_s = float("-inf")

    def kick(self) -> None:
        """Start a commit when something waits and none is under way."""
        self._stop_timer()
        if self._in_flight or self._closed or not self._waiting or not self._recorder.accepts:
            return
        batch, self._waiting = self._waiting, []
        self._in_flight = True
        self._began_mono_s = self._clock.mono_s()
        self._flight_since_mono_s = self._waiting_since_mono_s
        for body, session_id in self._bodies(batch):
            future = self._recorder.submit(body, session_id=session_id, pen_uid=self._uid)
        future.add_done_callback(self._committed)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _bodies(self, batch: list[PenStroke]) -> list[tuple[Strokes, str | None]]:
        groups = [(arm_id, list(run)) for arm_id, run in groupby(batch, lambda each: each.arm_id)]
        return [self._body(arm_id, run) for arm_id, run in groups]

    def _body(self, arm_id: int, run: list[PenStroke]) -> tuple[Strokes, str | None]:
        strokes = tuple(to_record(stroke) for stroke in run)
        interval = self._ledger.interval_of(self._uid, arm_id)
        punctures, steps = self._ceilings(arm_id, interval, strokes)
        body = Strokes(
            arm_id=arm_id,
            pen_uid=self._uid,
            pen_boot_id=self._boot_id,
            strokes=strokes,
            puncture_ceiling=punctures,
            step_ceiling=steps,
        )
        return body, None if interval is None else interval.session_id

    def _ceilings(
        self, arm_id: int, interval: Interval | None, strokes: Sequence[Stroke]
    ) -> tuple[int, int]:
        if self._source is not None and self._source[0] == arm_id:
            return self._source[1].ceilings_after(strokes)
        if interval is None:
            return 0, 0
        return interval.puncture_ceiling, interval.step_ceiling

    def _committed(self, done: "asyncio.Future[list[Entry]]") -> None:
        self._in_flight = False
        if done.cancelled() or self._closed:
            return
        if done.exception() is None:
            self._on_committed()
        self.kick()
