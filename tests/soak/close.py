"""What a trial at one cell alone is like: everything in it serves that cell.

The slices bring many cells a few hits each; these trials bring one cell many. So what is drawn
there is chosen here: the way of a fault that can take effect in the states, how short it is, and
who does something at the very moment from which the fault takes effect.
"""

from random import Random
from typing import Final

import msgspec

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.reach import Cell
from tests.soak.recipes import LONG, OFTEN, QUICK_DISK_MS, SHORT, Recipe, recipe
from tests.soak.script import FaultRow

F, H, P = FaultId, HostState, PenPhase

BRIEF: Final = 10
"""Punctures of the session before an aftermath."""
MOST_SESSIONS: Final = 300
INSTANT_MS: Final = (0.2, 1.0)
ENDING_MS: Final = (15.0, 40.0)
STALLS_S: Final = (0.001, 0.01, 0.05, 0.3)
GLIDE_MS: Final = 20_000
IN_FLIGHT_MS: Final = (100.0, 5.0)
"""Grants that are under way still raise the ceiling, and so the reservation."""
_AFTER_A_STROKE: Final = (H.DEAD, H.UNLINKED, H.ENDING)
_RESTING: Final = (P.IDLE, P.LATCHED, P.OFF)
_MOVING: Final = (P.ARMED, P.RUNNING, P.BRAKING)
OF_COMMITS: Final = (F.H7, F.H8, F.H9, F.H13)
"""They take effect when something is written."""
_OF_LINES: Final = (F.H3, F.H4, F.H5)
"""They take effect at a line of the controller's code; the first hundred run within a moment."""


def alone(how: Recipe, cell: Cell) -> Recipe:
    """The recipe of its pair, for one cell."""
    fault, host, pen = cell
    of_commits = fault in OF_COMMITS
    how = msgspec.structs.replace(
        how,
        sessions=MOST_SESSIONS if host is H.CLOSED else 1,
        restarts_post=fault.place == "B",
        stops_there=of_commits and host is not H.DEAD,
        disk_ms=INSTANT_MS if of_commits else how.disk_ms,
        moment=(host, pen),
    )
    if fault is F.P5 and (pen in _MOVING or host is H.BLOCKED):
        return _writing(how, host, pen)
    if host is H.DEAD:
        return _dead(how, fault, pen)
    if host is H.UNLINKED and pen in _MOVING and fault.place == "L" and fault is not F.L20:
        return _with_rows(how, (_kill(H.RUNNING, _met(pen), every_s=0.2, lasts_s=0.01),))
    if fault is F.L19:
        return _strange(how, host, pen)
    if host is H.CLOSED and fault is F.H11:
        return _with_rows(how, (*how.rows, _kill(host, None, every_s=1.0, lasts_s=0.02)))
    return how


def _writing(how: Recipe, host: HostState, pen: PenPhase) -> Recipe:
    """A needle that spins for seconds is reserved anew; a single stroke is booked at its end.

    A pen that lost its memory writes none; the one that is lent instead does.
    """
    if host is H.BLOCKED:
        return _with_rows(how, recipe(host, P.IDLE, Random(0)).rows)
    if pen is P.ARMED and host in _AFTER_A_STROKE:
        of_strokes = recipe(host, P.RUNNING, Random(0))
        return msgspec.structs.replace(of_strokes, doses=True, zone=20, moment=how.moment)
    if pen is not P.RUNNING:
        return how
    late_ms = how.late_ms if host is H.RUNNING else IN_FLIGHT_MS
    return msgspec.structs.replace(how, glide_ms=GLIDE_MS, late_ms=late_ms)


def _strange(how: Recipe, host: HostState, pen: PenPhase) -> Recipe:
    """The pens are changed all the time; one was stopped while it was lent, for the other pair."""
    if host is H.NONE:
        return how
    if host is H.BLOCKED:
        return _with_rows(how, how.rows[:1])
    stop_every_s = {(H.LATCHED, P.IDLE): 1.3, (H.INTERRUPTED, P.LATCHED): 0.0}
    return msgspec.structs.replace(
        how,
        rows=(),
        stop_every_s=stop_every_s.get((host, pen), 0.5 if pen is P.LATCHED else 0.0),
        stops_there=(host, pen) == (H.INTERRUPTED, P.LATCHED),
        moment=(host, P.IDLE),
        disk_ms=QUICK_DISK_MS,
        zone=LONG,
        late_ms=(0.0, 0.0),
        is_tidy=pen is not P.LATCHED,
    )


def _dead(how: Recipe, fault: FaultId, pen: PenPhase) -> Recipe:
    """Without a process the disk is needed by one that ends in order, or by one that starts."""
    if fault in OF_COMMITS:
        return _ending(how, pen)
    if pen in _MOVING or fault is F.H15:
        return how
    rows = tuple(
        msgspec.structs.replace(row, host=None, every_s=0.3, lasts_s=1.0)
        if row.fault is F.H1
        else row
        for row in how.rows
    )
    return _with_rows(how, rows)


