"""The aimed row of a trial at one cell alone: where it strikes, for how long and in which way.

What the rest of such a trial is like is said by `tests.soak.close`.
"""

from random import Random
from typing import Any, Final

import msgspec

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.reach import Cell
from tests.soak.recipes import OFTEN
from tests.soak.script import FaultRow

F, H, P = FaultId, HostState, PenPhase

STALLS_S: Final = (0.001, 0.01, 0.05, 0.3)
AT_ONCE_S: Final = 0.001
MOVING: Final = (P.ARMED, P.RUNNING, P.BRAKING)
AFTER_A_STROKE: Final = (H.DEAD, H.UNLINKED, H.ENDING)
OF_COMMITS: Final = (F.H7, F.H8, F.H9, F.H13)
"""They take effect when something is written."""
_OF_LINES: Final = (F.H3, F.H4, F.H5)
"""They take effect at a line of the controller's code; the first hundred run within a moment."""
_OF_WORDS: Final = (F.L7, F.L10, F.L13, F.L16)
"""They take effect at what the host says."""
_OF_FRAMES: Final = (F.L1, F.L2, F.L3, F.L4, F.L5, F.L6, F.L7, F.L9, F.L10, F.L11, F.L16)


def met(pen: PenPhase) -> PenPhase:
    """Where a pen is before it brakes, or goes on as it was when nobody grants any more."""
    return P.ARMED if pen is P.ARMED else P.RUNNING


def is_unsaid(cell: Cell) -> bool:
    """Whether the host, at rest, would say nothing that could be struck; a STOP it says."""
    fault, host, pen = cell
    if pen is P.OFF and fault in _OF_FRAMES:
        return host in (H.NONE, H.READY, H.CLOSED, H.BLOCKED)
    return fault in _OF_WORDS and host in (H.NONE, H.CLOSED, H.BLOCKED)


def is_at_the_reservation(cell: Cell) -> bool:
    """Whether it takes effect at the write that a needle needs about a second after its start."""
    fault, host, pen = cell
    return fault is F.P5 and pen is P.RUNNING and host in AFTER_A_STROKE


def is_heated(cell: Cell) -> bool:
    """Whether it takes effect at the write of a pen at rest that gets too hot, 50 ms later."""
    fault, host, pen = cell
    lasts = host in (H.DEAD, H.CLOSED) or (host, pen) == (H.ARMING, P.IDLE)
    return fault is F.P5 and lasts and pen in (P.IDLE, P.LATCHED)


def row_alone(row: FaultRow, cell: Cell, rng: Random) -> FaultRow:
    """The aimed row, as one cell alone wants it."""
    fault = cell[0]
    if fault in OF_COMMITS:
        return _refusing(row, cell, rng)
    if fault in _OF_LINES:
        return _at_a_line(row, cell, rng)
    if is_unsaid(cell):
        return msgspec.structs.replace(row, **_met_at(cell, every_s=0.4, lasts_s=0.35))
    return msgspec.structs.replace(row, **_where(cell), **_way(row, cell, rng))


def _way(row: FaultRow, cell: Cell, rng: Random) -> dict[str, Any]:
    """How much of it, and which way."""
    fault = cell[0]
    found: dict[str, Any] = {}
    if fault in (F.L2, F.L3) and row.lasts_s > 1.0:  # a share of all bytes, and frames must pass
        found["rate"] = row.rate / 20
    elif fault is F.L7:  # one is held back, and the next one is not
        found["rate"] = 0.5
    elif fault is F.B6:
        found["rate"] = 1.0
    elif fault is F.H2:
        found["value"] = rng.choice(STALLS_S)
    elif fault is F.P6:  # erased; a write that could fail comes too seldom
        found["value"] = 1.0
    return found


def _where(cell: Cell) -> dict[str, Any]:
    """Where and for how long a fault must strike that takes effect elsewhere, or later."""
    fault, host, pen = cell
    if fault in _PLACES:
        return _PLACES[fault](host, pen)
    if host is H.UNLINKED and pen in MOVING and fault in _OF_FRAMES:
        # It must be there before a process that starts anew greets a pen that still moves.
        return _met_at((fault, H.DEAD, pen), every_s=0.2, lasts_s=0.2)
    if host is H.UNLINKED and fault is F.L14:  # between two greetings may be seconds
        return _met_at(cell, every_s=0.5, lasts_s=0.4)
    if cell == (F.L7, H.RUNNING, P.IDLE):  # grants come two by two as long as nobody knows
        return _met_at((fault, host, P.BRAKING), every_s=0.1, lasts_s=0.2)
    if fault in (F.L7, F.L16):  # a host that is not answered says it again after 60 ms
        return _met_at(cell, every_s=0.2, lasts_s=0.12)
    return {}


def _met_at(cell: Cell, every_s: float, lasts_s: float) -> dict[str, Any]:
    return {"host": cell[1], "pen": cell[2], "every_s": every_s, "lasts_s": lasts_s}


def _torn(host: HostState, pen: PenPhase) -> dict[str, Any]:
    cell = (F.P5, host, pen)
    if is_at_the_reservation(cell) or is_heated(cell):
        return {"after_s": AT_ONCE_S}
    return {"pen": P.RUNNING} if pen is P.ARMED and host in AFTER_A_STROKE else {}


def _stale(host: HostState, pen: PenPhase) -> dict[str, Any]:
    """The cable is out before the pen rests: so short that the first try to open finds it in."""
    if host is not H.UNLINKED or pen not in MOVING:
        return {}
    return {"host": H.RUNNING, "pen": met(pen), "lasts_s": 0.15 if pen is P.BRAKING else 0.02}


def _second(host: HostState, pen: PenPhase) -> dict[str, Any]:
    del pen
    return {"lasts_s": 0.6} if host is H.DEAD else {}


def _strange(host: HostState, pen: PenPhase) -> dict[str, Any]:
    del pen
    met_in = H.RUNNING if host is H.INTERRUPTED else host
    short = 0.5 if host is H.LATCHED else 1.0
    return {"host": met_in, "pen": None, "every_s": 0.8 * short, "lasts_s": 0.6 * short}


def _boots(host: HostState, pen: PenPhase) -> dict[str, Any]:
    del pen
    if host is H.CLOSED:  # no session opens while it is 1970, so it is booted within one
        return {"host": H.READY, "pen": None, "every_s": 0.8, "lasts_s": 0.6}
    met_in = {H.INTERRUPTED: H.RUNNING, H.READY: H.READY, H.NONE: H.NONE}.get(host)
    return {"at_s": 1.0, "host": met_in, "pen": None, "every_s": 2.0, "lasts_s": 1.0}


_PLACES: Final = {F.P5: _torn, F.L20: _stale, F.H15: _second, F.L19: _strange, F.H11: _boots}


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
