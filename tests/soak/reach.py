"""Which cells of the coverage matrix can be reached at all, and why the others cannot.

A cell is fault x host state x pen phase at the instant at which the fault takes effect. Every
sentence here is a claim about the system: a hit in a cell that is called unreachable fails a soak.
"""

from collections.abc import Callable
from typing import Final

from tests.soak.catalogue import FaultId, HostState, PenPhase

Cell = tuple[FaultId, HostState, PenPhase]

H, P = HostState, PenPhase

_NO_ARM: Final = "no arm can be open: a session without one has none, and each ends with its link"
_ENDED_FIRST: Final = "the pen ends an arm before it shows a latch, and the host hears of it later"
_STATES: Final[dict[HostState, dict[PenPhase, str]]] = {
    H.NONE: dict.fromkeys((P.ARMED, P.RUNNING, P.BRAKING), _NO_ARM),
    H.READY: dict.fromkeys((P.ARMED, P.RUNNING), _NO_ARM),
    H.LATCHED: dict.fromkeys((P.ARMED, P.RUNNING), _NO_ARM),
    H.INTERRUPTED: dict.fromkeys((P.ARMED, P.RUNNING), _NO_ARM),
    H.BLOCKED: dict.fromkeys((P.ARMED, P.RUNNING, P.BRAKING), _NO_ARM),
    H.CLOSED: dict.fromkeys((P.ARMED, P.RUNNING, P.BRAKING), _NO_ARM),
    H.ARMING: {
        P.RUNNING: "a pen moves only under a grant, and the first one leaves after ARM's answer",
    },
}

Rule = Callable[[HostState, PenPhase], str | None]


def why_not(fault: FaultId, host: HostState, pen: PenPhase) -> str | None:
    """Why the cell cannot be reached; None when it can."""
    if (reason := _STATES.get(host, {}).get(pen)) is not None:
        return reason
    rule = RULES.get(fault)
    return None if rule is None else rule(host, pen)


def _needs_process(host: HostState, pen: PenPhase) -> str | None:
    del pen
    return "there is no process that it could hit" if host is H.DEAD else None


def _boots(host: HostState, pen: PenPhase) -> str | None:
    del pen
    return None if host is H.UNLINKED else "it is noticed by a host that has just booted"


def _no_descriptors(host: HostState, pen: PenPhase) -> str | None:
    del pen
    if host in (H.UNLINKED, H.DEAD):
        return None
    return "descriptors are missed where something is opened: at the start and for the port"


def _needs_stroke(host: HostState, pen: PenPhase) -> str | None:
    del host
    if pen in (P.RUNNING, P.BRAKING):
        return None
    return "it strikes in the middle or at the end of a stroke, and there is none"


def _needs_power(host: HostState, pen: PenPhase) -> str | None:
    del host
    return "the pen is off already" if pen is P.OFF else None


def _needs_port(host: HostState, pen: PenPhase) -> str | None:
    del pen
    return "nobody has the port open, so nobody could notice" if host is H.DEAD else None


def _needs_link(host: HostState, pen: PenPhase) -> str | None:
    if host is H.DEAD:
        return "it takes effect when a host has linked another pen, and there is none"
    return _all_but_linked(pen)


def _all_but_linked(pen: PenPhase) -> str | None:
    if pen in (P.IDLE, P.LATCHED):
        return None
    return "a pen that was plugged in just now has been linked, and rests"


F = FaultId
RULES: dict[FaultId, Rule] = {
    **dict.fromkeys((F.H1, F.H2, F.H3, F.H4, F.H5, F.H13), _needs_process),
    **dict.fromkeys([fault for fault in F if fault.place == "L"], _needs_port),
    **dict.fromkeys((F.P2, F.P3, F.P9), _needs_stroke),
    F.P7: _needs_power,
    F.H11: _boots,
    F.H12: _no_descriptors,
    F.L19: _needs_link,
}

_BY_CHANCE: Final = frozenset({F.P2, F.P3, F.P9} | {f for f in F if f.place == "L"})
"""They are told some milliseconds after their moment, and another fault may come between."""


def by_chance(cell: Cell) -> bool:
    """Whether a hit in an unreachable cell is a coincidence of two faults, not a wrong rule."""
    return cell[0] in _BY_CHANCE and _STATES.get(cell[1], {}).get(cell[2]) is None


CELLS: Final[tuple[Cell, ...]] = tuple(
    (fault, host, pen) for fault in FaultId for host in H for pen in P
)


def reachable() -> list[Cell]:
    """All cells that can be reached, in the catalogue's order."""
    return [cell for cell in CELLS if why_not(*cell) is None]