def _ending(how: Recipe, pen: PenPhase) -> Recipe:
    """A service that ends in order writes while it ends: a STOP and the arm's end if one is open.

    At rest it ends at once, so the disk refuses from before.
    """
    reboots = (FaultRow(F.P1, host=H.READY, times=OFTEN, every_s=0.6, lasts_s=0.05),)
    is_at_rest = pen in (P.IDLE, P.OFF)
    return msgspec.structs.replace(
        how,
        rows=reboots if pen is P.OFF else (),
        restarts_there=True,
        moment=(H.READY, pen) if is_at_rest else (H.RUNNING, _met(pen)),
        late_ms=(60.0, 5.0) if pen in (P.ARMED, P.RUNNING) else how.late_ms,
        disk_ms=how.disk_ms if is_at_rest else ENDING_MS,
        zone=SHORT if is_at_rest else how.zone,
    )


def _met(pen: PenPhase) -> PenPhase:
    """Where a pen is before it brakes, or goes on as it was when nobody grants any more."""
    return P.ARMED if pen is P.ARMED else P.RUNNING


def _kill(host: HostState, pen: PenPhase | None, every_s: float, lasts_s: float) -> FaultRow:
    return FaultRow(F.H1, host=host, pen=pen, times=OFTEN, every_s=every_s, lasts_s=lasts_s)


def _with_rows(how: Recipe, rows: tuple[FaultRow, ...]) -> Recipe:
    return msgspec.structs.replace(how, rows=rows)


def row_alone(row: FaultRow, cell: Cell, rng: Random) -> FaultRow:
    """The aimed row, as one cell alone wants it."""
    fault, _, pen = cell
    if fault in OF_COMMITS:
        return _refusing(row, cell, rng)
    if fault in _OF_LINES:
        return _at_a_line(row, cell, rng)
    if fault in (F.L2, F.L3) and row.lasts_s > 1.0:  # a share of all bytes, and frames must pass
        return msgspec.structs.replace(row, rate=row.rate / 20)
    if fault is F.H2:
        return msgspec.structs.replace(row, value=rng.choice(STALLS_S))
    if fault is F.P6 and pen in _RESTING:
        return msgspec.structs.replace(row, value=1.0)
    return msgspec.structs.replace(row, **_otherwise(cell))


def _otherwise(cell: Cell) -> dict[str, object]:
    """Where and for how long a fault must strike that takes effect elsewhere, or later."""
    fault, host, pen = cell
    if fault is F.P5 and pen is P.ARMED and host in _AFTER_A_STROKE:
        return {"pen": P.RUNNING}
    if fault is F.H15 and host is H.DEAD:
        return {"lasts_s": 0.6}
    if fault is F.L19:
        met = H.RUNNING if host is H.INTERRUPTED else host
        short = 0.5 if host is H.LATCHED else 1.0
        return {"host": met, "pen": None, "every_s": 0.8 * short, "lasts_s": 0.6 * short}
    if fault is not F.H11:
        return {}
    if host is H.CLOSED:  # no session opens while it is 1970, so it is booted within one
        return {"host": H.READY, "pen": None, "every_s": 0.8, "lasts_s": 0.6}
    met_in = {H.INTERRUPTED: H.RUNNING, H.READY: H.READY, H.NONE: H.NONE}.get(host)
    return {"at_s": 1.0, "host": met_in, "pen": None, "every_s": 2.0, "lasts_s": 1.0}


def _refusing(row: FaultRow, cell: Cell, rng: Random) -> FaultRow:
    fault, host, pen = cell
    if host is H.DEAD and pen in (P.IDLE, P.OFF):
        return _in_the_moment(row, (fault, H.READY, pen), rng, lasts_s=0.3)
    return _in_the_moment(row, cell, rng, lasts_s=rng.uniform(0.03, 0.1))


def _at_a_line(row: FaultRow, cell: Cell, rng: Random) -> FaultRow:
    value = rng.choice(STALLS_S) if cell[0] is F.H3 else row.value
    row = _in_the_moment(row, cell, rng, lasts_s=rng.uniform(0.05, 0.2))
    return msgspec.structs.replace(row, rate=rng.choice((0.003, 0.01, 0.03)), value=value)


def _in_the_moment(row: FaultRow, cell: Cell, rng: Random, lasts_s: float) -> FaultRow:
    _, host, pen = cell
    return msgspec.structs.replace(
        row,
        host=host,
        pen=pen,
        times=OFTEN,
        every_s=round(rng.uniform(0.05, 0.3), 3),
        lasts_s=round(lasts_s, 3),
    )
