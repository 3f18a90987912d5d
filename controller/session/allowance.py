"""How much one arm may do at most: every limit against the upper end of the books.

Computed when an arm is opened; while it is open nothing else can move the books, because only one
interval is open at a time. A raised ceiling never passes `punctures` or `steps`.
"""

from collections.abc import Iterable
from fractions import Fraction

import msgspec

from controller.session.account import PICOLITRES_A_NANOLITRE


class Room(msgspec.Struct, frozen=True):
    """One limit: its name for people, its bound and what the books may already have used."""

    name: str
    bound: Fraction
    used: Fraction
    unit: str = "nl"

    @property
    def left(self) -> Fraction:
        """What remains; never negative."""
        return max(Fraction(0), self.bound - self.used)


class Allowance(msgspec.Struct, frozen=True):
    """The arm's own bounds, as differences from its first counters, and the limit that binds."""

    punctures: int
    steps: int
    binding: str

    @property
    def is_nothing(self) -> bool:
        """Whether the arm could do nothing at all."""
        return self.punctures == 0 and self.steps == 0


def steps_within(left_nl: Fraction, picolitres_a_step: int) -> int:
    """Whole steps whose volume is at most `left_nl`; none without a volume a step."""
    if picolitres_a_step == 0 or left_nl <= 0:
        return 0
    return int(left_nl * PICOLITRES_A_NANOLITRE // picolitres_a_step)


def dose_allowance(
    *,
    punctures_left: int,
    steps_a_puncture: int,
    picolitres_a_step: int,
    rooms: Iterable[Room],
    units_a_nl: Fraction | None,
) -> Allowance:
    """Bounds of a dosing arm: the plan's punctures, cut to the tightest room.

    `rooms` in product units need `units_a_nl`; a room in units without it allows nothing, and so
    does a dose that is no whole step.
    """
    if steps_a_puncture == 0:
        return Allowance(0, 0, "certificate")
    punctures, binding = punctures_left, "plan"
    for room in rooms:
        fits = steps_within(_in_nl(room, units_a_nl), picolitres_a_step) // steps_a_puncture
        if fits < punctures:
            punctures, binding = fits, room.name
    return Allowance(punctures, punctures * steps_a_puncture, binding)


def stroke_allowance(punctures_left: int, rooms: Iterable[Room]) -> Allowance:
    """Bounds of an arm without dispense; rooms count punctures."""
    punctures, binding = punctures_left, "plan"
    for room in rooms:
        if int(room.left) < punctures:
            punctures, binding = int(room.left), room.name
    return Allowance(punctures, 0, binding)


def prime_allowance(steps_wanted: int, steps_in_syringe: int) -> Allowance:
    """Bounds of a prime or purge arm: what is wanted, at most what the syringe holds."""
    if steps_in_syringe < steps_wanted:
        return Allowance(0, steps_in_syringe, "syringe")
    return Allowance(0, steps_wanted, "plan")


def _in_nl(room: Room, units_a_nl: Fraction | None) -> Fraction:
    if room.unit == "nl":
        return room.left
    return room.left / units_a_nl if units_a_nl else Fraction(0)
