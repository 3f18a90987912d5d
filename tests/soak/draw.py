"""A seed's script: pure, the same for the same seed in every process and on every machine.

A swarm: each seed draws a few kinds of faults and their rates. Most seeds also aim at a slice of
the coverage matrix (`aims`), with what brings its states about (`recipes`), so that a long soak
hits every cell often; the others are for volume.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from tests.soak.aims import aim_of, is_close, is_volume
from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.close import BRIEF, alone
from tests.soak.close_rows import row_alone
from tests.soak.reach import Cell
from tests.soak.recipes import OFTEN, Recipe, recipe
from tests.soak.script import FaultRow, Script

MOST_KINDS: Final = 8
SAFETY_S: Final = 80.0
VOLUME_S: Final = 700.0
DOSE_NL: Final = 500
"""So little that a syringe lasts for a whole trial."""
F, H, P = FaultId, HostState, PenPhase
KNOWN: Final = tuple(FaultId)


def draw(seed: int) -> Script:
    """The script of a seed."""
    rng = Random(f"soak draw {seed}")
    return _volume(seed, rng) if is_volume(seed) else _aimed(seed, rng)


# --- many punctures ----------------------------------------------------------------------------


def _volume(seed: int, rng: Random) -> Script:
    """Tens of thousands of punctures, with a few kinds of faults at low rates all the time."""
    kinds = rng.sample(KNOWN, rng.choice((0, 1, 2, 4)))
    return Script(
        seed=seed,
        plan="stamping",
        punctures=tuple(rng.randint(10_000, 30_000) for _ in range(3)),
        cadence_hz=rng.randint(130, 150),
        disk_ms=rng.choice(((1.0, 20.0), (5.0, 40.0))),
        safety_s=VOLUME_S,
        fault=tuple(_now_and_then(kind, rng) for kind in kinds),
    )


def _now_and_then(fault: FaultId, rng: Random) -> FaultRow:
    return FaultRow(
        fault,
        at_s=round(rng.uniform(0.0, 60.0), 3),
        times=rng.randint(3, 10),
        every_s=round(rng.uniform(20.0, 60.0), 3),
        lasts_s=round(rng.choice((rng.uniform(0.01, 0.1), rng.uniform(0.1, 3.0))), 3),
        rate=round(rng.choice((0.002, 0.02, 0.2)) * rng.uniform(0.5, 1.0), 4),
    )


# --- a slice of cells --------------------------------------------------------------------------


def _aimed(seed: int, rng: Random) -> Script:
    aim = aim_of(seed)
    host, pen = aim[0][1:]
    how = recipe(host, pen, rng)
    aimed = [_row_of(cell, rng) for cell in aim]
    if is_close(seed):
        how, aimed = alone(how, aim[0]), [row_alone(aimed[0], aim[0], rng)]
    rows = [*how.rows, *aimed]
    if any(cell[0] in (F.P5, F.P6) for cell in aim):
        how, rows = _with_writes(how, rows, host, pen)
    if not is_close(seed):
        rows += _at_random(rows, rng)
    return Script(
        seed=seed,
        plan="dosing" if how.doses else "stamping",
        punctures=_zones(how, host, rng) if how.sessions == 1 else (BRIEF,),
        cadence_hz=_cadence_hz(how, rng),
        dose_nl=DOSE_NL,
        baud=how.baud,
        disk_ms=how.disk_ms,
        late_ms=how.late_ms,
        safety_s=SAFETY_S,
        stop_every_s=how.stop_every_s,
        pause_every_s=how.pause_every_s,
        is_tidy=how.is_tidy,
        glide_ms=how.glide_ms,
        sessions=how.sessions,
        host=how.moment[0],
        pen=how.moment[1],
        after_s=how.after_s,
        restarts_there=how.restarts_there,
        restarts_post=how.restarts_post,
        stops_there=how.stops_there,
        pauses_there=how.pauses_there,
        fault=tuple(rows),
    )


def _zones(how: Recipe, host: HostState, rng: Random) -> tuple[int, ...]:
    """As many as the safety phase can take; one before an aftermath."""
    if host is H.CLOSED:
        return (rng.randint(60, 150),)
    count = 25 if how.doses else 12_000 // how.zone
    return tuple(round(how.zone * rng.uniform(0.7, 1.0)) for _ in range(min(60, count)))


def _cadence_hz(how: Recipe, rng: Random) -> int:
    drawn_hz = rng.randint(4, 8) if how.doses else rng.randint(110, 150)
    return how.cadence_hz or drawn_hz


def _with_writes(
    how: Recipe, rows: list[FaultRow], host: HostState, pen: PenPhase
) -> tuple[Recipe, list[FaultRow]]:
    """A pen at rest writes its memory when it latches something: heat, or another STOP."""
    if pen is P.LATCHED:
        how = msgspec.structs.replace(how, stop_every_s=how.stop_every_s or 1.0)
    if pen in (P.IDLE, P.LATCHED) and all(row.fault is not F.P14 for row in how.rows):
        hot = FaultRow(F.P14, host=host, pen=pen, times=OFTEN, every_s=1.0, lasts_s=0.15)
        rows = [*rows, hot]
    return how, rows


def _row_of(cell: Cell, rng: Random) -> FaultRow:
    """One aimed row: short strikes, again and again, for as long as the states are so.

    What strikes something that comes by now and then may also be there before the states are.
    """
    fault, host, pen = cell
    if fault in _LASTING:
        return _there(fault, host, rng, every_s=rng.uniform(9.0, 14.0))
    if fault in _HARMLESS or (fault in _PATIENT and rng.random() < 0.5):
        return _there(fault, host, rng, every_s=rng.uniform(2.0, 5.0))
    lasts_s = rng.uniform(0.2, 0.6) if fault in _NEED_TIME else rng.uniform(0.01, 0.1)
    return FaultRow(
        fault,
        host=host,
        pen=pen,
        times=OFTEN,
        every_s=round(rng.uniform(0.05, 0.4), 3),
        lasts_s=round(lasts_s, 3),
        rate=round(rng.uniform(0.3, 1.0), 4),
        value=_value(fault, host, rng),
    )


def _there(fault: FaultId, host: HostState, rng: Random, every_s: float) -> FaultRow:
    """Nearly always there, whatever the states are; the lobby and the aftermath as aimed at."""
    return FaultRow(
        fault,
        host=host if host in (H.NONE, H.CLOSED) else None,
        times=OFTEN,
        every_s=round(every_s, 3),
        lasts_s=round(every_s - 0.5, 3),
        rate=round(rng.uniform(0.05, 0.3), 4),
        value=_value(fault, host, rng),
    )


_LASTING: Final = (F.P8, F.P12, F.H11)
"""They are there in every state that is met while they last."""
_HARMLESS: Final = (F.B3, F.B4, F.B6, F.B7, F.B8, F.L12, F.L13)
_PATIENT: Final = (
    *(F.L1, F.L2, F.L3, F.L4, F.L5, F.L6, F.L7, F.L8, F.L9, F.L10, F.L11),
    *(F.H13, F.P11),
)
_NEED_TIME: Final = (F.H3, F.H4, F.H5, F.H7, F.H8, F.H9, F.H13, F.L8, F.P11)


def _value(fault: FaultId, host: HostState, rng: Random) -> float:
    """Ways that can take effect in the state, and short ones."""
    if fault is F.H15:
        return 2.0 if host is H.DEAD else 1.0
    if fault is F.H12:
        return {H.DEAD: 2.0, H.UNLINKED: 1.0}.get(host, 0.0)
    if fault in (F.H2, F.H3):
        return rng.choice((0.0, 0.01, 0.3))
    return _VALUES.get(fault, 0.0)


_VALUES: Final = {F.H13: 0.3, F.P12: 0.7, F.B2: 0.2, F.B8: 0.05}
"""Seconds, all of them; see each fault's class."""


def _at_random(rows: Sequence[FaultRow], rng: Random) -> list[FaultRow]:
    """Now and then some kinds more, each once: what one takes back must not be the other's."""
    kinds = {row.fault for row in rows}
    others = [fault for fault in KNOWN if fault not in kinds]
    found = rng.sample(others, min(rng.choice((0, 0, 0, 2)), MOST_KINDS - len(kinds)))
    return [_seldom(fault, rng) for fault in found]


def _seldom(fault: FaultId, rng: Random) -> FaultRow:
    return FaultRow(
        fault,
        at_s=round(rng.uniform(0.0, 20.0), 3),
        times=rng.randint(1, 8),
        every_s=round(rng.uniform(0.1, 2.0), 3),
        lasts_s=round(rng.choice((rng.uniform(0.01, 0.1), rng.uniform(0.1, 1.0))), 3),
        rate=round(rng.choice((0.02, 0.1, 0.5, 1.0)) * rng.uniform(0.5, 1.0), 4),
    )
