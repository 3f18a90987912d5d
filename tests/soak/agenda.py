"""Which seeds a soak plays: a seed is always the same trial, and those are skipped that bring
nothing any more.

Without wanted hits it is one seed after the other, until there are punctures enough. With hits a
seed for volume is played while punctures are missing, and one that aims while cells of its aim are.
"""

from collections import Counter
from typing import Final

from tests.soak.aims import aim_of, is_volume, number_of, slices
from tests.soak.coverage import Coverage
from tests.soak.tally import Tally

MOST_TRIES: Final = 150
"""Trials a slice; what is still missing then is told as missing."""


class Agenda:
    """Ask `next` for each trial; `tally` is what all trials came to so far."""

    def __init__(self, seed: int, punctures: int, hits: int) -> None:
        self._next_seed = seed
        self._punctures = punctures
        self._hits = hits
        self._tries: Counter[int] = Counter()

    def next(self, tally: Tally) -> int | None:
        """The next seed to play; None when nothing is missing that a trial could bring."""
        if not self._hits:
            return self._take() if tally.punctures < self._punctures else None
        for _ in range(2 * len(slices()) + 10):
            if self._is_useful(self._next_seed, tally):
                return self._take()
            self._next_seed += 1
        return None

    def _take(self) -> int:
        self._next_seed += 1
        if not is_volume(self._next_seed - 1):
            self._tries[number_of(self._next_seed - 1)] += 1
        return self._next_seed - 1

    def _is_useful(self, seed: int, tally: Tally) -> bool:
        if is_volume(seed):
            return tally.punctures < self._punctures
        if self._tries[number_of(seed)] >= MOST_TRIES:
            return False
        coverage = Coverage(tally.cells)
        return any(coverage.hits(cell) < self._hits for cell in aim_of(seed))
