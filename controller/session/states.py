"""The session's states and every way between them: one table, nothing else.

A state says what may be asked of the session; whether a pen is connected is the pen line's own
fact. Whatever is not in the table is refused with the list of what would be possible.
"""

from enum import StrEnum

from controller.errors import SessionError


class State(StrEnum):
    """Where a session is."""

    NONE = "none"
    READY = "ready"
    ARMING = "arming"
    RUNNING = "running"
    ENDING = "ending"
    LATCHED = "latched"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"
    CLOSED = "closed"


class Act(StrEnum):
    """What moves a session from state to state."""

    OPEN = "open"
    ARM = "arm"
    ARMED = "armed"
    REFUSED = "refused"
    DONE = "done"
    PAUSE = "pause"
    PEN_ENDED = "pen_ended"
    RECORDED = "recorded"
    RECORDED_LATCHED = "recorded_latched"
    LATCH = "latch"
    CLEAR = "clear"
    LOSE = "lose"
    RECONCILE = "reconcile"
    BLOCK = "block"
    SEAL = "seal"
    CLOSE = "close"


TRANSITIONS: dict[tuple[State, Act], State] = {
    (State.NONE, Act.OPEN): State.READY,
    (State.CLOSED, Act.OPEN): State.READY,
    # one arm, from authorisation to the pen's final record
    (State.READY, Act.ARM): State.ARMING,
    (State.ARMING, Act.ARMED): State.RUNNING,
    (State.ARMING, Act.REFUSED): State.ENDING,
    (State.RUNNING, Act.DONE): State.ENDING,
    (State.RUNNING, Act.PAUSE): State.ENDING,
    (State.RUNNING, Act.PEN_ENDED): State.ENDING,
    (State.ENDING, Act.RECORDED): State.READY,
    (State.ENDING, Act.RECORDED_LATCHED): State.LATCHED,
    # a latched stop or fault
    (State.READY, Act.LATCH): State.LATCHED,
    (State.LATCHED, Act.CLEAR): State.READY,
    # the pen cannot be heard while an interval is open
    (State.ARMING, Act.LOSE): State.INTERRUPTED,
    (State.RUNNING, Act.LOSE): State.INTERRUPTED,
    (State.ENDING, Act.LOSE): State.INTERRUPTED,
    (State.ENDING, Act.BLOCK): State.BLOCKED,
    (State.INTERRUPTED, Act.RECONCILE): State.READY,
    (State.INTERRUPTED, Act.BLOCK): State.BLOCKED,
    (State.READY, Act.BLOCK): State.BLOCKED,
    (State.LATCHED, Act.BLOCK): State.BLOCKED,
    (State.INTERRUPTED, Act.SEAL): State.READY,
    (State.BLOCKED, Act.SEAL): State.READY,
    (State.BLOCKED, Act.RECONCILE): State.READY,
    # the end
    (State.READY, Act.CLOSE): State.CLOSED,
    (State.LATCHED, Act.CLOSE): State.CLOSED,
    # only with no interval open: a session must not stay open for ever with a pen that is gone
    (State.INTERRUPTED, Act.CLOSE): State.CLOSED,
    (State.BLOCKED, Act.CLOSE): State.CLOSED,
}


class WrongState(SessionError):
    """The act is not possible in the present state."""

    number = 4001


def after(state: State, act: Act) -> State:
    """The state that `act` leads to. Raises WrongState, naming what would be possible."""
    found = TRANSITIONS.get((state, act))
    if found is None:
        possible = sorted(each for held, each in TRANSITIONS if held is state)
        raise WrongState(
            f"'{act}' is not possible while the session is '{state}'.",
            action="Possible now: " + (", ".join(possible) or "nothing") + ".",
        )
    return found
