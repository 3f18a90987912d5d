"""A seed's script: pure, the same for the same seed in every process and on every machine.

A swarm: each seed draws a few kinds of faults and their rates. Consecutive seeds also walk through
the reachable cells of the coverage matrix, a slice each, so that a long soak hits every cell often.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from random import Random
from typing import Final

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.reach import Cell, reachable
from tests.soak.registry import FAULTS
from tests.soak.script import FaultRow, Script

MOST_KINDS: Final = 8
CELLS_A_SEED: Final = 5
CYCLE: Final = 10
VOLUME: Final = 2
"""Of each cycle of seeds so many are for volume; the others aim at a slice of cells each."""
F, H, P = FaultId, HostState, PenPhase


def draw(seed: int) -> Script:
    """The script of a seed."""
    rng = Random(f"soak draw {seed}")
    if seed % CYCLE < VOLUME:
        return _volume(seed, rng)
    return _script(seed, rng, tuple(_rows(seed, rng)))


def _volume(seed: int, rng: Random) -> Script:
    """Many punctures and few faults, or none."""
    kinds = rng.sample(_known(), rng.choice((0, 1, 2, 4)))
    rows = [_row(kind, rng, at_s=rng.randint(0, 100), times=rng.randint(1, 5)) for kind in kinds]
    zones = tuple(rng.randint(2_000, 9_000) for _ in range(4))
    return Script(
        seed=seed,
        plan="stamping",
        punctures=zones,
        cadence_hz=rng.randint(120, 150),
        disk_ms=rng.choice(((1.0, 20.0), (5.0, 40.0))),
        safety_s=400.0,
        fault=tuple(rows),
    )


def _script(seed: int, rng: Random, rows: Sequence[FaultRow]) -> Script:
    dosing = rng.random() < 0.15
    needs_stop = any(_is_latched(row) for row in rows)
    return Script(
        seed=seed,
        plan="dosing" if dosing else "stamping",
        punctures=_dosing_zones(rng) if dosing else _stamping_zones(rng, rows),
        cadence_hz=rng.randint(4, 8) if dosing else rng.randint(100, 150),
        dose_nl=rng.choice((500, 1_000, 2_000, 4_000)),
        disk_ms=rng.choice(((1.0, 20.0), (1.0, 20.0), (5.0, 40.0), (20.0, 80.0), (100.0, 300.0))),
        safety_s=90.0,
        stop_every_s=round(rng.uniform(1.0, 3.0), 3) if needs_stop or rng.random() < 0.1 else 0.0,
        fault=tuple(rows),
    )


def _is_latched(row: FaultRow) -> bool:
    return row.host is H.LATCHED or row.pen is P.LATCHED


def _stamping_zones(rng: Random, rows: Sequence[FaultRow]) -> tuple[int, ...]:
    at_an_end = any(
        row.host in (H.ARMING, H.ENDING) or row.pen in (P.ARMED, P.BRAKING) for row in rows
    )
    if at_an_end or rng.random() < 0.2:
        return tuple(rng.randint(60, 200) for _ in range(rng.randint(15, 35)))
    return tuple(rng.randint(500, 3_000) for _ in range(rng.randint(1, 4)))


def _dosing_zones(rng: Random) -> tuple[int, ...]:
    return tuple(rng.randint(3, 30) for _ in range(rng.randint(2, 8)))


# --- faults ----------------------------------------------------------------------------------


def _rows(seed: int, rng: Random) -> list[FaultRow]:
    rows = [_aimed(cell, rng) for cell in _slice_of(seed)]
    rows += _enablers(rows, rng)
    kinds = {row.fault for row in rows}
    for _ in range(rng.choice((0, 0, 1, 3))):
        fault = rng.choice(_known())
        if len(kinds | {fault}) <= MOST_KINDS:
            kinds.add(fault)
            rows.append(_at_random(fault, rng))
    return rows


@cache
def _known() -> tuple[FaultId, ...]:
    return tuple(fault for fault in FaultId if fault in FAULTS)


@cache
def _aims() -> tuple[tuple[Cell, ...], ...]:
    """Slices of cells of one pair of states each: what brings it about serves all of a slice."""
    rng = Random("soak cells")
    slices = [each for pair in product(H, P) for each in _slices(pair, rng)]
    rng.shuffle(slices)
    return tuple(slices)


def _slices(pair: tuple[HostState, PenPhase], rng: Random) -> Iterator[tuple[Cell, ...]]:
    cells = [cell for cell in reachable() if cell[1:] == pair and cell[0] in FAULTS]
    rng.shuffle(cells)
    for at in range(0, len(cells), CELLS_A_SEED):
        yield tuple(cells[at : at + CELLS_A_SEED])


def _slice_of(seed: int) -> tuple[Cell, ...]:
    cycle, place = divmod(seed, CYCLE)
    return _aims()[(cycle * (CYCLE - VOLUME) + place - VOLUME) % len(_aims())]


def _aimed(cell: Cell, rng: Random) -> FaultRow:
    fault, host, pen = cell
    return _row(fault, rng, host=host, pen=pen, at_s=0.0, times=40)


def _at_random(fault: FaultId, rng: Random) -> FaultRow:
    return _row(fault, rng, at_s=round(rng.uniform(0.0, 20.0), 3), times=rng.randint(1, 8))


def _row(
    fault: FaultId,
    rng: Random,
    *,
    at_s: float,
    times: int,
    host: HostState | None = None,
    pen: PenPhase | None = None,
) -> FaultRow:
    return FaultRow(
        fault=fault,
        at_s=at_s,
        host=host,
        pen=pen,
        times=times,
        every_s=round(rng.uniform(0.1, 2.0), 3),
        lasts_s=round(rng.choice((rng.uniform(0.01, 0.1), rng.uniform(0.1, 1.0))), 3),
        rate=round(rng.choice((0.02, 0.1, 0.5, 1.0)) * rng.uniform(0.5, 1.0), 4),
    )


def _enablers(rows: Sequence[FaultRow], rng: Random) -> list[FaultRow]:
    """Rows that bring about the states for which others wait."""
    needed: dict[tuple[FaultId, HostState | None], None] = {}
    for row in rows:
        here = None if row.host in (H.DEAD, H.UNLINKED) else row.host
        for fault in _ENABLES_HOST.get(row.host, ()) if row.host else ():
            needed[fault, H.RUNNING if fault in (F.P6, F.L17) else None] = None
        if row.pen is P.OFF:
            needed[F.P2 if here is H.RUNNING else F.P1, here] = None
    return [_enabler(fault, host, rng) for fault, host in needed if fault in FAULTS]


_ENABLES_HOST: Final[dict[HostState, tuple[FaultId, ...]]] = {
    H.DEAD: (F.H1,),
    H.UNLINKED: (F.L17,),
    H.INTERRUPTED: (F.L17,),
    H.BLOCKED: (F.P6,),
}


def _enabler(fault: FaultId, host: HostState | None, rng: Random) -> FaultRow:
    return FaultRow(
        fault=fault,
        at_s=0.0 if host is H.NONE else round(rng.uniform(0.5, 3.0), 3),
        host=host,
        times=1 if fault is F.P6 else 40,
        every_s=round(rng.uniform(1.0, 2.0), 3),
        lasts_s=round(rng.uniform(0.2, 0.8), 3),
        value=1.0 if fault is F.P6 else 0.0,
    )
