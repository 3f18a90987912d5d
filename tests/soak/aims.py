"""What the trials of a soak aim at: slices of the reachable cells, one slice a seed.

Cells of a slice share host state and pen phase: what brings those about serves all of them.
"""

from collections.abc import Iterator
from functools import cache
from itertools import product
from random import Random
from typing import Final

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.reach import Cell, reachable

CELLS_A_SEED: Final = 5
CYCLE: Final = 10
VOLUME: Final = 2
"""Of each cycle of seeds so many are for volume; the others aim at a slice of cells each."""
F = FaultId
ENDERS: Final = frozenset(
    (
        F.H1,
        F.H2,
        F.H3,
        F.H4,
        F.H5,
        F.H6,
        F.H11,
        F.H12,
        F.L15,
        F.L16,
        F.L17,
        F.L18,
        F.L19,
        F.L20,
        F.P1,
        F.P2,
        F.P3,
        F.P4,
        F.P5,
        F.P6,
        F.P7,
        F.P8,
        F.P9,
        F.P12,
        F.P13,
        F.P14,
    )
)
"""They end the states that they strike in at once, and leave no time for others to take effect."""


CLOSE: Final = 1_000_000_000
TRIES_A_CELL: Final = 1_000
"""Seeds from CLOSE on aim at one cell each, a thousand of them at every reachable cell."""
ENOUGH: Final = 100
"""Hits in its cell after which such a trial has nothing more to bring: what a gate asks for."""


def is_volume(seed: int) -> bool:
    """Whether the trial of this seed is for many punctures."""
    return seed < CLOSE and seed % CYCLE < VOLUME


def is_close(seed: int) -> bool:
    """Whether the trial of this seed aims at one cell and nothing else."""
    return seed >= CLOSE


def close_seed(cell: int, number: int) -> int:
    """The seed of a trial at the reachable cell with this index; `number` from 0."""
    return CLOSE + TRIES_A_CELL * cell + number


def cell_and_try_of(seed: int) -> tuple[int, int]:
    """Of a seed that aims at one cell: the index of the cell, and which trial at it."""
    return divmod(seed - CLOSE, TRIES_A_CELL)


def number_of(seed: int) -> int:
    """The number of the slice at which a seed aims that is not for volume."""
    cycle, place = divmod(seed, CYCLE)
    return (cycle * (CYCLE - VOLUME) + place - VOLUME) % len(slices())


def aim_of(seed: int) -> tuple[Cell, ...]:
    """The cells at which a seed aims; none when it is for volume."""
    if is_close(seed):
        return (reachable()[cell_and_try_of(seed)[0]],)
    return () if is_volume(seed) else slices()[number_of(seed)]


@cache
def slices() -> tuple[tuple[Cell, ...], ...]:
    """All slices, in an order that mixes easy and hard pairs."""
    rng = Random("soak cells")
    found = [each for pair in product(HostState, PenPhase) for each in _of(pair, rng)]
    rng.shuffle(found)
    return tuple(found)


def _of(pair: tuple[HostState, PenPhase], rng: Random) -> Iterator[tuple[Cell, ...]]:
    cells = [cell for cell in reachable() if cell[1:] == pair]
    rng.shuffle(cells)
    enders = [cell for cell in cells if cell[0] in ENDERS]
    for kind in (enders, [cell for cell in cells if cell not in enders]):
        for at in range(0, len(kind), CELLS_A_SEED):
            yield tuple(kind[at : at + CELLS_A_SEED])
