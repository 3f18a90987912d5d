"""The plunger drive: microsteps, backlash, stiction after idle, the end of the syringe, encoder.

Steps are whole: a step is made when its time is full. `carriage_steps` is the truth, the encoder
what the pen sees; they differ only by an injected fault.
"""

import math

import msgspec

from simulator.bounds import AtLeastOne, Count


class PlungerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The dispense drive. Sources: domain.md 5.3 (1 mL syringe, 0.5 mm lead, 200 x 16 microsteps).

    `backlash_um` 10-80. `stiction_um` is the drive's wind-up before a plunger that stood for
    `stiction_after_us` breaks away (0 = none).
    """

    syringe_nl: AtLeastOne = 1_000_000
    nl_per_mm: AtLeastOne = 17_350
    lead_um: AtLeastOne = 500
    microsteps_rev: AtLeastOne = 3_200
    backlash_um: Count = 30
    stiction_um: Count = 0
    stiction_after_us: Count = 1_800_000_000

    @property
    def nl_per_step(self) -> float:
        """2.711 nL with the defaults."""
        return self.nl_per_mm * self.lead_um / 1_000 / self.microsteps_rev

    @property
    def capacity_steps(self) -> int:
        """Steps from a full syringe to its end."""
        return int(self.syringe_nl / self.nl_per_step)


class Plunger:
    """One commanded move at a time."""

    def __init__(self, settings: PlungerSettings) -> None:
        self.settings = settings
        self.carriage_steps = 0
        self.travel_left_steps = settings.capacity_steps
        self.blocked = False
        self.encoder_misses = 0.0
        self.slack_nl = settings.backlash_um * settings.nl_per_mm / 1_000
        self._slack_max_nl = self.slack_nl
        self._lost_steps = 0.0
        self._wound_nl: float | None = None
        self._moved_us = 0
        self._start_us = 0
        self._steps_s = 1
        self._sign = 1
        self._goal = 0
        self._made = 0

    def command(self, now_us: int, steps: int, steps_s: int) -> int:
        """Run `steps` (negative = back) at `steps_s` > 0; returns when it will be done."""
        self._start_us, self._steps_s = now_us, steps_s
        self._sign = 1 if steps >= 0 else -1
        self._made = 0
        self._goal = 0 if self.blocked else min(abs(steps), self._room())
        self._wind_if_idle(now_us)
        return now_us + math.ceil(abs(steps) * 1_000_000 / steps_s)

    def _room(self) -> int:
        if self._sign > 0:
            return self.travel_left_steps
        return self.settings.capacity_steps - self.travel_left_steps

    def _wind_if_idle(self, now_us: int) -> None:
        idle_us = now_us - self._moved_us
        if self.settings.stiction_um and idle_us >= self.settings.stiction_after_us:
            self._wound_nl = 0.0

    def stick(self) -> None:
        """Make the next move meet a plunger that stood too long."""
        self._wound_nl = 0.0

    def stop(self) -> None:
        """Stop at once, after the steps made so far."""
        self._goal = self._made

    @property
    def is_moving(self) -> bool:
        """Whether steps of the present move are still to come."""
        return self._made < self._goal

    def end_us(self) -> int | None:
        """When the last step of the present move falls; None when it does not move."""
        if self._made >= self._goal:
            return None
        return self._start_us + math.ceil(self._goal * 1_000_000 / self._steps_s)

    def run_to(self, now_us: int) -> int:
        """Make the steps due by `now_us`; returns them, signed."""
        if self._made >= self._goal:
            return 0
        due = (now_us - self._start_us) * self._steps_s // 1_000_000
        new = min(due, self._goal) - self._made
        if new <= 0:
            return 0
        self._made += new
        self._moved_us = now_us
        signed = self._sign * new
        self.carriage_steps += signed
        self.travel_left_steps -= signed
        self._lost_steps += signed * self.encoder_misses
        return signed

    def encoder_steps(self) -> int:
        """What the pen's encoder counts."""
        return self.carriage_steps - int(self._lost_steps)

    def at_end(self) -> bool:
        """Whether the plunger stands at the end of the syringe."""
        return self.travel_left_steps <= 0

    def take_up(self, drive_nl: float) -> tuple[float, float]:
        """Put a drive movement through backlash and stiction.

        Returns (share of the movement that only took up slack, plunger displacement in nL).
        """
        after = self.slack_nl - drive_nl
        slack = min(max(after, 0.0), self._slack_max_nl)
        moved = drive_nl - (self.slack_nl - slack)
        share = 1.0 - moved / drive_nl if drive_nl else 0.0
        self.slack_nl = slack
        return share, self._break_away(moved)

    def _break_away(self, moved_nl: float) -> float:
        if self._wound_nl is None:
            return moved_nl
        self._wound_nl += moved_nl
        limit_nl = self.settings.stiction_um * self.settings.nl_per_mm / 1_000
        if abs(self._wound_nl) < limit_nl:
            return 0.0
        released, self._wound_nl = self._wound_nl, None
        return released

    def set_backlash_um(self, backlash_um: int) -> None:
        """Wear: the play grows."""
        self._slack_max_nl = backlash_um * self.settings.nl_per_mm / 1_000
