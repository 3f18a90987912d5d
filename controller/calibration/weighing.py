"""One series of weighings: a dose at a cadence, its replicates, and a blank before and after.

Balance readings are integers in micrograms, volumes floats in nanolitres (a microgram of mass is
Z nanolitres). Every cycle, a blank or a weighing, takes the same time, so that as much evaporates.
Nothing that was weighed is ever taken out: a replicate keeps every attempt, the last one counts,
and each earlier one says why it does not.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

from controller.calibration.errors import RedoneWithoutReason, SeriesIncomplete

RESOLUTION_SHARE = 400
"""One step of the balance is at most 1/400 of what is weighed (0.25 %): 40 mg at 0.1 mg."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What each weighing of a series is: so many equal doses at one stroke period."""

    dose_nl: int
    stroke_period_us: int
    steps_a_dose: int
    doses_a_weighing: int

    @property
    def steps_a_weighing(self) -> int:
        """Pump steps that the pen's counters must have moved by."""
        return self.steps_a_dose * self.doses_a_weighing


@dataclass(frozen=True, slots=True)
class Attempt:
    """One weighing: the balance before and after, and the steps that the pen counted between.

    discarded_because: why it does not count; None for the attempt that does.
    """

    before_ug: int
    after_ug: int
    steps: int
    discarded_because: str | None = None


@dataclass(frozen=True, slots=True)
class Replicate:
    """One place of a series: all attempts at it, in order."""

    attempts: tuple[Attempt, ...] = ()

    @property
    def counted(self) -> Attempt | None:
        """The attempt that counts; None while there is none."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.discarded_because is None else None


@dataclass(frozen=True, slots=True)
class Blank:
    """A whole cycle without a dose: what the vessel loses in it has evaporated."""

    before_ug: int
    after_ug: int

    @property
    def loss_ug(self) -> int:
        """Micrograms that evaporated; below 0 when dust or moisture were added."""
        return self.before_ug - self.after_ug


@dataclass(frozen=True, slots=True)
class Series:
    """A series as far as it has come. Each step returns a new one; a saved one can go on."""

    setting: Setting
    start: Blank
    replicates: tuple[Replicate, ...]
    last_ug: int
    end: Blank | None = None

    @classmethod
    def begun(cls, setting: Setting, replicates: int, first_ug: int, blank_ug: int) -> Self:
        """The readings m00 and m0: before and after the dry cycle at the start."""
        places = tuple(Replicate() for _ in range(replicates))
        return cls(setting, Blank(first_ug, blank_ug), places, blank_ug)

    @property
    def next_place(self) -> int | None:
        """The replicate that the next weighing belongs to, counted from 0; None when all are."""
        for index, each in enumerate(self.replicates):
            if each.counted is None:
                return index
        return None

    def weighed(self, after_ug: int, steps: int, before_ug: int | None = None) -> Self:
        """The next weighing: the balance's reading, and the steps counted by the pen.

        before_ug is given when the vessel was emptied or the balance tared since the last reading.
        An attempt whose steps are not those of the setting is kept and does not count. Raises
        SeriesIncomplete (E7010) when the series has all its weighings.
        """
        place = self.next_place
        if place is None:
            raise SeriesIncomplete(
                "This series has all its weighings.", action="Redo one, or close the series."
            )
        wanted = self.setting.steps_a_weighing
        short = None if steps == wanted else f"the pen counted {steps} steps instead of {wanted}"
        before_ug = self.last_ug if before_ug is None else before_ug
        added = (*self.replicates[place].attempts, Attempt(before_ug, after_ug, steps, short))
        return replace(self, replicates=self._with(place, added), last_ug=after_ug)

    def redone(self, place: int, reason: str) -> Self:
        """The counted attempt of a replicate does not count any more. Raises E7011."""
        known = 0 <= place < len(self.replicates)
        counted = self.replicates[place].counted if known else None
        if counted is None or not reason.strip() or self.end is not None:
            raise RedoneWithoutReason(f"Weighing {place + 1} cannot be taken again like this.")
        earlier = self.replicates[place].attempts[:-1]
        discarded = replace(counted, discarded_because=reason.strip())
        return replace(self, replicates=self._with(place, (*earlier, discarded)))

    def closed(self, blank_ug: int, before_ug: int | None = None) -> Self:
        """The readings mn and mn+1: the dry cycle at the end. Raises SeriesIncomplete (E7010)."""
        if self.next_place is not None or self.end is not None:
            raise SeriesIncomplete("The blank at the end comes once, after the last weighing.")
        before_ug = self.last_ug if before_ug is None else before_ug
        return replace(self, end=Blank(before_ug, blank_ug), last_ug=blank_ug)

    @property
    def evaporation_ug(self) -> Fraction:
        """What evaporates in one cycle: ((m00 - m0) + (mn - mn+1)) / 2. Raises E7010."""
        return Fraction(self.start.loss_ug + self._end().loss_ug, 2)

    @property
    def blanks_differ_ug(self) -> int:
        """How far the two blanks are apart. Raises E7010."""
        return abs(self.start.loss_ug - self._end().loss_ug)

    @property
    def masses_ug(self) -> tuple[Fraction, ...]:
        """The mass of each counted weighing, evaporation added. Raises SeriesIncomplete (E7010)."""
        lost = self.evaporation_ug
        counted = [each.counted for each in self.replicates]
        return tuple(one.after_ug - one.before_ug + lost for one in counted if one is not None)

    def volumes_nl(self, z_ul_mg: float) -> tuple[float, ...]:
        """The mean volume of one dose in each weighing. Raises SeriesIncomplete (E7010)."""
        doses = self.setting.doses_a_weighing
        return tuple(float(mass / doses) * z_ul_mg for mass in self.masses_ug)

    def _end(self) -> Blank:
        if self.end is None:
            raise SeriesIncomplete("The series has no blank at its end yet.")
        return self.end

    def _with(self, place: int, attempts: tuple[Attempt, ...]) -> tuple[Replicate, ...]:
        before, after = self.replicates[:place], self.replicates[place + 1 :]
        return (*before, Replicate(attempts), *after)


def doses_needed(dose_nl: int, resolution_ug: int) -> int:
    """How many doses a weighing must hold so that the balance resolves it well enough.

    100 doses of 400 nl on a balance of 0.1 mg; one dose from 400 nl up on a balance of 0.001 mg.
    A nanolitre counts as a microgram here; the resolution is at least 1 ug.
    """
    return -(-RESOLUTION_SHARE * resolution_ug // dose_nl)
