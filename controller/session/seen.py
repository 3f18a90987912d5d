"""What the linked pen said last of its health and strokes, for whoever shows it. Decides nothing.

Strokes here are as the pen pushed them, before they are committed: no count or dose may come from
them, only what a person sees move.
"""

from collections import deque
from collections.abc import Iterable

from controller.pen.strokes import PenStroke
from protocol.messages import Health
from protocol.words import EventKind

CADENCE_WINDOW_TICKS = 1_000_000
"""Cadence is the mean over one second of the pen's own time (engineering estimate)."""
STILL_AFTER_PERIODS = 2.5
"""After so many of its own periods without a stroke the cadence is 0 (engineering estimate)."""
BATCH_S = 0.1
"""Strokes come in batches of 25 ms over an adapter with 16 ms of its own; no sooner is it 0."""
_MOST_STROKES = 160
"""150 Hz for a second, and a batch more."""
_MICRO = 1_000_000
_NEEDLE = frozenset({EventKind.PUNCTURE, EventKind.BENCH})


class Seen:
    """The last second of strokes, the last protrusion reached, the last health."""

    def __init__(self) -> None:
        self.health: Health | None = None
        self.protrusion_um = 0
        self._ticks: deque[int] = deque(maxlen=_MOST_STROKES)
        self._last_mono_s = float("-inf")

    def strokes(self, strokes: Iterable[PenStroke], mono_s: float) -> None:
        """Take what the pen pushed at this monotonic time."""
        for stroke in strokes:
            if stroke.kind not in _NEEDLE:
                continue
            self._ticks.append(stroke.pen_ticks)
            self.protrusion_um = stroke.protrusion_um
            self._last_mono_s = mono_s

    def forget(self) -> None:
        """Another link: its pen's ticks are not comparable."""
        self.health = None
        self._ticks.clear()

    def cadence_hz(self, mono_s: float) -> float:
        """Mean cadence of the last second by the pen's clock; 0 when nothing moved lately."""
        if len(self._ticks) < 2:
            return 0.0
        since_ticks = self._ticks[-1] - CADENCE_WINDOW_TICKS
        recent = [ticks for ticks in self._ticks if ticks >= since_ticks]
        if len(recent) < 2:  # slower than once a second
            recent = [self._ticks[-2], self._ticks[-1]]
        span_ticks = recent[-1] - recent[0]
        if span_ticks <= 0:
            return 0.0
        hertz = (len(recent) - 1) * _MICRO / span_ticks
        is_still = mono_s - self._last_mono_s > max(STILL_AFTER_PERIODS / hertz, BATCH_S)
        return 0.0 if is_still else hertz
