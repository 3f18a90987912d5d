"""What the three ways of moving have in common, and single strokes (DOSE, BENCH).

A drive turns settings into commands to the mechanics, one stroke at a time, and reports each
stroke once it is at rest. Whether a stroke may start is decided elsewhere.
"""

from enum import Enum, auto
from typing import Protocol

import msgspec

from protocol.messages import Counters, StrokeSettings
from protocol.words import EventKind, Mode
from simulator.firmware.lease import Lease
from simulator.firmware.odometer import Category, Odometer
from simulator.firmware.spec import PenSpec
from simulator.ports import Mechanics, StrokeReading


class Stroke(msgspec.Struct, frozen=True, gc=False):
    """One finished stroke or slice. `reading` is None when no needle moved.

    `is_touching` is the contact flag at the deepest point.
    """

    kind: EventKind
    steps: int
    is_partial: bool
    is_touching: bool
    reading: StrokeReading | None


class Reporter(Protocol):
    """Who hears of finished strokes and of trouble found on the way."""

    def is_touching(self) -> bool:
        """The debounced contact now."""
        ...

    def stroke_done(self, stroke: Stroke, now_us: int) -> None:
        """A stroke or slice is over; the needle is at rest."""
        ...

    def trouble(self, fault: str) -> None:
        """The drive found a fault, by its name in the catalogue."""
        ...


class Rig(msgspec.Struct, frozen=True):
    """What every drive works with."""

    mechanics: Mechanics
    odometer: Odometer
    spec: PenSpec
    reporter: Reporter


class Drive(Protocol):
    """One way of moving, for one arm."""

    due_us: int | None

    @property
    def is_moving(self) -> bool:
        """Whether needle or plunger are away from rest."""
        ...

    @property
    def is_pumping(self) -> bool:
        """Whether the plunger may be moving or pressing."""
        ...

    def events_needed(self) -> int:
        """Ring records that the next stroke, or coming to rest, may need."""
        ...

    def has_room(self, lease: Lease, counters: Counters) -> bool:
        """Whether the whole next stroke, and braking, fit under both ceilings."""
        ...

    def reserve(self, lease: Lease, counters: Counters) -> bool:
        """Persist the reservation for what comes next; False when NVM failed."""
        ...

    def is_covered(self) -> bool:
        """Whether the reservation in NVM already covers what comes next."""
        ...

    def begin(self, now_us: int) -> None:
        """Start moving."""
        ...

    def run(self, now_us: int) -> None:
        """Do what is due at `due_us`."""
        ...

    def ease(self, now_us: int) -> None:
        """Start no further stroke; the one under way finishes."""
        ...

    def cut(self, now_us: int) -> None:
        """Stop the pump now and bring the needle to rest."""
        ...


class Phase(Enum):
    """Where a single stroke stands."""

    REST = auto()
    OUT = auto()
    PUMP = auto()
    DWELL = auto()
    BACK = auto()


class StrokeDrive:
    """Needle out, steps, dwell, needle back. Counts the puncture when the needle leaves rest."""

    def __init__(self, rig: Rig, settings: StrokeSettings) -> None:
        self._rig = rig
        self._settings = settings
        is_dose = settings.mode is Mode.DOSE
        self._kind = EventKind.PUNCTURE if is_dose else EventKind.BENCH
        self._category = Category.DOSE if is_dose else Category.BENCH
        self._phase = Phase.REST
        self._made = 0
        self._is_partial = False
        self._was_touching = False
        self.due_us: int | None = None

    @property
    def is_moving(self) -> bool:
        """Whether the needle is away from rest."""
        return self._phase is not Phase.REST

    @property
    def is_pumping(self) -> bool:
        """Whether the plunger may be moving or pressing."""
        return self.is_moving and self._settings.steps > 0

    def events_needed(self) -> int:
        """One stroke is one event."""
        return 1

    def has_room(self, lease: Lease, counters: Counters) -> bool:
        """One puncture and its full steps."""
        steps = lease.bounded_steps(counters) + self._settings.steps
        return counters.punctures < lease.puncture_ceiling and steps <= lease.step_ceiling

    def is_covered(self) -> bool:
        """Each stroke has its own reservation."""
        return False

    def reserve(self, lease: Lease, counters: Counters) -> bool:
        """One puncture and its full steps."""
        ahead = {"punctures": 1, self._category.value: self._settings.steps}
        return self._rig.odometer.reserve(**ahead)

    def begin(self, now_us: int) -> None:
        """The needle leaves rest."""
        if not self._rig.odometer.begin(self._category):
            self._rig.reporter.trouble("PUMP_FAULT")
        self._rig.odometer.leave_rest()
        self._made, self._is_partial = 0, False
        self._enter(Phase.OUT, self._rig.mechanics.insert(now_us))

    def run(self, now_us: int) -> None:
        """Go on to the next phase."""
        mechanics, settings = self._rig.mechanics, self._settings
        match self._phase:
            case Phase.OUT if settings.steps:
                flow = self._rig.spec.max_flow_steps_s
                self._enter(Phase.PUMP, mechanics.pump(now_us, settings.steps, flow))
            case Phase.OUT | Phase.PUMP:
                self._pump_done(now_us)
            case Phase.DWELL:
                self._retract(now_us)
            case Phase.BACK:
                self._arrive(now_us)
            case Phase.REST:
                self.due_us = None

    def ease(self, now_us: int) -> None:
        """Nothing to do: a single stroke finishes by itself."""

    def cut(self, now_us: int) -> None:
        """Stop the pump and pull the needle back; nothing when it is on its way back already."""
        if self._phase in (Phase.REST, Phase.BACK):
            return
        self._rig.mechanics.pump_stop(now_us)
        self._made = self._rig.odometer.made()
        has_dwelt = self._phase is Phase.DWELL and now_us >= (self.due_us or 0)
        self._is_partial = not has_dwelt or self._made != self._settings.steps
        self._retract(now_us)

    def _retract(self, now_us: int) -> None:
        self._was_touching = self._rig.reporter.is_touching()
        self._enter(Phase.BACK, self._rig.mechanics.retract(now_us))

    def _pump_done(self, now_us: int) -> None:
        self._made = self._rig.odometer.made()
        if self._made != self._settings.steps:
            at_end = self._rig.mechanics.plunger_at_end()
            self._rig.reporter.trouble("RESERVOIR_EMPTY" if at_end else "PUMP_FAULT")
            self.cut(now_us)
            return
        self._enter(Phase.DWELL, now_us + self._settings.dwell_us)

    def _arrive(self, now_us: int) -> None:
        self._made = self._rig.odometer.made()
        self._enter(Phase.REST, None)
        reading = self._rig.mechanics.reading()
        made = max(self._made, 0)
        stroke = Stroke(self._kind, made, self._is_partial, self._was_touching, reading)
        self._rig.reporter.stroke_done(stroke, now_us)

    def _enter(self, phase: Phase, due_us: int | None) -> None:
        self._phase, self.due_us = phase, due_us
