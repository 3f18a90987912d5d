"""Enters each finished stroke or slice into the ring as an event (C8); collects trouble on the way.

The drives report here. Faults are only noted: the core latches them when the drive's step is over.
"""

from protocol.messages import EventRecord
from protocol.words import EventFlag
from simulator.firmware.drive import Stroke
from simulator.firmware.ring import Kept, Ring
from simulator.firmware.senses import Senses
from simulator.firmware.spec import TickClock

# Plain numbers: an enumeration's members are slow to reach, and each stroke has flags.
_CONTACT = EventFlag.CONTACT.value
_PARTIAL = EventFlag.PARTIAL.value
_LOAD_TRIP = EventFlag.LOAD_TRIP.value
_DEPTH_MISS = EventFlag.DEPTH_MISS.value

TRAVEL_UM = 3_000
"""The depth axis cannot go further (domain 5.2); a reading beyond it is a broken sensor."""


class Diary:
    """`arm_id`, `set_um` and `is_linked` are kept up to date by the core.

    `troubles` are the faults noted and not yet taken, by name.
    """

    def __init__(
        self, clock: TickClock, ring: Ring, senses: Senses, depth_tolerance_um: int
    ) -> None:
        self._clock = clock
        self._ring = ring
        self._senses = senses
        self._tolerance_um = depth_tolerance_um
        self._depth_misses = 0
        self.troubles: list[str] = []
        self.arm_id = 0
        self.set_um = 0
        self.is_linked = False
        self.load_tripped = False
        self.strokes_felt = 0

    def is_touching(self) -> bool:
        """The debounced contact."""
        return self._senses.contact

    def trouble(self, fault: str) -> None:
        """Note a fault, by its name in the catalogue."""
        self.troubles.append(fault)

    def take_troubles(self) -> list[str]:
        """The faults noted since the last call."""
        troubles, self.troubles = self.troubles, []
        return troubles

    def stroke_done(self, stroke: Stroke, now_us: int) -> None:
        """Enter a finished stroke or slice."""
        ticks = self._clock.ticks(now_us)
        reading = stroke.reading
        record = EventRecord(
            ticks & 0xFFFF_FFFF,
            stroke.kind | self._flags(stroke),
            min(reading.protrusion_um, 0xFFFF) if reading else 0,
            min(stroke.steps, 0xFFFF),
            min(reading.peak_load_dn, 0xFF) if reading else 0,
        )
        kept = Kept(self.arm_id, ticks >> 32, record)
        self._ring.append(kept, now_us, linked=self.is_linked)
        self.strokes_felt += 1

    def _flags(self, stroke: Stroke) -> int:
        return (
            _CONTACT * stroke.is_touching
            | _PARTIAL * stroke.is_partial
            | _LOAD_TRIP * self.load_tripped
            | _DEPTH_MISS * self._missed_depth(stroke)
        )

    def _missed_depth(self, stroke: Stroke) -> bool:
        if stroke.reading is None or stroke.is_partial:
            return False
        reached_um = stroke.reading.protrusion_um
        if reached_um > TRAVEL_UM:
            self.trouble("DEPTH_SENSOR")
        if abs(reached_um - self.set_um) <= self._tolerance_um:
            self._depth_misses = 0
            return False
        self._depth_misses += 1
        if self._depth_misses >= 2:
            self._depth_misses = 0
            self.trouble("DEPTH_FAULT")
        return True
