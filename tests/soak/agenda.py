"""Which seeds a soak plays: a seed is always the same trial, and those are skipped that bring
nothing any more.

Without wanted hits it is one seed after the other, until there are punctures enough. With hits
three kinds take turns while each has something left to bring: seeds for volume, one seed at each
slice of cells, and seeds at single cells that were hit too seldom, cell by cell. A soak that goes
on leaves the slices out and begins with the cells that were tried least.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from tests.soak.aims import (
    CYCLE,
    TRIES_A_CELL,
    VOLUME,
    aim_of,
    close_seed,
    is_volume,
    number_of,
    slices,
)
from tests.soak.coverage import Coverage
from tests.soak.reach import reachable
from tests.soak.tally import Tally

MOST_IN_VAIN: Final = 10
"""Trials at one cell without one hit more; what is missing then is told."""


class Agenda:
    """Ask `next` for each trial; `tally` is what all trials came to so far.

    It goes on behind `first`, an earlier part of the same soak.
    """

    def __init__(self, seed: int, punctures: int, hits: int, first: Tally | None = None) -> None:
        self._next_seed = seed if first is None else max(seed, first.next_seed)
        self._volume_seed = self._slice_seed = self._next_seed
        self._turn = 0
        self._punctures = punctures
        self._hits = hits
        self._aimed = set(range(len(slices()))) if first and first.close_tries else set[int]()
        self._reachable = reachable()
        self._tries = Counter({} if first is None else first.close_tries)
        self._cells = deque(sorted(range(len(self._reachable)), key=self._tries.__getitem__))
        self._in_vain: Counter[int] = Counter()
        self._got: dict[int, int] = {}

    def next(self, tally: Tally) -> int | None:
        """The next seed to play; None when nothing is missing that a trial could bring."""
        if not self._hits:
            if tally.punctures >= self._punctures:
                return None
            self._next_seed += 1
            return self._next_seed - 1
        self._turn += 1
        for kind in self._order():
            if (seed := kind(tally)) is not None:
                return seed
        return None

    def _order(self) -> "tuple[Callable[[Tally], int | None], ...]":
        if self._turn % CYCLE < VOLUME:
            return self._of_volume, self._of_slices, self._of_cells
        if self._turn % 2:
            return self._of_slices, self._of_cells, self._of_volume
        return self._of_cells, self._of_slices, self._of_volume

    def _of_volume(self, tally: Tally) -> int | None:
        if tally.punctures >= self._punctures:
            return None
        while not is_volume(self._volume_seed):
            self._volume_seed += 1
        self._volume_seed += 1
        return self._volume_seed - 1

    def _of_slices(self, tally: Tally) -> int | None:
        """A seed at the next slice that is short of hits; each has one."""
        while len(self._aimed) < len(slices()):
            seed = self._slice_seed
            self._slice_seed += 1
            if is_volume(seed) or number_of(seed) in self._aimed:
                continue
            self._aimed.add(number_of(seed))
            if self._is_short(seed, tally):
                return seed
        return None

    def _is_short(self, seed: int, tally: Tally) -> bool:
        coverage = Coverage(tally.cells)
        return any(coverage.hits(cell) < self._hits for cell in aim_of(seed))

    def _of_cells(self, tally: Tally) -> int | None:
        """A seed for the next cell that is short of hits and not given up; all have their turn."""
        coverage = Coverage(tally.cells)
        for _ in range(len(self._cells)):
            cell = self._cells.popleft()
            got = coverage.hits(self._reachable[cell])
            if got > self._got.get(cell, -1):
                self._got[cell], self._in_vain[cell] = got, 0
            if got >= self._hits or self._is_hopeless(cell):
                continue
            self._cells.append(cell)
            self._tries[cell] += 1
            self._in_vain[cell] += 1
            return close_seed(cell, self._tries[cell] - 1)
        return None

    def _is_hopeless(self, cell: int) -> bool:
        return self._in_vain[cell] > MOST_IN_VAIN or self._tries[cell] >= TRIES_A_CELL
