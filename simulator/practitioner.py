"""The simulated hand: presses, touches, lifts and moves on, as a practitioner at work would.

It sees only the pen's indicator and feels its strokes; it knows no frame, no counter and no plan.
What it does it does through `Hands`. Every time is scattered by `scatter` from a seeded generator.
"""

from collections.abc import Callable
from random import Random
from typing import Protocol

import msgspec

from protocol.words import Mode
from simulator.bounds import AtLeastOne, Count, Share
from simulator.ports import Indicator

_ON_SKIN = frozenset((Mode.DOSE, Mode.NO_DISPENSE))


class HandSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the hand works. Times in us; shares 0-1 a stroke (slip) or of a time (scatter).

    70 ms from point to point leaves 10 Hz stamping possible (users.md: cadence 0.5-10 Hz).
    `enabled` false leaves trigger and contact to whoever drives the mechanism.
    """

    enabled: bool = True
    reaction_us: Count = 250_000
    zone_pause_us: Count = 1_000_000
    touch_to_press_us: Count = 100_000
    travel_us: AtLeastOne = 70_000
    impatience_us: AtLeastOne = 1_500_000
    repress_gap_us: AtLeastOne = 150_000
    slip_share: Share = 0.0
    slip_after_us: Count = 30_000
    slip_us: AtLeastOne = 150_000
    glide_us: Count = 0
    glide_lift_us: AtLeastOne = 300_000
    scatter: Share = 0.0


class Hands(Protocol):
    """What a hand can do to a pen."""

    def press(self, now_us: int, *, held: bool) -> None:
        """Press or let go of the trigger."""
        ...

    def touch(self, now_us: int, *, touching: bool) -> None:
        """Put the pen on the skin or lift it."""
        ...


class Practitioner:
    """One hand. `notice` after every change of the pen; `wake` at `next_wake_us()`."""

    def __init__(self, settings: HandSettings, hands: Hands, rng: Random) -> None:
        self.settings = settings
        self._hands = hands
        self._rng = rng
        self._mode: Mode | None = None
        self._felt = 0
        self._working = False
        self._stroke_felt = False
        self._moving = False
        self._plan: tuple[int, Callable[[int], None]] | None = None
        self._patient_until_us: int | None = None

    def notice(self, now_us: int, seen: Indicator) -> None:
        """Look at the light and feel the strokes."""
        if not self.settings.enabled:
            return
        if seen.mode is not self._mode:
            self._light_changed(now_us, seen)
        felt_new = seen.strokes_felt > self._felt
        begins = seen.moving and not self._moving
        self._felt, self._moving = seen.strokes_felt, seen.moving
        if not self._working:
            return
        if felt_new or seen.holding or seen.moving:
            self._stay_patient(now_us)
        if self._mode is Mode.DOSE and self._plan is None:
            self._follow_dose(now_us, seen, felt_new=felt_new, begins=begins)

    def next_wake_us(self) -> int | None:
        """When the hand next does something by itself."""
        planned = self._plan[0] if self._plan else None
        if self._patient_until_us is None or (planned and planned <= self._patient_until_us):
            return planned
        return self._patient_until_us

    def wake(self, now_us: int) -> None:
        """Do what is due."""
        if self._plan is not None and self._plan[0] <= now_us:
            act = self._plan[1]
            self._plan = None
            act(now_us)
        elif self._patient_until_us is not None and self._patient_until_us <= now_us:
            self._patient_until_us = None
            if self._working and self._plan is None:
                self._let_go_and_press(now_us)

    # --- the light ---

    def _light_changed(self, now_us: int, seen: Indicator) -> None:
        was_armed, self._mode = self._mode is not None, seen.mode
        self._patient_until_us = None
        self._stroke_felt = False
        if was_armed and seen.mode is None:
            self._working = False
            self._later(now_us, self.settings.reaction_us, self._rest)
            return
        if was_armed or self._plan is not None:
            self._rest(now_us)
        pause_us = self.settings.reaction_us + self.settings.zone_pause_us
        self._later(now_us, pause_us, self._begin)

    def _rest(self, now_us: int) -> None:
        self._working = False
        self._hands.press(now_us, held=False)
        self._hands.touch(now_us, touching=False)

    def _begin(self, now_us: int) -> None:
        self._working = True
        if self._mode in _ON_SKIN:
            self._hands.touch(now_us, touching=True)
        self._later(now_us, self.settings.touch_to_press_us, self._press)

    # --- the trigger ---

    def _press(self, now_us: int) -> None:
        self._hands.press(now_us, held=True)
        self._stay_patient(now_us)
        if self._mode is Mode.NO_DISPENSE and self.settings.glide_us:
            self._later(now_us, self.settings.glide_us, self._lift_from_glide)

    def _let_go_and_press(self, now_us: int) -> None:
        self._hands.press(now_us, held=False)
        self._later(now_us, self.settings.repress_gap_us, self._press)

    def _stay_patient(self, now_us: int) -> None:
        self._patient_until_us = now_us + self.settings.impatience_us

    # --- from point to point ---

    def _follow_dose(self, now_us: int, seen: Indicator, *, felt_new: bool, begins: bool) -> None:
        if felt_new:
            self._stroke_felt = True
        if begins and self._rng.random() < self.settings.slip_share:
            self._later(now_us, self.settings.slip_after_us, self._slip)
            return
        if self._stroke_felt and not seen.moving:
            self._stroke_felt = False
            self._hands.touch(now_us, touching=False)
            self._later(now_us, self.settings.travel_us, self._land)

    def _land(self, now_us: int) -> None:
        self._hands.touch(now_us, touching=True)

    def _slip(self, now_us: int) -> None:
        self._stroke_felt = False
        self._hands.touch(now_us, touching=False)
        self._hands.press(now_us, held=False)
        self._later(now_us, self.settings.slip_us, self._begin)

    def _lift_from_glide(self, now_us: int) -> None:
        self._hands.touch(now_us, touching=False)
        self._later(now_us, self.settings.glide_lift_us, self._glide_on)

    def _glide_on(self, now_us: int) -> None:
        self._hands.touch(now_us, touching=True)
        self._later(now_us, self.settings.glide_us, self._lift_from_glide)

    def _later(self, now_us: int, after_us: int, act: Callable[[int], None]) -> None:
        scatter = self.settings.scatter
        if scatter:
            after_us = round(after_us * self._rng.uniform(1.0 - scatter, 1.0 + scatter))
        self._plan = (now_us + after_us, act)
