"""What is left in the syringe while doses are weighed, so that no burst meets its end. Pure.

Volumes are reckoned at the most that the pen may have given: until the fit, a step's volume is
known no better than `most_change_percent`. Integers in nanolitres.
"""

from dataclasses import dataclass, replace
from typing import Self

SHORT_UNKNOWN = 2
"""After so many short bursts the syringe is looked at, where nobody said what it holds."""


@dataclass(frozen=True, slots=True)
class Filling:
    """One filling. whole_nl: None when nobody said. fresh: nothing was weighed from it yet."""

    whole_nl: int | None
    drawn_nl: int = 0
    fresh: bool = True

    def primed(self, most_nl: int, *, filled: bool) -> Self:
        """After priming, perhaps of a new filling."""
        if filled:
            return replace(self, drawn_nl=most_nl, fresh=True)
        return replace(self, drawn_nl=self.drawn_nl + most_nl)

    def gave(self, most_nl: int) -> Self:
        """After a weighing; one without a volume leaves a filling fresh."""
        return replace(self, drawn_nl=self.drawn_nl + most_nl, fresh=self.fresh and not most_nl)

    def lacks(self, needed_nl: int) -> bool:
        """Whether it cannot give so much, and a new filling could give more."""
        if self.whole_nl is None or self.fresh:
            return False
        return needed_nl > self.whole_nl - self.drawn_nl

    def is_in_doubt(self, shorts: int) -> bool:
        """Whether so many short bursts in a row may come from an empty syringe."""
        return shorts >= (SHORT_UNKNOWN if self.whole_nl is None else 1)
