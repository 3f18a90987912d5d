"""The truth that no firmware sees: what needle, plunger and fluid really did.

Written by the mechanism only; read by tests, by the simulated balance and by the JSON export.
"""

from collections import deque

import msgspec


class StrokeTruth(msgspec.Struct, gc=False):
    """One stroke of the needle. Volumes left the tip between leaving rest and being back.

    `after_nl` is what dripped from the tip from then until the next stroke or slice began.
    """

    number: int
    start_us: int
    end_us: int
    depth_um: int
    steps: int
    skin_nl: float
    surface_nl: float
    after_nl: float


class Totals(msgspec.Struct):
    """Lifetime sums. Steps are physical microsteps of the carriage, whatever they were for."""

    punctures: int = 0
    forward_steps: int = 0
    backward_steps: int = 0
    skin_nl: float = 0.0
    surface_nl: float = 0.0
    leaked_nl: float = 0.0


class Report(msgspec.Struct):
    """The JSON export: totals of the pen's life and the newest strokes.

    `moved_us` is when needle or plunger last moved, `world_us` while they do; 0 = never.
    """

    uid: int
    world_us: int
    moved_us: int
    totals: Totals
    strokes: list[StrokeTruth]


KEPT_STROKES = 200_000
"""Newest strokes kept one by one (22 min at 150 Hz); totals cover the whole life."""


class Oracle:
    """Counts independently of the encoder and of the firmware."""

    def __init__(self, totals: Totals | None = None, kept: int = KEPT_STROKES) -> None:
        self.totals = totals or Totals()
        self.strokes: deque[StrokeTruth] = deque(maxlen=kept)
        self.strokes_seen = 0
        self._moved_us = 0
        self._open: StrokeTruth | None = None
        self._last: StrokeTruth | None = None

    @property
    def in_stroke(self) -> bool:
        """Whether a needle is away from rest."""
        return self._open is not None

    @property
    def moved_us(self) -> int:
        """When a needle last came to rest or the carriage last made a step; 0 = never."""
        return self._moved_us

    def started(self, now_us: int) -> None:
        """A needle left rest."""
        self.strokes_seen += 1
        self.totals.punctures += 1
        stroke = StrokeTruth(self.totals.punctures, now_us, 0, 0, 0, 0.0, 0.0, 0.0)
        self._open = self._last = stroke
        self.strokes.append(stroke)

    def reached(self, depth_um: float) -> None:
        """The needle stands `depth_um` deep in tissue."""
        if self._open is not None:
            self._open.depth_um = max(self._open.depth_um, round(depth_um))

    def rested(self, now_us: int) -> None:
        """The needle is back."""
        if self._open is not None:
            self._open.end_us = self._moved_us = now_us
            self._open = None

    def stepped(self, steps: int, now_us: int) -> None:
        """The carriage made `steps` up to now, negative = back."""
        self._moved_us = now_us
        if steps >= 0:
            self.totals.forward_steps += steps
        else:
            self.totals.backward_steps -= steps
        if self._open is not None:
            self._open.steps += steps

    def slice_began(self) -> None:
        """A pump move without a stroke: what drips from now on is not the last stroke's."""
        if self._open is None:
            self._last = None

    def left_needle(self, nl: float, *, in_skin: bool) -> None:
        """Volume left the tip."""
        if in_skin:
            self.totals.skin_nl += nl
        else:
            self.totals.surface_nl += nl
        stroke = self._open
        if stroke is None:
            if self._last is not None:
                self._last.after_nl += nl
        elif in_skin:
            stroke.skin_nl += nl
        else:
            stroke.surface_nl += nl

    def volume_nl(self) -> float:
        """All that ever left the tip."""
        return self.totals.skin_nl + self.totals.surface_nl

    def report(self, uid: int, now_us: int) -> Report:
        """A copy for export."""
        moved_us = now_us if self.in_stroke else self._moved_us
        totals = msgspec.structs.replace(self.totals)
        return Report(uid, now_us, moved_us, totals, list(self.strokes))
