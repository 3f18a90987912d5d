"""Plunger only, in slices of 100 ms: PRIME, with its preload first, and RELOAD (C12)."""

from protocol.messages import Counters, StrokeSettings
from protocol.words import EventKind, Mode
from simulator.firmware.drive import Rig, Stroke
from simulator.firmware.lease import Lease
from simulator.firmware.nvm import Memory
from simulator.firmware.odometer import Category

_CATEGORY = {EventKind.PRIME: Category.PRIME, EventKind.PRELOAD: Category.PRELOAD}


class Preload:
    """How many forward steps are missing since the plunger last went back.

    Progress lives in RAM; only "preloaded" survives a boot.
    """

    def __init__(self, memory: Memory, needed_steps: int) -> None:
        self._memory = memory
        self._needed_steps = needed_steps
        self.left_steps = 0 if memory.preloaded else needed_steps

    def reversed(self) -> None:
        """The plunger is about to go back."""
        self.left_steps = self._needed_steps
        self._memory.preloaded = False

    def advanced(self, steps: int) -> None:
        """Preload steps were made."""
        self.left_steps = max(0, self.left_steps - steps)
        self._memory.preloaded = self.left_steps == 0


class SliceDrive:
    """One slice at a time; a slice that ends the preload is split into two events."""

    def __init__(self, rig: Rig, settings: StrokeSettings, preload: Preload) -> None:
        self._rig = rig
        self._steps = settings.steps
        self._reverses = settings.mode is Mode.RELOAD
        self._preload = preload
        self._parts: list[tuple[EventKind, int]] = []
        self.due_us: int | None = None

    @property
    def is_moving(self) -> bool:
        """Whether a slice is under way."""
        return bool(self._parts)

    @property
    def is_pumping(self) -> bool:
        """A slice is all pump."""
        return self.is_moving

    def events_needed(self) -> int:
        """A slice that crosses the border of the preload makes two."""
        return len(self._plan())

    def has_room(self, lease: Lease, counters: Counters) -> bool:
        """The full steps of the slice; no puncture."""
        return lease.bounded_steps(counters) + self._steps <= lease.step_ceiling

    def is_covered(self) -> bool:
        """Each slice has its own reservation."""
        return False

    def reserve(self, lease: Lease, counters: Counters) -> bool:
        """The full slice, by category; a reversal voids the preload before it begins."""
        if self._reverses:
            self._preload.reversed()
            return self._rig.odometer.reserve(reverse_steps=self._steps)
        return self._rig.odometer.reserve(
            **{_CATEGORY[kind].value: steps for kind, steps in self._plan()}
        )

    def begin(self, now_us: int) -> None:
        """The plunger starts."""
        self._parts = self._plan()
        self._pump(now_us)

    def run(self, now_us: int) -> None:
        """The part under way has had its time."""
        wanted = self._parts[0][1]
        made = self._take_steps()
        if made != wanted:
            at_end = self._rig.mechanics.plunger_at_end()
            self._rig.reporter.trouble("RESERVOIR_EMPTY" if at_end else "PUMP_FAULT")
        self._finish(now_us, made)
        if made != wanted:
            self._rig.mechanics.pump_stop(now_us)
            self._stand()
        elif self._parts:
            self._pump(now_us)

    def ease(self, now_us: int) -> None:
        """Nothing to do: a slice finishes by itself."""

    def cut(self, now_us: int) -> None:
        """Stop the plunger; it is at rest at once."""
        if self.is_moving:
            self._rig.mechanics.pump_stop(now_us)
            self._finish(now_us, self._take_steps())
            self._stand()

    def _plan(self) -> list[tuple[EventKind, int]]:
        if self._reverses:
            return [(EventKind.REVERSE, self._steps)]
        preload = min(self._steps, self._preload.left_steps)
        parts = [(EventKind.PRELOAD, preload), (EventKind.PRIME, self._steps - preload)]
        return [part for part in parts if part[1]]

    def _pump(self, now_us: int) -> None:
        kind, steps = self._parts[0]
        if not self._rig.odometer.begin(_CATEGORY.get(kind, Category.PRIME)):
            self._rig.reporter.trouble("PUMP_FAULT")
        signed = -steps if self._reverses else steps
        self.due_us = self._rig.mechanics.pump(now_us, signed, self._rig.spec.max_flow_steps_s)

    def _take_steps(self) -> int:
        moved = self._rig.odometer.made()
        return max(0, -moved if self._reverses else moved)

    def _finish(self, now_us: int, made: int) -> None:
        kind, wanted = self._parts.pop(0)
        if kind is EventKind.PRELOAD:
            self._preload.advanced(made)
        if not self._parts:
            self.due_us = None
        stroke = Stroke(kind, made, made != wanted, is_touching=False, reading=None)
        self._rig.reporter.stroke_done(stroke, now_us)

    def _stand(self) -> None:
        self._parts = []
        self.due_us = None
