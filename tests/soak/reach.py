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
    return "there is no process" if host is H.DEAD else None


RULES: dict[FaultId, Rule] = {
    FaultId.H1: lambda _host, _pen: None,
}

CELLS: Final[tuple[Cell, ...]] = tuple(
    (fault, host, pen) for fault in FaultId for host in H for pen in P
)


def reachable() -> list[Cell]:
    """All cells that can be reached, in the catalogue's order."""
    return [cell for cell in CELLS if why_not(*cell) is None]
