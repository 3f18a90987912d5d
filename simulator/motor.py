"""The needle motor when it runs stroke after stroke: ramps, droop, jitter and braking to park.

Closed form: each cycle's instants are fixed when it begins. Phase 0 is the needle leaving rest,
`cam_out_share` is rest again, 1 the next stroke. Times are microseconds of world time.
"""

import math
from enum import Enum
from random import Random

import msgspec

from simulator.bounds import AtLeastOne, Share


class NeedleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The drive's numbers. Sources: domain.md 5.1.

    `jitter` (sigma, share of a period) and `droop` (share, while on the skin) only lengthen a
    stroke: a governed motor does not pass its set speed. `overshoot` (share, one stroke after
    lift-off) does, and is 0 unless a scenario wants a badly governed motor.
    """

    insertion_us: AtLeastOne = 2_500
    retraction_us: AtLeastOne = 2_500
    stroke_um: AtLeastOne = 2_500
    ramp_us: AtLeastOne = 200_000
    brake_us: AtLeastOne = 100_000
    cam_out_share: Share = 0.75
    jitter: Share = 0.0
    droop: Share = 0.0
    overshoot: Share = 0.0


class NeedleEvent(Enum):
    """What happened to the needle at one instant."""

    STARTED = 1
    PASSED_FACE = 2
    BEHIND_FACE = 3
    RESTED = 4


class _Cycle(msgspec.Struct):
    """Motion since `since_us`: speed in strokes a microsecond, towards `target` at `gain`."""

    since_us: int
    phase: float
    speed: float
    target: float
    gain: float
    stretch: float = 1.0

    def now(self, now_us: int) -> tuple[float, float]:
        """Phase and speed at `now_us`."""
        after_us = (now_us - self.since_us) / self.stretch
        ramp_us = (self.target - self.speed) / self.gain
        if after_us >= ramp_us:
            ramped = (self.speed + self.target) / 2.0 * ramp_us
            return self.phase + ramped + (after_us - ramp_us) * self.target, self.target
        speed = self.speed + self.gain * after_us
        return self.phase + (self.speed + speed) / 2.0 * after_us, speed

    def when(self, phase: float) -> int:
        """The instant of a phase ahead, at least 1 us after the start."""
        way = phase - self.phase
        ramp_us = (self.target - self.speed) / self.gain
        ramped = (self.speed + self.target) / 2.0 * ramp_us
        if way < ramped:
            root = math.sqrt(self.speed * self.speed + 2.0 * self.gain * way)
            after_us = (root - self.speed) / self.gain
        else:
            after_us = ramp_us + (way - ramped) / self.target
        return self.since_us + max(1, math.ceil(after_us * self.stretch))

    def speed_at_next_start(self) -> float:
        """The highest speed before the next stroke starts."""
        way = max(0.0, 1.0 - self.phase)
        return min(self.target, math.sqrt(self.speed * self.speed + 2.0 * self.gain * way))


class Motor:
    """Runs and brakes. `loaded` is set by whoever knows whether the needles meet skin."""

    def __init__(self, settings: NeedleSettings, rng: Random) -> None:
        self.settings = settings
        self.loaded = False
        self._rng = rng
        self._was_loaded = False
        self._out = settings.cam_out_share
        self._park = (1.0 + settings.cam_out_share) / 2.0
        self._cycle: _Cycle | None = None
        self._braking = False
        self._still_to_begin = 0
        self._plan: list[tuple[int, NeedleEvent]] = []

    @property
    def running(self) -> bool:
        """Whether it turns, braking included."""
        return self._cycle is not None or self._braking

    def spin(self, now_us: int, period_us: int) -> None:
        """Ramp towards one stroke each `period_us` (> 0); takes up the phase of a turning motor.

        A braking motor is left to rest first: the call is then ignored.
        """
        if self._braking:
            return
        target = 1.0 / period_us
        phase, speed = self._cycle.now(now_us) if self._cycle else (self._park, 0.0)
        gain = target / self.settings.ramp_us
        self._begin(_Cycle(now_us, min(phase, 1.0), min(speed, target), target, gain))

    def brake(self, now_us: int) -> None:
        """Ramp down so that the needle stops behind the face; nothing when not running."""
        if self._cycle is None:
            return
        phase, speed = self._cycle.now(now_us)
        goal = self._stop_phase(phase, speed)
        self._plan = self._braking_plan(now_us, phase, speed, goal)
        self._cycle = None
        self._braking = bool(self._plan)

    def stall(self) -> None:
        """A caught needle: the stroke under way ends as planned, no other starts."""
        under_way = bool(self._plan) and self._plan[0][1] is NeedleEvent.RESTED
        self._plan = self._plan[:1] if under_way else []
        self._cycle = None
        self._braking = bool(self._plan)

    def braking_strokes(self) -> int:
        """Upper bound of the strokes that would still begin if `brake` came now."""
        if self._cycle is None:
            return sum(event is NeedleEvent.STARTED for _, event in self._plan)
        return self._still_to_begin

    def next_event_us(self) -> int | None:
        """The next instant that `take` has an event for."""
        return self._plan[0][0] if self._plan else None

    def take(self) -> NeedleEvent:
        """The event at `next_event_us()`; a running motor then plans its next cycle."""
        at_us, event = self._plan.pop(0)
        cycle = self._cycle
        if cycle is not None and event is NeedleEvent.STARTED:
            _, speed = cycle.now(at_us)
            self._begin(_Cycle(at_us, 0.0, speed, cycle.target, cycle.gain))
        elif not self._plan:
            self._braking = False
        return event

    def next_start_us(self) -> int | None:
        """When the needle next leaves rest; None when it will not."""
        for at_us, event in self._plan:
            if event is NeedleEvent.STARTED:
                return at_us
        return None

    def end_us(self) -> int | None:
        """When the stroke under way is back at rest; None at rest."""
        if self._plan and self._plan[0][1] is NeedleEvent.RESTED:
            return self._plan[0][0]
        return None

    def cadence_hz(self) -> float:
        """Set cadence while driven; 0 when braking or at rest."""
        return self._cycle.target * 1e6 if self._cycle else 0.0

    def _begin(self, cycle: _Cycle) -> None:
        cycle.stretch = self._stretch()
        start = (cycle.when(1.0), NeedleEvent.STARTED)
        if cycle.phase < self._out:
            self._plan = [(cycle.when(self._out), NeedleEvent.RESTED), start]
        else:
            self._plan = [start]
        self._cycle = cycle
        braked_us = self.settings.brake_us / 2.0
        self._still_to_begin = math.ceil(cycle.speed_at_next_start() * braked_us)

    def _stretch(self) -> float:
        settings = self.settings
        stretch = 1.0 + (settings.droop if self.loaded else 0.0)
        if settings.jitter:
            stretch += abs(self._rng.gauss(0.0, settings.jitter))
        if self._was_loaded and not self.loaded:
            stretch -= settings.overshoot
        self._was_loaded = self.loaded
        return stretch

    def _stop_phase(self, phase: float, speed: float) -> float:
        reach = phase + speed * self.settings.brake_us / 2.0
        goal = math.floor(reach - self._park) + self._park
        if goal >= phase:
            return goal
        return phase if phase >= self._out else self._park

    def _braking_plan(
        self, now_us: int, phase: float, speed: float, goal: float
    ) -> list[tuple[int, NeedleEvent]]:
        whole_us = float(self.settings.brake_us)
        if speed > 0.0:
            whole_us = min(whole_us, 2.0 * (goal - phase) / speed)
        plan: list[tuple[int, NeedleEvent]] = []
        for stroke in range(math.floor(phase), math.floor(goal) + 1):
            for mark, event in (
                (float(stroke), NeedleEvent.STARTED),
                (stroke + self._out, NeedleEvent.RESTED),
            ):
                if phase < mark <= goal:
                    part = (mark - phase) / (goal - phase)
                    after_us = math.ceil(whole_us * (1.0 - math.sqrt(1.0 - part)))
                    plan.append((now_us + max(1, after_us), event))
        return plan
