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
MOST_IN_VAIN: Final = 12
"""Trials a slice, in all and without one hit that was missing; what is missing then is told."""


class Agenda:
    """Ask `next` for each trial; `tally` is what all trials came to so far."""

    def __init__(self, seed: int, punctures: int, hits: int) -> None:
        self._next_seed = seed
        self._punctures = punctures
        self._hits = hits
        self._tries: Counter[int] = Counter()
        self._in_vain: Counter[int] = Counter()
        self._got: dict[int, int] = {}

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
            number = number_of(self._next_seed - 1)
            self._tries[number] += 1
            self._in_vain[number] += 1
        return self._next_seed - 1

    def _is_useful(self, seed: int, tally: Tally) -> bool:
        if is_volume(seed):
            return tally.punctures < self._punctures
        number, coverage = number_of(seed), Coverage(tally.cells)
        got = sum(min(coverage.hits(cell), self._hits) for cell in aim_of(seed))
        if got > self._got.get(number, -1):
            self._got[number], self._in_vain[number] = got, 0
        is_hopeless = self._in_vain[number] >= MOST_IN_VAIN or self._tries[number] >= MOST_TRIES
        return not is_hopeless and got < self._hits * len(aim_of(seed))
