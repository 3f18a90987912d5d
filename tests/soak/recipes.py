"""What brings a pair of host state and pen phase about, and makes it last: the rows of a stage.

A pair that lasts some milliseconds is caught by chance only. So the line is late, the disk slow,
the arms are short or the needle spins for long, as the pair needs it; and faults that are not
aimed at the pair's cells bring host and pen there again and again.
"""

from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.script import FaultRow

F, H, P = FaultId, HostState, PenPhase
Late = tuple[float, float]

LONG: Final = 3_000
SHORT: Final = 150
OFTEN: Final = 200
SLOW_DISK_MS: Final = (100.0, 300.0)
QUICK_DISK_MS: Final = (1.0, 20.0)


class Recipe(msgspec.Struct, frozen=True):
    """Rows that bring a pair about; `late_ms` to the pen and to the host; punctures of a zone.

    From `sessions` on they are the same as those of a `Script`, whose `host` and `pen` is
    `moment`; a `cadence_hz` of 0 is drawn.
    """

    rows: tuple[FaultRow, ...] = ()
    stop_every_s: float = 0.0
    pause_every_s: float = 0.0
    late_ms: Late = (0.0, 0.0)
    disk_ms: Late = QUICK_DISK_MS
    zone: int = 1_000
    doses: bool = False
    glide_ms: int = 0
    is_tidy: bool = True
    sessions: int = 1
    restarts_post: bool = False
    stops_there: bool = False
    pauses_there: bool = False
    restarts_there: bool = False
    moment: tuple[HostState | None, PenPhase | None] = (None, None)
    after_s: float = 0.0
    baud: int = 115_200
    cadence_hz: int = 0


def recipe(host: HostState, pen: PenPhase, rng: Random) -> Recipe:
    """What brings `host` and `pen` about."""
    if (of_host := _OF_HOST.get(host)) is not None:
        return of_host(pen, rng)
    if pen is P.OFF:
        return _off(host)
    return _latched(host) if pen is P.LATCHED else _PAIRS.get((host, pen), Recipe())


def _row(fault: FaultId, every_s: float, lasts_s: float, **more: object) -> FaultRow:
    row = FaultRow(fault, times=OFTEN, every_s=every_s, lasts_s=lasts_s)
    return msgspec.structs.replace(row, **more)


def _hot(host: HostState | None, pen: PenPhase | None, every_s: float, lasts_s: float) -> FaultRow:
    """The pen latches a fault that nobody can clear before it is over."""
    return _row(F.P14, every_s, lasts_s, host=host, pen=pen)


def _mute(host: HostState, pen: PenPhase | None) -> FaultRow:
    """Nothing reaches the pen until its lease is over."""
    return _row(F.L1, 0.8, 0.35, host=host, pen=pen, rate=1.0, value=1.0)


_LATE_ANSWER: Final = (5.0, 80.0)
"""A lease is counted from what the host heard last: with much more no pen would move."""
_PAIRS: Final[dict[tuple[HostState, PenPhase], Recipe]] = {
    (H.READY, P.IDLE): Recipe(zone=SHORT),
    (H.ARMING, P.IDLE): Recipe(zone=SHORT, disk_ms=SLOW_DISK_MS),
    (H.ARMING, P.ARMED): Recipe(zone=SHORT, late_ms=(5.0, 120.0)),
    (H.RUNNING, P.ARMED): Recipe(zone=20, doses=True),
    (H.RUNNING, P.RUNNING): Recipe(zone=LONG),
    (H.RUNNING, P.IDLE): Recipe((_mute(H.RUNNING, P.RUNNING),), late_ms=_LATE_ANSWER, zone=LONG),
    (H.RUNNING, P.BRAKING): Recipe((_mute(H.RUNNING, P.RUNNING),), late_ms=_LATE_ANSWER, zone=LONG),
    (H.ENDING, P.IDLE): Recipe(zone=SHORT, disk_ms=SLOW_DISK_MS),
    (H.ENDING, P.ARMED): Recipe(zone=SHORT, late_ms=(120.0, 5.0)),
    (H.ENDING, P.RUNNING): Recipe(zone=LONG, late_ms=(120.0, 5.0), pause_every_s=1.0),
    (H.ENDING, P.BRAKING): Recipe(
        (_row(F.P14, 1.0, 0.1, host=H.RUNNING, pen=P.RUNNING),), stop_every_s=1.0, zone=LONG
    ),
    (H.LATCHED, P.IDLE): Recipe(stop_every_s=0.8, late_ms=(5.0, 120.0)),
}


def _off(host: HostState) -> Recipe:
    """Reboots in that state; the host needs up to a second to notice that nobody answers."""
    fault = F.P2 if host is H.RUNNING else F.P1
    stop_s = 1.0 if host is H.LATCHED else 0.0
    zone = LONG if host is H.RUNNING else SHORT
    slow = SLOW_DISK_MS if host in (H.ARMING, H.ENDING) else QUICK_DISK_MS
    pen = P.RUNNING if host is H.RUNNING else None
    rows = (_row(fault, 0.3, 0.05, host=host, pen=pen),)
    return Recipe(rows, stop_every_s=stop_s, zone=zone, disk_ms=slow)


