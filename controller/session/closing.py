"""From the pen's arm record to the entry that closes an interval: pure, no guess, no clamp."""

from controller.errors import SessionError
from controller.record.events import Actor, AlarmRaised, ArmClosed
from controller.session.alarms import raised
from controller.session.amounts import NOTHING, counter_set, counters_with, difference, higher
from controller.session.ledger import Interval
from protocol.messages import ArmRecord
from protocol.words import EndReason, RecordState


class RecordUnusable(SessionError):
    """The pen's record of an arm cannot close its interval."""

    number = 4012
    cause = "The pen's memory was lost, rolled back or exchanged, or the pen is another one."
    action = (
        "Dosing stays blocked. Connect the pen that was used; if it is lost or broken, let an "
        "authorised person seal the arm at its upper bound; after a repair, enrol the pen again "
        "(`micropen pen enrol`)."
    )


class RecordNotFinal(SessionError):
    """The pen has not come to rest yet; ask again."""

    number = 4013
    cause = "The pen is still braking."
    action = "Wait; the program asks again by itself."


def closing_body(interval: Interval, record: ArmRecord) -> ArmClosed:
    """The closing entry that a pen's record of this arm allows.

    Certain is the higher of the record's proven counters and the committed events (C9); possible
    is what the pen had reserved. Raises RecordNotFinal while the pen moves, RecordUnusable when
    the record is missing or contradicts the books.
    """
    opened = interval.opened
    if record.record_state is RecordState.NOT_KEPT or record.arm_id != opened.arm_id:
        raise RecordUnusable(f"The pen keeps no record of arm {opened.arm_id}.")
    if record.record_state is RecordState.NEVER:
        return never_body(interval, "spent")
    if record.record_state in (RecordState.OPEN, RecordState.ENDING):
        raise RecordNotFinal(f"Arm {opened.arm_id} is '{record.record_state.name.lower()}'.")
    if counter_set(record.first) != opened.first:
        raise RecordUnusable(f"The pen's record of arm {opened.arm_id} begins at other counters.")
    return _final_body(interval, record)


def _final_body(interval: Interval, record: ArmRecord) -> ArmClosed:
    opened = interval.opened
    proven, reserved = counter_set(record.proven), counter_set(record.reserved)
    certain = higher(proven, counters_with(opened.first, interval.committed))
    if higher(certain, reserved) != reserved:
        raise RecordUnusable(
            f"Arm {opened.arm_id}: the pen reserved less than its own events already prove."
        )
    return ArmClosed(
        arm_id=opened.arm_id,
        pen_uid=opened.pen_uid,
        how="final",
        end_reason=EndReason(record.end_reason).name.lower(),
        first=opened.first,
        certain=certain,
        possible=reserved,
    )


def alarms_of(body: ArmClosed) -> list[AlarmRaised]:
    """What a person must hear about the way an arm ended."""
    found = []
    if difference(body.certain, body.possible) != NOTHING and body.how == "final":
        found.append(raised("residual_delivery"))
    if body.end_reason in ("lapse", "no_grant"):
        found.append(raised("lease_lapsed"))
    return found


def never_body(interval: Interval, why: str) -> ArmClosed:
    """The closing entry of an arm that the pen never opened.

    Raises RecordUnusable when events of it are committed, which cannot be.
    """
    opened = interval.opened
    if interval.committed != NOTHING:
        raise RecordUnusable(f"The pen denies arm {opened.arm_id}, but its events are recorded.")
    return ArmClosed(
        arm_id=opened.arm_id,
        pen_uid=opened.pen_uid,
        how="never",
        end_reason=why,
        first=opened.first,
        certain=opened.first,
        possible=opened.first,
    )


def seal_body(interval: Interval, actor: Actor, reason: str) -> ArmClosed:
    """The closing entry by which an authorised person accepts the upper bound for ever."""
    opened = interval.opened
    return ArmClosed(
        arm_id=opened.arm_id,
        pen_uid=opened.pen_uid,
        how="sealed",
        end_reason="sealed",
        first=opened.first,
        certain=counters_with(opened.first, interval.certain),
        possible=counters_with(opened.first, interval.possible),
        actor=actor,
        reason=reason,
    )
