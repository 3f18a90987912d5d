"""Which cells of the coverage matrix can be reached at all, and why the others cannot.

A cell is fault x host state x pen phase at the instant at which the fault takes effect. Every
sentence here is a claim about the system: a hit in a cell that is called unreachable fails a soak.
`controller.session.states` and `simulator.firmware.states` are where the claims come from.
"""

from collections.abc import Callable
from typing import Final

from tests.soak.catalogue import FaultId, HostState, PenPhase

Cell = tuple[FaultId, HostState, PenPhase]

F, H, P = FaultId, HostState, PenPhase

_NO_ARM: Final = (
    "an arm opens only for a host in 'arming', and that one leaves 'arming', 'running' and "
    "'ending' for here only with the pen's final record, which there is at rest only"
)
_NEW_LINK: Final = "the greeting of the new link has ended the arm before the host can be here"
_NOT_GRANTED: Final = (
    "a pen moves only under a grant, and the first one leaves after ARM's answer; an arm that "
    "never moved has nothing to brake"
)
_MOVES: Final = (P.ARMED, P.RUNNING, P.BRAKING)
_STATES: Final[dict[HostState, dict[PenPhase, str]]] = {
    H.NONE: dict.fromkeys(_MOVES, _NO_ARM),
    H.READY: dict.fromkeys(_MOVES, _NO_ARM),
    H.LATCHED: dict.fromkeys(_MOVES, _NO_ARM),
    H.BLOCKED: dict.fromkeys(_MOVES, _NO_ARM),
    H.CLOSED: dict.fromkeys(_MOVES, _NO_ARM),
    H.INTERRUPTED: dict.fromkeys((P.ARMED, P.RUNNING), _NEW_LINK),
    H.ARMING: dict.fromkeys((P.RUNNING, P.BRAKING), _NOT_GRANTED),
}

Rule = Callable[[HostState, PenPhase], str | None]


def why_not(fault: FaultId, host: HostState, pen: PenPhase) -> str | None:
    """Why the cell cannot be reached; None when it can."""
    if (reason := why_no_pair(host, pen)) is not None:
        return reason
    rule = RULES.get(fault)
    return None if rule is None else rule(host, pen)


def why_no_pair(host: HostState, pen: PenPhase) -> str | None:
    """Why host and pen are never so at once; None when they can be."""
    return _STATES.get(host, {}).get(pen)


def _needs_process(host: HostState, pen: PenPhase) -> str | None:
    del pen
    return "there is no process that it could hit" if host is H.DEAD else None


def _boots(host: HostState, pen: PenPhase) -> str | None:
    del pen
    if host in (H.ARMING, H.RUNNING, H.ENDING):
        return (
            "in 1970 no certificate is in force yet, so nothing is armed; what was armed before "
            "the boot is interrupted after it"
        )
    return "a host without a process asks for no time" if host is H.DEAD else None


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
    return "a pen without power has no processor and no clock" if pen is P.OFF else None


def _torn(host: HostState, pen: PenPhase) -> str | None:
    if (host, pen) == (H.ARMING, P.ARMED):
        return "an arm is written before it opens, and then at its strokes, and there is none yet"
    return None


def _needs_port(host: HostState, pen: PenPhase) -> str | None:
    del pen
    return "nobody has the port open, so nobody could notice" if host is H.DEAD else None


def _needs_speaker(host: HostState, pen: PenPhase) -> str | None:
    if pen is P.OFF:
        return "a pen without power says nothing that could be late"
    return _needs_port(host, pen)


def _reopens(host: HostState, pen: PenPhase) -> str | None:
    del pen
    if host is H.UNLINKED:
        return None
    return "stale bytes come when the port is opened again, and nothing is linked yet"


def _needs_stranger(host: HostState, pen: PenPhase) -> str | None:
    if host is H.DEAD:
        return "it takes effect when a host has linked another pen, and there is none"
    if host is H.UNLINKED:
        return "it takes effect when the other pen has been linked"
    if host in (H.ARMING, H.RUNNING, H.ENDING):
        return "it takes effect when the other pen has been linked, and then no arm is under way"
    if pen in (P.IDLE, P.LATCHED):
        return None
    return "a pen that was plugged in just now has been linked, and rests"


def _second(host: HostState, pen: PenPhase) -> str | None:
    """A second service on the folder finds the first one; a second computer greets the pen."""
    if host is not H.DEAD:
        return None
    if pen is P.OFF:
        return "only a second computer could notice, and a pen without power answers none"
    return _NEW_LINK if pen in (P.ARMED, P.RUNNING) else None


RULES: dict[FaultId, Rule] = {
    **dict.fromkeys((F.H1, F.H2, F.H3, F.H4, F.H5), _needs_process),
    **dict.fromkeys([fault for fault in F if fault.place == "L"], _needs_port),
    **dict.fromkeys((F.P2, F.P3, F.P9), _needs_stroke),
    **dict.fromkeys((F.P7, F.P8, F.P12), _needs_power),
    F.H11: _boots,
    F.H12: _no_descriptors,
    F.H15: _second,
    F.L19: _needs_stranger,
    F.P5: _torn,
    F.L20: _reopens,
    F.P11: _needs_speaker,
}

_BY_CHANCE: Final = frozenset(
    {F.P2, F.P3, F.P8, F.P9, F.P11, F.P12, F.H3, F.H4, F.H5, F.H11, F.H12, F.H15}
    | {f for f in F if f.place == "L"}
)
"""They are told some milliseconds after their moment, and another fault may come between; or by
a pen that lies on the table while another one is plugged in. H3 to H5 wait for a line of the
controller's code, and it may be one of a process that another fault ended and that starts anew:
until its port is open it counts as none."""


_IN_THE_CALL: Final = frozenset({F.H3, F.H4, F.H5, F.H13})
"""They strike in the middle of the controller's code, also of the one call that books the loss of a
link: there the session is interrupted already, the link not yet taken away, and the pen still
moves, because nobody has greeted it."""


def by_chance(cell: Cell) -> bool:
    """Whether a hit in an unreachable cell is a coincidence of two faults, not a wrong rule."""
    fault, host, pen = cell
    if fault in _IN_THE_CALL and host is H.INTERRUPTED and pen in (P.ARMED, P.RUNNING):
        return True
    return fault in _BY_CHANCE and why_no_pair(host, pen) is None


CELLS: Final[tuple[Cell, ...]] = tuple(
    (fault, host, pen) for fault in FaultId for host in H for pen in P
)


def reachable() -> list[Cell]:
    """All cells that can be reached, in the catalogue's order."""
    return [cell for cell in CELLS if why_not(*cell) is None]