def _latched(host: HostState) -> Recipe:
    if host in (H.NONE, H.CLOSED):
        return Recipe(stop_every_s=1.0, zone=SHORT, is_tidy=False)
    if host is H.LATCHED:
        return Recipe((_hot(H.READY, None, 4.0, 3.0),), stop_every_s=2.0)
    if host is H.READY:
        return Recipe((_hot(host, P.IDLE, 0.5, 0.1),), late_ms=(5.0, 150.0), zone=SHORT)
    pen = {H.RUNNING: P.ARMED, H.ENDING: P.RUNNING}.get(host)
    hot = _hot(H.RUNNING if host is H.ENDING else host, pen, 0.7, 0.3)
    slow = SLOW_DISK_MS if host is H.ENDING else QUICK_DISK_MS
    late = (60.0, 120.0) if host is H.ARMING else _LATE_ANSWER
    doses = host is H.RUNNING
    zone = {H.ARMING: SHORT, H.RUNNING: 20}.get(host, LONG)
    return Recipe((hot,), late_ms=late, disk_ms=slow, zone=zone, doses=doses)


def _dead(pen: PenPhase, rng: Random) -> Recipe:
    """A process that stays away for seconds, or one that comes back soon, as the phase lasts."""
    if pen in (P.ARMED, P.RUNNING, P.BRAKING):
        met = P.ARMED if pen is P.ARMED else P.RUNNING
        kill = _row(F.H1, 0.2, 0.4, host=H.RUNNING, pen=met)
        return Recipe((kill,), zone=20 if met is P.ARMED else LONG, doses=met is P.ARMED)
    kill = _row(F.H1, 0.5, 8.0, host=rng.choice((H.RUNNING, H.READY)))
    rows = {P.OFF: (_row(F.P1, 0.3, 0.05, host=H.DEAD),), P.LATCHED: (_hot(H.DEAD, None, 8, 7.5),)}
    return Recipe((kill, *rows.get(pen, ())))


def _unlinked(pen: PenPhase, rng: Random) -> Recipe:
    """The cable is out, or the port is open and nothing of the pen comes through."""
    if pen in (P.ARMED, P.RUNNING, P.BRAKING):
        met = P.ARMED if pen is P.ARMED else P.RUNNING
        away = _row(F.L17, 0.3, 0.02, host=H.RUNNING, pen=met)
        return Recipe(
            (away,), late_ms=(60.0, 5.0), zone=20 if met is P.ARMED else LONG, doses=met is P.ARMED
        )
    deaf = _row(F.L15, 0.5, 6.0, host=H.READY, value=2.0)
    away = rng.choice((deaf, _row(F.L17, 0.5, 6.0, host=H.READY)))
    rows = {
        P.OFF: (_row(F.P1, 0.3, 0.05, host=H.UNLINKED),),
        P.LATCHED: (_hot(H.UNLINKED, None, 6.0, 5.5),),
    }
    return Recipe((away, *rows.get(pen, ())), zone=SHORT)


def _interrupted(pen: PenPhase, rng: Random) -> Recipe:
    """A tug at the cable while an arm is under way; the recovery takes as long as the disk."""
    if pen is P.BRAKING:
        return Recipe((_row(F.L17, 0.3, 0.01, host=H.RUNNING, pen=P.RUNNING),), zone=LONG)
    away = _row(F.L17, 0.3, 0.1, host=H.RUNNING)
    rows = {
        P.OFF: (_row(F.P1, 0.2, 0.05, host=H.INTERRUPTED),),
        P.LATCHED: (_hot(H.RUNNING, None, 0.7, 0.6),),
    }
    return Recipe((away, *rows.get(pen, ())), disk_ms=SLOW_DISK_MS, zone=LONG)


def _blocked(pen: PenPhase, rng: Random) -> Recipe:
    """A pen that lost its memory with an arm open; at rest it is another pen that is lent."""
    lost = FaultRow(F.P6, at_s=0.5, host=H.RUNNING, lasts_s=0.1, value=1.0)
    rows: tuple[FaultRow, ...] = (lost,)
    if pen is P.IDLE:
        rows += (_row(F.L19, 1.0, 60.0, host=H.BLOCKED, pen=P.LATCHED),)
    if pen is P.OFF:
        rows += (_row(F.P1, 0.3, 0.05, host=H.BLOCKED),)
    return Recipe(rows, stop_every_s=1.0 if pen is P.LATCHED else 0.0, zone=LONG, is_tidy=False)


_OF_HOST: Final[dict[HostState, Callable[[PenPhase, Random], Recipe]]] = {
    H.DEAD: _dead,
    H.UNLINKED: _unlinked,
    H.INTERRUPTED: _interrupted,
    H.BLOCKED: _blocked,
}
