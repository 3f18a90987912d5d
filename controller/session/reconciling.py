"""A pen is there again: recover until it succeeds, then say where the session stands."""

import asyncio
from typing import TYPE_CHECKING

from controller.errors import (
    EventsRunBackwards,
    JournalError,
    LinkError,
    MicropenError,
    RealmMismatch,
)
from controller.pen.driver import Pen
from controller.pen.identity import require_realm
from controller.record.events import Body, hex_id
from controller.session.alarms import contradiction_alarms, raised
from controller.session.amounts import NegativeDifference
from controller.session.closing import RecordUnusable
from controller.session.ending import check_shortfall
from controller.session.recovery import PenUnsettled, Recovery
from controller.session.states import Act, State

if TYPE_CHECKING:
    from controller.session.engine import Engine

RETRY_S = 0.2


async def reconcile(engine: "Engine", pen: Pen, recovery: Recovery) -> None:
    """Bring pen and books together; the loss of the pen cancels this."""
    try:
        require_realm(pen.uid, engine.realm)
        await _recover(engine, recovery)
    except (RecordUnusable, NegativeDifference, EventsRunBackwards) as error:
        _blocked(engine, pen, error)
    except (RealmMismatch, JournalError) as error:
        engine.no_link(error)
    else:
        _settled(engine, pen)
        for interval in recovery.closed:
            await check_shortfall(engine, interval)


async def _recover(engine: "Engine", recovery: Recovery) -> None:
    while True:
        try:
            await recovery.run()
        except (LinkError, PenUnsettled) as error:
            engine.log.warning("reconciling again", error=error.what)
        except JournalError:
            if not engine.recorder.accepts:
                raise
        else:
            return
        await asyncio.sleep(RETRY_S)


def _blocked(engine: "Engine", pen: Pen, error: MicropenError) -> None:
    alarm = raised("books_contradict_pen", error.what, of=hex_id(pen.uid))
    bodies: list[Body] = list(engine.alarms.up(alarm))
    if engine.state in (State.READY, State.INTERRUPTED, State.LATCHED):
        bodies.append(engine.transition(Act.BLOCK, reason=error.what))
    engine.note(*bodies)
    engine.no_link(error)


def _settled(engine: "Engine", pen: Pen) -> None:
    engine.reconciled = True
    bodies: list[Body] = list(engine.latch_alarms())
    if not engine.violations:
        bodies += engine.alarms.down(*contradiction_alarms(pen.uid))
    if not engine.books.ledger.open_intervals():
        bodies += engine.alarms.down("uncertain-delivery")
        if engine.state in (State.INTERRUPTED, State.BLOCKED):
            bodies.append(engine.transition(Act.RECONCILE, reason="read from the pen"))
    if engine.state is State.READY and engine.is_latched:
        bodies.append(engine.transition(Act.LATCH, reason="latched in the pen"))
    engine.note(*bodies)
    engine.check_books()
    engine.changes.notify()
