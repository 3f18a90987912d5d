"""A known pen is taken into the books anew: the way out when its memory or the journal went back.

Its counters, boots, events and arm ids up to now become the baseline; nothing of them is ever
booked. What was open must be sealed first, so no upper bound is lost. A person with the role
answers for it, by name, with a reason.
"""

from typing import TYPE_CHECKING

from controller.errors import LinkLost
from controller.pen.driver import Pen
from controller.pen.identity import require_realm, text_of
from controller.record.events import Actor, PenEnrolled, hex_id
from controller.session.act_errors import DosingBlocked, NoPen, NotAllowed
from controller.session.alarms import contradiction_alarms
from controller.session.amounts import counter_set
from controller.session.recovery import NVM_FAULT, PenUnsettled
from controller.session.states import Act, after
from protocol.limits import is_simulated_uid
from protocol.messages import Status
from protocol.words import StatusFlag

if TYPE_CHECKING:
    from controller.session.engine import Engine

MAY_ENROL = ("technician", "administrator")
REST_WITHIN_S = 3.0
RECOVERED_WITHIN_S = 10.0


async def enrol_anew(engine: "Engine", actor: Actor, reason: str) -> None:
    """Make what the linked pen says now its baseline, and bring books and pen together again.

    Raises NotAllowed, NoPen, WrongState while an arm is under way, DosingBlocked while something
    must be done first, PenUnsettled while the pen moves, and what recovery still finds against it.
    """
    if actor.role not in MAY_ENROL:
        raise NotAllowed(f"'{actor.role}' may not enrol a pen.")
    if engine.arm_is_open:
        after(engine.state, Act.SEAL)
    pen = _asked(engine)
    _check_books(engine, pen)
    body = _body(pen, await _status_at_rest(engine, pen), actor, reason)
    if engine.pen is not pen:
        raise LinkLost("The pen was lost while it was enrolled.")
    if engine.intake is not None:
        engine.intake.close()  # whatever comes late is in the baseline
    try:
        await engine.enrolled(body, engine.alarms.down(*contradiction_alarms(pen.uid)))
    finally:
        if engine.pen is pen:
            engine.linked(pen)
    await engine.changes.until(lambda: not engine.is_reconciling, RECOVERED_WITHIN_S)
    if engine.link_error is not None:
        raise engine.link_error


def _asked(engine: "Engine") -> Pen:
    pen = engine.pen
    if pen is None or engine.is_reconciling:
        raise NoPen("No pen is connected whose record has been read.")
    require_realm(pen.uid, engine.realm)
    if pen.status.fault == NVM_FAULT:
        raise DosingBlocked(
            "The pen has lost its memory (fault 60).",
            action="Send it to service: only the maker's tool writes a new memory. Then enrol it.",
        )
    return pen


def _check_books(engine: "Engine", pen: Pen) -> None:
    ledger, uid = engine.books.ledger, hex_id(pen.uid)
    if unclosed := ledger.open_intervals(uid):
        arm_id = unclosed[0].opened.arm_id
        raise DosingBlocked(
            f"Arm {arm_id} of this pen is still open; what it may have given must be kept.",
            action=f"Seal it at its upper bound first: `micropen session seal {arm_id}`.",
        )
    if engine.book is not None and pen.hello.highest_arm_id > ledger.highest_arm_id(uid):
        raise DosingBlocked(
            "The pen knows arms that are not in this journal, and a session is open that may have "
            "had them.",
            action="Close the session first (`micropen run --resume`, key q): its account is not "
            "complete. Then enrol the pen.",
        )


async def _status_at_rest(engine: "Engine", pen: Pen) -> Status:
    seen_ticks = pen.status.pen_ticks

    def rests() -> bool:
        status = pen.status
        return status.pen_ticks > seen_ticks and bool(status.flags & StatusFlag.AT_REST)

    await engine.changes.until(lambda: rests() or not pen.is_up, REST_WITHIN_S)
    if not pen.is_up:
        raise LinkLost("The pen was lost while it was enrolled.")
    if not rests():
        raise PenUnsettled("The pen does not come to rest.")
    return pen.status


def _body(pen: Pen, status: Status, actor: Actor, reason: str) -> PenEnrolled:
    return PenEnrolled(
        pen_uid=hex_id(pen.uid),
        simulated=is_simulated_uid(pen.uid),
        model=text_of(pen.identity.model),
        firmware=text_of(pen.identity.firmware),
        counters=counter_set(status.counters),
        pen_boot_id=pen.boot_id,
        next_index=status.next_index,
        highest_arm_id=pen.hello.highest_arm_id,
        actor=actor,
        reason=reason,
    )
