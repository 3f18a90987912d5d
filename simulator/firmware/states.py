"""The pen's state machine in one table (C4, C6). Pure."""

from enum import Enum, auto

from protocol.words import PenState


class Happening(Enum):
    """What can move the pen from one state to the next."""

    READY = auto()
    ARM = auto()
    START = auto()
    REST = auto()
    END = auto()
    LATCH = auto()
    UNLATCH = auto()


_S, _H = PenState, Happening

TRANSITIONS: dict[tuple[PenState, Happening], PenState] = {
    (_S.BOOT, _H.READY): _S.IDLE,
    (_S.BOOT, _H.LATCH): _S.BOOT,
    (_S.IDLE, _H.LATCH): _S.LATCHED,
    (_S.IDLE, _H.UNLATCH): _S.IDLE,
    (_S.LATCHED, _H.LATCH): _S.LATCHED,
    (_S.LATCHED, _H.UNLATCH): _S.IDLE,
    (_S.IDLE, _H.ARM): _S.ARMED,
    (_S.ARMED, _H.START): _S.RUNNING,
    (_S.RUNNING, _H.REST): _S.ARMED,
    (_S.ARMED, _H.END): _S.BRAKING,
    (_S.RUNNING, _H.END): _S.BRAKING,
    (_S.BRAKING, _H.LATCH): _S.BRAKING,
    (_S.BRAKING, _H.REST): _S.IDLE,
}
"""An arm always ends (END, REST) before a latch shows, so ARMED and RUNNING know no LATCH."""


def next_state(state: PenState, happening: Happening) -> PenState | None:
    """The state after `happening`; None for a pair that must never occur (fault FIRMWARE)."""
    return TRANSITIONS.get((state, happening))
