"""The end of an arm: the pen's final record, the last events, the closing entry.

Repeats its questions until it has the answer; only a lost link (which cancels this) or a record
that contradicts the books ends it otherwise.
"""

import asyncio
from fractions import Fraction
from typing import TYPE_CHECKING

from controller.errors import JournalError, LinkError
from controller.record.events import AlarmRaised, ArmClosed, Body
from controller.session.account import volume_nl, zone_account
from controller.session.alarms import raised
from controller.session.books import SessionBook
from controller.session.closing import RecordNotFinal, RecordUnusable, alarms_of, closing_body
from controller.session.drive import Drive
from controller.session.ledger import Interval
from controller.session.plan import Zone
from controller.session.progress import Progress
from controller.session.recorder import ClosedAlready
from controller.session.states import Act
from controller.session.terms import terms_of
from protocol.messages import ArmRecord

if TYPE_CHECKING:
    from controller.session.engine import Engine

RETRY_S = 0.1
EVENTS_WITHIN_S = 2.0

# domain.md 4.5: an accumulated dose of 200 uL and more passes within 5 %.
SHORTFALL = Fraction(5, 100)


async def end_arm(engine: "Engine", interval: Interval) -> None:
    """Close the interval of the arm that was under way and move the session on."""
    while True:
        try:
            body = await _closing(engine, interval)
            break
        except RecordUnusable as error:
            engine.drop_drive()
            of = interval.opened.pen_uid
            alarm = engine.alarms.up(raised("books_contradict_pen", error.what, of=of))
            await engine.move(Act.BLOCK, *alarm, reason=error.what)
            return
        except (RecordNotFinal, LinkError):
            await asyncio.sleep(RETRY_S)
    await _close(engine, interval, body)


async def _closing(engine: "Engine", interval: Interval) -> ArmClosed:
    pen = engine.pen
    if pen is None:
        raise RecordNotFinal("The pen is not connected.")
    record = await pen.disarm(interval.opened.arm_id)
    await engine.changes.until(lambda: _documented(interval, record), EVENTS_WITHIN_S)
    return closing_body(interval, record)


def _documented(interval: Interval, record: ArmRecord) -> bool:
    first, done = interval.opened.first, interval.committed
    return (
        first.punctures + done.punctures >= record.proven.punctures
        and done.forward_steps + done.reverse_steps
        >= record.proven.forward_steps
        + record.proven.reverse_steps
        - record.first.forward_steps
        - record.first.reverse_steps
    )


async def _close(engine: "Engine", interval: Interval, body: ArmClosed) -> None:
    drive = engine.drive
    engine.halt()
    alarms = [*alarms_of(body), *_limit_alarms(drive)]
    entries: list[Body] = [body]
    for alarm in alarms:
        entries += engine.alarms.up(alarm)
    # The state moves on only when the closing entry is booked: whoever acts next reads the books.
    await _commit_in_any_file(engine, interval, entries)
    engine.check_books()
    act = Act.RECORDED_LATCHED if engine.is_latched else Act.RECORDED
    changed = engine.transition(act, reason=body.end_reason)
    engine.drop_drive()
    await engine.commit(changed)
    await check_shortfall(engine, interval)


async def _commit_in_any_file(engine: "Engine", interval: Interval, entries: list[Body]) -> None:
    """A closing entry that one file refuses goes into its successor, if there is one.

    Another one that is on its way ends the arm as well; should the disk refuse it, this one is due.
    """
    while entries:
        try:
            await engine.commit_for(interval, *entries)
        except ClosedAlready:
            await engine.changes.until(lambda: not interval.is_open, RETRY_S)
            if not interval.is_open:
                entries = entries[1:]  # the alarms of this end stand all the same
        except JournalError:
            if not engine.recorder.accepts:
                raise
        else:
            return


def _limit_alarms(drive: Drive | None) -> list[AlarmRaised]:
    if drive is None or not drive.is_used_up or drive.allowance.binding == "plan":
        return []
    return [raised("limit_reached", f"Bound by {drive.allowance.binding}.")]


async def check_shortfall(engine: "Engine", interval: Interval) -> None:
    """Raise the alarm when this arm was the last of its zone and the zone got too little."""
    book, name = engine.book, interval.opened.zone
    if not isinstance(book, SessionBook) or name is None or interval.opened.mode != "dose":
        return
    progress = Progress(terms_of(book.opened), book, engine.books)
    zone = progress.terms.plan.zone(name)
    if progress.punctures_left(zone):
        return
    if detail := _shortfall(progress, zone, interval.opened.picolitres_a_step):
        await engine.commit(*engine.alarms.up(raised("dose_shortfall", detail, of=name)))


def _shortfall(progress: Progress, zone: Zone, picolitres_a_step: int) -> str:
    planned_nl = zone.punctures * volume_nl(progress.zone_steps(zone), picolitres_a_step)
    given_nl = zone_account(zone.name, progress.intervals()).dose.certain_nl
    if given_nl >= planned_nl * (1 - SHORTFALL):
        return ""
    return f"Zone '{zone.name}': {float(given_nl):.0f} of {float(planned_nl):.0f} nl."
