"""The needle array: single strokes, the running motor, and a needle that is caught.

Pure kinematics: it knows when the needle leaves rest, passes the cartridge face and is back, and
nothing of fluid, skin or firmware. Times are microseconds of world time.
"""

import math
from random import Random

import msgspec

from simulator.motor import Motor, NeedleEvent, NeedleSettings

JAM_US = 50_000
"""Stall time after which the driver calls it a jam (domain.md 5.1, jam rule)."""


class _Travel(msgspec.Struct):
    """A single stroke's way, linear between two instants; 0 is rest, 1 fully out."""

    start_us: int
    start: float
    end_us: int
    end: float

    def at(self, now_us: int) -> float:
        if now_us >= self.end_us:
            return self.end
        part = (now_us - self.start_us) / (self.end_us - self.start_us)
        return self.start + (self.end - self.start) * part

    def when(self, share: float) -> int | None:
        low, high = sorted((self.start, self.end))
        if not low < share < high:
            return None
        part = (share - self.start) / (self.end - self.start)
        return self.start_us + math.ceil(part * (self.end_us - self.start_us))


class Needle:
    """One needle array on its drive. Take its events in order before commanding it."""

    def __init__(self, settings: NeedleSettings, rng: Random) -> None:
        self.settings = settings
        self.motor = Motor(settings, rng)
        self._travel = _Travel(0, 0.0, 0, 0.0)
        self._plan: list[tuple[int, NeedleEvent]] = []
        self._caught = False
        self._has_left = False
        self._stalled_since_us: int | None = None

    def insert(self, now_us: int, face_share: float) -> int:
        """Start outwards; returns when it is out. `face_share` of the way is behind the face.

        A caught needle leaves rest too, by the drive's slack: that is what the pen counts.
        """
        end_us = self._move(now_us, 1.0, self.settings.insertion_us)
        self._plan = [(now_us, NeedleEvent.STARTED)]
        self._has_left = True
        self._cross(face_share, NeedleEvent.PASSED_FACE)
        return end_us

    def retract(self, now_us: int, face_share: float) -> int:
        """Start back; returns the instant of rest, `now_us` when already there."""
        end_us = self._move(now_us, 0.0, self.settings.retraction_us)
        out = self._travel.start > 0.0
        # cut at the very instant of leaving, or caught there: it has left rest, and is back
        still = not out and (self._caught or self._has_left)
        self._plan = [(end_us, NeedleEvent.RESTED)] if still else []
        if self._caught or not out:
            return end_us
        self._cross(face_share, NeedleEvent.BEHIND_FACE)
        self._plan.append((end_us, NeedleEvent.RESTED))
        return end_us

    def _move(self, now_us: int, goal: float, full_us: int) -> int:
        share = self._travel.at(now_us)
        end_us = now_us + math.ceil(abs(goal - share) * full_us)
        if share != goal:
            self._strain(now_us)
        self._travel = _Travel(now_us, share, end_us, share if self._caught else goal)
        return end_us

    def _cross(self, share: float, event: NeedleEvent) -> None:
        at_us = self._travel.when(share)
        if at_us is not None:
            self._plan.append((at_us, event))

    def spin(self, now_us: int, period_us: int) -> None:
        """Run towards one stroke each `period_us`; a caught needle only strains the motor."""
        self._strain(now_us)
        if not self._caught:
            self.motor.spin(now_us, period_us)

    def out_share(self, now_us: int) -> float:
        """How far out a single stroke stands at `now_us`, 0 (rest) to 1."""
        return self._travel.at(now_us)

    def next_event_us(self) -> int | None:
        """The next instant that `take` has an event for."""
        if self._plan:
            return self._plan[0][0]
        return self.motor.next_event_us()

    def take(self) -> NeedleEvent:
        """The event at `next_event_us()`."""
        if not self._plan:
            return self.motor.take()
        event = self._plan.pop(0)[1]
        self._has_left = event is not NeedleEvent.RESTED
        return event

    def end_us(self) -> int | None:
        """When the stroke under way is back at rest; None at rest or before `retract`."""
        if self._plan and self._plan[-1][1] is NeedleEvent.RESTED:
            return self._plan[-1][0]
        return self.motor.end_us()

    def is_driven(self, now_us: int) -> bool:
        """Whether the motor draws current at `now_us`."""
        return self.motor.running or self._travel.end_us > now_us

    def catch(self, now_us: int) -> None:
        """The array is caught: a single stroke stands still, a running one ends its stroke."""
        self._caught = True
        if self.is_driven(now_us):
            self._strain(now_us)
        self.motor.stall()
        share = self._travel.at(now_us)
        self._travel = _Travel(now_us, share, max(now_us, self._travel.end_us), share)
        self._plan = []

    def free(self) -> None:
        """Let go of a caught array."""
        self._caught = False
        self._stalled_since_us = None

    def is_jammed(self, now_us: int) -> bool:
        """Whether the driver saw high current at low speed for `JAM_US`; holds until freed."""
        since_us = self._stalled_since_us
        return self._caught and since_us is not None and now_us - since_us >= JAM_US

    def _strain(self, now_us: int) -> None:
        if self._caught and self._stalled_since_us is None:
            self._stalled_since_us = now_us
