"""The running needle of NO_DISPENSE: counts strokes as they come, brakes to rest under the ceiling.

The motor decides when strokes begin; the firmware sees them begin and end and can only brake.
"""

from protocol.limits import RESERVATION_MAX_STROKES
from protocol.messages import Counters, StrokeSettings
from protocol.words import EventKind
from simulator.firmware.drive import Rig, Stroke
from simulator.firmware.lease import Lease

DEVIATION_US = 2_000_000
"""Ten percent off the set cadence for this long is a fault (fault 12 of the catalogue)."""

CAUGHT_POLL_US = 10_000
"""How often to look at a motor that was told to run and stands, until the jam rule finds it."""


class SpinDrive:
    """`is_moving` until the needle stands after `ease` or `cut`, which are the same here."""

    def __init__(self, rig: Rig, settings: StrokeSettings) -> None:
        self._rig = rig
        self._period_us = settings.stroke_period_us
        self.is_moving = False
        self.is_braking = False
        self.is_pumping = False
        self.due_us: int | None = None
        self._stroke_end_us: int | None = None
        self._last_start_us: int | None = None
        self._off_since_us: int | None = None

    def events_needed(self) -> int:
        """The stroke under way, the next one, and those that begin while braking."""
        return 3 + self._rig.mechanics.braking_strokes()

    def has_room(self, lease: Lease, counters: Counters) -> bool:
        """The next stroke and what braking as it begins still adds."""
        return counters.punctures + self._strokes_to_rest() <= lease.puncture_ceiling

    def is_covered(self) -> bool:
        """Whether the reservation reaches to rest after the next stroke."""
        odometer = self._rig.odometer
        return odometer.is_covered(odometer.punctures + self._strokes_to_rest())

    def reserve(self, lease: Lease, counters: Counters) -> bool:
        """Up to 256 strokes, never beyond the ceiling."""
        room = lease.puncture_ceiling - counters.punctures
        return self._rig.odometer.reserve(punctures=min(RESERVATION_MAX_STROKES, room))

    def begin(self, now_us: int) -> None:
        """Ramp up."""
        self._rig.mechanics.spin(now_us, self._period_us)
        self.is_moving, self.is_braking = True, False
        self._last_start_us = self._off_since_us = None
        self._look_ahead(now_us)

    def run(self, now_us: int) -> None:
        """See strokes end and begin."""
        self._see(now_us)
        self._look_ahead(now_us)

    def _see(self, now_us: int) -> None:
        if self._stroke_end_us is not None and now_us >= self._stroke_end_us:
            self._stroke_end_us = None
            self._report(now_us)
        end_us = self._rig.mechanics.stroke_end_us()
        if self._stroke_end_us is None and end_us is not None and end_us > now_us:
            self._stroke_end_us = end_us
            self._rig.odometer.leave_rest()
            self._check_cadence(now_us)

    def ease(self, now_us: int) -> None:
        """Ramp down; the strokes that still come are counted."""
        if self.is_moving and not self.is_braking:
            self.is_braking = True
            self._see(now_us)  # a stroke may begin, or end, at this very instant
            self._rig.mechanics.brake(now_us)
            self._look_ahead(now_us)

    def cut(self, now_us: int) -> None:
        """The same: a running needle cannot stand at once."""
        self.ease(now_us)

    def _report(self, now_us: int) -> None:
        reporter = self._rig.reporter
        reading = self._rig.mechanics.reading()
        stroke = Stroke(EventKind.PUNCTURE, 0, False, reporter.is_touching(), reading)
        reporter.stroke_done(stroke, now_us)

    def _strokes_to_rest(self) -> int:
        return 1 + self._rig.mechanics.braking_strokes()

    def _look_ahead(self, now_us: int) -> None:
        mechanics = self._rig.mechanics
        if self._stroke_end_us is not None:
            self._stroke_end_us = mechanics.stroke_end_us() or now_us
            self.due_us = max(self._stroke_end_us, now_us)
            return
        start_us = mechanics.next_stroke_us()
        if start_us is not None:
            self.due_us = max(start_us, now_us + 1)
        elif self.is_braking:
            self.is_moving = self.is_braking = False
            self.due_us = None
        else:
            self.due_us = now_us + CAUGHT_POLL_US

    def _check_cadence(self, now_us: int) -> None:
        last_us, self._last_start_us = self._last_start_us, now_us
        if last_us is None or self.is_braking:
            return
        if abs(now_us - last_us - self._period_us) * 10 <= self._period_us:
            self._off_since_us = None
        elif self._off_since_us is None:
            self._off_since_us = now_us
        elif now_us - self._off_since_us >= DEVIATION_US:
            self._rig.reporter.trouble("CADENCE_DEVIATION")
