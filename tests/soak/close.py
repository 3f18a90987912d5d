"""What a trial at one cell alone is like: everything in it serves that cell.

The slices bring many cells a few hits each; these trials bring one cell many. So what is drawn
there is chosen here: the way of a fault that can take effect in the states, how short it is, and
who does something at the very moment from which the fault takes effect.
"""

from random import Random
from typing import Any, Final

import msgspec

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.close_rows import (
    AFTER_A_STROKE,
    AT_ONCE_S,
    MOVING,
    OF_COMMITS,
    is_at_the_reservation,
    is_heated,
    is_unsaid,
    met,
)
from tests.soak.reach import Cell
from tests.soak.recipes import LONG, OFTEN, QUICK_DISK_MS, SHORT, Recipe, recipe
from tests.soak.script import FaultRow

F, H, P = FaultId, HostState, PenPhase

BRIEF: Final = 10
"""Punctures of the session before an aftermath."""
MOST_SESSIONS: Final = 300
INSTANT_MS: Final = (0.2, 1.0)
ENDING_MS: Final = (15.0, 40.0)
GLIDE_MS: Final = 20_000
IN_FLIGHT_MS: Final = (100.0, 5.0)
"""The pen hears late that it is to end, and spins on under the ceilings that it has."""
FAST_BAUD: Final = 1_000_000
FASTEST_HZ: Final = 150
SLOWEST_HZ: Final = 50
"""The needle of a fast one brakes for long, that of a slow one rests soon."""
RESERVES_AFTER_S: Final = 1.05
"""After its start a needle at 150 Hz comes near the end of what it reserved, a second's strokes."""
_PAUSED: Final[dict[str, Any]] = {"pause_every_s": 0.0, "pauses_there": True, "after_s": 0.05}
_FRESH_PENS: Final = FaultRow(
    F.L19, host=H.BLOCKED, pen=P.LATCHED, times=OFTEN, every_s=1.6, lasts_s=1.5, value=1.0
)
"""A pen that is lent is spoiled by the first fault, so each is new."""
_TUNED: Final[dict[tuple[HostState, PenPhase], dict[str, Any]]] = {
    (H.INTERRUPTED, P.BRAKING): {"baud": FAST_BAUD, "cadence_hz": FASTEST_HZ},
    (H.UNLINKED, P.RUNNING): {"baud": FAST_BAUD, "cadence_hz": FASTEST_HZ},
    (H.RUNNING, P.IDLE): {"late_ms": (5.0, 110.0), "cadence_hz": SLOWEST_HZ},
    (H.ENDING, P.RUNNING): {**_PAUSED, "moment": (H.RUNNING, P.RUNNING), "cadence_hz": FASTEST_HZ},
    (H.ENDING, P.ARMED): {**_PAUSED, "moment": (H.RUNNING, P.ARMED)},
}
"""What makes a pair last longer, or come again sooner."""


def alone(how: Recipe, cell: Cell) -> Recipe:
    """The recipe of its pair, for one cell."""
    fault, host, pen = cell
    how = msgspec.structs.replace(
        how,
        sessions=MOST_SESSIONS if host is H.CLOSED else 1,
        restarts_post=fault.place == "B",
        stops_there=(fault in OF_COMMITS and host is not H.DEAD) or is_unsaid(cell),
        disk_ms=INSTANT_MS if fault in OF_COMMITS else how.disk_ms,
        moment=(host, pen),
    )
    if fault not in OF_COMMITS or host is not H.ENDING:  # a STOP makes it write, not a pause
        how = msgspec.structs.replace(how, **_TUNED.get((host, pen), {}))
    if (host, pen) == (H.BLOCKED, P.IDLE):
        how = _with_rows(how, (how.rows[0], _FRESH_PENS))
    if cell == (F.L7, H.RUNNING, P.IDLE):  # frames pass again as soon as the lease is over
        rows = tuple(msgspec.structs.replace(row, lasts_s=0.2) for row in how.rows)
        how = _with_rows(how, rows)
    return _of_kind(how, cell)


