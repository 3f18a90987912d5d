"""The second phase of a trial: all faults are over, so the system must be back within 5 seconds.

Back is at rest and ready, or in one of the service conditions listed here, which only a person may
end. Whatever stands otherwise is a failure, and so is whatever still moves.
"""

from collections.abc import Callable
from typing import Final

from controller.errors import EventsRunBackwards, RealmMismatch
from controller.session.amounts import NegativeDifference
from controller.session.closing import RecordUnusable
from controller.session.engine import Engine
from controller.session.states import State
from tests.support.theatre import Theatre
from tests.support.virtual import advance

BACK_WITHIN_S: Final = 5.0
LOOK_S: Final = 0.02
IDLE: Final = "idle"

REFUSALS: Final = (RecordUnusable, NegativeDifference, EventsRunBackwards, RealmMismatch)

Condition = Callable[[Engine], bool]

CONDITIONS: Final[tuple[tuple[str, Condition], ...]] = (
    ("record failed: the service must be restarted", lambda engine: engine.recorder.failed),
    (
        "pen refused: books and pen contradict each other, or it is no pen for here",
        lambda engine: (
            engine.pen is not None
            and not engine.reconciled
            and isinstance(engine.link_error, REFUSALS)
        ),
    ),
    (
        "contradiction: what the pen did is against the rules, a technician must look",
        lambda engine: engine.reconciled and bool(engine.violations),
    ),
    (
        "latched: a stop or a fault waits for a person to clear it",
        lambda engine: (
            engine.reconciled
            and (
                # also when the pen forgot its latch at a boot: a person clears it all the same
                engine.state is State.LATCHED
                or (engine.is_latched and engine.state in (State.NONE, State.CLOSED))
            )
        ),
    ),
    (
        "arm of another pen: its record is awaited, or a technician seals it",
        lambda engine: engine.reconciled and _open_elsewhere(engine),
    ),
)
"""Name and test of every state in which the system may wait for a person."""


def standing(theatre: Theatre) -> str | None:
    """`IDLE`, the name of a service condition, or None while neither holds."""
    if not theatre.is_running or theatre.stage.moves:
        return None
    engine = theatre.engine
    for name, holds in CONDITIONS:
        if holds(engine):
            return name
    return IDLE if _is_idle(engine) else None


async def come_back(theatre: Theatre) -> tuple[float, str]:
    """Seconds until the system was back, and where it stands then.

    Raises AssertionError after `BACK_WITHIN_S`.
    """
    began_mono_s = theatre.clock.mono_s()
    while (where := standing(theatre)) is None:
        waited_s = theatre.clock.mono_s() - began_mono_s
        assert waited_s < BACK_WITHIN_S, f"not back after {waited_s:.1f} s: {_facts(theatre)}"
        await advance(LOOK_S)
    return theatre.clock.mono_s() - began_mono_s, where


def _is_idle(engine: Engine) -> bool:
    at_peace = engine.state in (State.NONE, State.READY, State.CLOSED)
    return at_peace and engine.reconciled and not engine.books.ledger.open_intervals()


def _open_elsewhere(engine: Engine) -> bool:
    here = engine.pen.uid if engine.pen else 0
    arms = engine.books.ledger.open_intervals()
    return bool(arms) and all(int(arm.opened.pen_uid, 16) != here for arm in arms)


def _facts(theatre: Theatre) -> str:
    if not theatre.is_running:
        return "the controller is down"
    engine = theatre.engine
    return (
        f"state {engine.state}, pen {'linked' if engine.pen else 'not linked'}, "
        f"reconciled {engine.reconciled}, link error {engine.link_error}, "
        f"moving {theatre.stage.moves}, pen {theatre.stage.phase}"
    )
