"""The end of an arm: the pen's final record, the last events, the closing entry.

Repeats its questions until it has the answer; only a lost link (which cancels this) or a record
that contradicts the books ends it otherwise.
"""

import asyncio
from fractions import Fraction
from typing import TYPE_CHECKING

from controller.errors import LinkError
from controller.record.events import AlarmRaised, ArmClosed
from controller.session.account import volume_nl, zone_account
from controller.session.alarms import raised
from controller.session.closing import RecordNotFinal, RecordUnusable, closing_body
from controller.session.drive import Drive
from controller.session.ledger import Interval
from controller.session.progress import Progress
from controller.session.states import Act
from controller.session.terms import terms_of
from protocol.messages import ArmRecord
from protocol.words import StatusFlag

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
            alarm = engine.alarm(raised("books_contradict_pen", error.what))
            await engine.commit(engine.transition(Act.BLOCK, reason=error.what), *alarm)
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
    drive, engine.drive = engine.drive, None
    if drive is not None:
        drive.halt()
    latched = engine.pen is not None and bool(
        engine.pen.status.fault or engine.pen.status.flags & StatusFlag.STOP_LATCHED
    )
    # The state moves on only when the closing entry is booked: whoever acts next reads the books.
    await engine.commit(body, *_alarms(engine, body, drive))
    act = Act.RECORDED_LATCHED if latched else Act.RECORDED
    await engine.commit(engine.transition(act, reason=body.end_reason))
    await _check_shortfall(engine, interval)


def _alarms(engine: "Engine", body: ArmClosed, drive: Drive | None) -> list[AlarmRaised]:
    found: list[AlarmRaised] = []
    if body.certain != body.possible:
        found += engine.alarm(raised("residual_delivery"))
    if body.end_reason in ("lapse", "no_grant"):
        found += engine.alarm(raised("lease_lapsed"))
    if drive is not None and drive.allowance.binding != "plan":
        found += engine.alarm(raised("limit_reached", f"Bound by {drive.allowance.binding}."))
    return found


async def _check_shortfall(engine: "Engine", interval: Interval) -> None:
    book, name = engine.book, interval.opened.zone
    if book is None or name is None or interval.opened.mode != "dose":
        return
    progress = Progress(terms_of(book.opened), book, engine.books)
    zone = next(each for each in progress.terms.plan.zones if each.name == name)
    if progress.punctures_left(zone):
        return
    planned_nl = zone.punctures * volume_nl(
        progress.zone_steps(zone), interval.opened.picolitres_a_step
    )
    given_nl = zone_account(name, progress.intervals()).dose.certain_nl
    if given_nl < planned_nl * (1 - SHORTFALL):
        detail = f"Zone '{name}': {float(given_nl):.0f} of {float(planned_nl):.0f} nl."
        await engine.commit(*engine.alarm(raised("dose_shortfall", detail)))
