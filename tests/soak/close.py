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
from tests.soak.recipes import OFTEN, Recipe
from tests.soak.script import FaultRow

F, H, P = FaultId, HostState, PenPhase

BRIEF: Final = 10
"""Punctures of the session before an aftermath."""
MOST_SESSIONS: Final = 300
INSTANT_MS: Final = (0.2, 1.0)
OF_COMMITS: Final = (F.H7, F.H8, F.H9, F.H13)
"""They take effect when something is written."""
_OF_LINES: Final = (F.H3, F.H4, F.H5)
"""They take effect at a line of the controller's code; the first hundred run within a moment."""


def alone(how: Recipe, cell: Cell) -> Recipe:
    """For one cell: a service that starts anew knows of no session, so there are more of them."""
    fault, host, pen = cell
    stops = fault in OF_COMMITS and host is not H.DEAD
    if host is H.DEAD and fault in (*OF_COMMITS, F.H12):
        how = _restless(how, pen)
    return msgspec.structs.replace(
        how,
        sessions=MOST_SESSIONS if host is H.CLOSED else 1,
        restarts_post=fault.place == "B",
        stops_there=stops,
        disk_ms=INSTANT_MS if stops else how.disk_ms,
    )


def _restless(how: Recipe, pen: PenPhase) -> Recipe:
    """Without a process the disk is needed by the one that starts, and it starts soon."""
    changes: dict[str, object] = {"lasts_s": 0.02}
    if pen not in (P.ARMED, P.RUNNING, P.BRAKING):
        changes |= {"host": None}
    rows = tuple(
        msgspec.structs.replace(row, **changes) if row.fault is F.H1 else row for row in how.rows
    )
    return msgspec.structs.replace(how, rows=rows)


def row_alone(row: FaultRow, cell: Cell, rng: Random) -> FaultRow:
    """The aimed row, as one cell alone wants it."""
    fault, host, pen = cell
    if fault in OF_COMMITS:
        return _in_the_moment(row, cell, rng, lasts_s=rng.uniform(0.03, 0.1))
    if fault in _OF_LINES:
        value = rng.choice((0.001, 0.01, 0.05, 0.3)) if fault is F.H3 else row.value
        row = _in_the_moment(row, cell, rng, lasts_s=rng.uniform(0.05, 0.2))
        return msgspec.structs.replace(row, rate=rng.choice((0.003, 0.01, 0.03)), value=value)
    if fault is F.H2:
        return msgspec.structs.replace(row, value=rng.choice((0.001, 0.01, 0.05, 0.3)))
    if fault is F.P6 and pen in (P.IDLE, P.LATCHED, P.OFF):
        return msgspec.structs.replace(row, value=1.0)
    if fault is F.H11:
        return _booted(row, host)
    return row


def _booted(row: FaultRow, host: HostState) -> FaultRow:
    """No session opens while it is 1970, so it is booted within one, and set soon."""
    met = {H.CLOSED: H.READY, H.INTERRUPTED: H.RUNNING, H.READY: H.READY, H.NONE: H.NONE}
    return msgspec.structs.replace(
        row, at_s=1.0, host=met.get(host), pen=None, every_s=2.0, lasts_s=1.0
    )


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