def _of_kind(how: Recipe, cell: Cell) -> Recipe:
    fault, host, pen = cell
    if fault is F.P5:
        return _heated(how, host, pen) if is_heated(cell) else _writing(how, cell)
    if host is H.DEAD:
        return _dead(how, fault, pen)
    if host is H.UNLINKED and pen in MOVING and fault.place == "L" and fault is not F.L20:
        return _with_rows(how, (_kill(H.RUNNING, met(pen), every_s=0.2, lasts_s=0.01),))
    if fault is F.L19:
        return _strange(how, host, pen)
    if host is H.CLOSED and fault is F.H11:
        return _with_rows(how, (*how.rows, _kill(host, None, every_s=1.0, lasts_s=0.02)))
    return how


def _writing(how: Recipe, cell: Cell) -> Recipe:
    """A needle that spins for seconds is reserved anew; a single stroke is booked at its end.

    A pen that lost its memory writes none; one that is lent instead does, for a STOP.
    """
    _, host, pen = cell
    if host is H.BLOCKED and pen is not P.IDLE:
        how = msgspec.structs.replace(how, stops_there=True)
        return _with_rows(how, (how.rows[0], _FRESH_PENS))
    if pen is P.ARMED and host in AFTER_A_STROKE:
        of_strokes = recipe(host, P.RUNNING, Random(0))
        return msgspec.structs.replace(of_strokes, doses=True, zone=20, moment=how.moment)
    if is_at_the_reservation(cell):
        return _reserving(how, host)
    return msgspec.structs.replace(how, glide_ms=GLIDE_MS) if pen is P.RUNNING else how


def _heated(how: Recipe, host: HostState, pen: PenPhase) -> Recipe:
    """At rest it writes when it gets too hot, which is just after the row that waits for that."""
    hot = FaultRow(F.P14, host=host, pen=pen, times=OFTEN, every_s=0.4, lasts_s=0.2)
    hot = msgspec.structs.replace(hot, after_s=2 * AT_ONCE_S)
    rows = how.rows
    if host is H.DEAD:
        rows = (_kill(None, pen, every_s=0.3, lasts_s=1.0),)
    return _with_rows(how, (*rows, hot))


def _reserving(how: Recipe, host: HostState) -> Recipe:
    """Whatever ends the host's part comes just before the needle needs a further reservation."""
    how = msgspec.structs.replace(
        how,
        glide_ms=GLIDE_MS,
        late_ms=IN_FLIGHT_MS,
        cadence_hz=FASTEST_HZ,
        after_s=RESERVES_AFTER_S,
    )
    if host is H.ENDING:
        return how
    fault = F.H1 if host is H.DEAD else F.L17
    away = FaultRow(fault, host=H.RUNNING, pen=P.RUNNING, after_s=RESERVES_AFTER_S)
    return _with_rows(how, (msgspec.structs.replace(away, times=OFTEN, every_s=0.2, lasts_s=0.3),))


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
    if pen in MOVING or fault is F.H15:
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
        moment=(H.READY, pen) if is_at_rest else (H.RUNNING, met(pen)),
        late_ms=(60.0, 5.0) if pen in (P.ARMED, P.RUNNING) else how.late_ms,
        disk_ms=how.disk_ms if is_at_rest else ENDING_MS,
        zone=SHORT if is_at_rest else how.zone,
    )


def _kill(host: HostState | None, pen: PenPhase | None, every_s: float, lasts_s: float) -> FaultRow:
    return FaultRow(F.H1, host=host, pen=pen, times=OFTEN, every_s=every_s, lasts_s=lasts_s)


def _with_rows(how: Recipe, rows: tuple[FaultRow, ...]) -> Recipe:
    return msgspec.structs.replace(how, rows=rows)
