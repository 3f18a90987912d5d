"""A pen comes, or comes back: what is read, closed, booked to nobody, or blocked."""

import asyncio
from typing import Any

import pytest

from controller.errors import (
    EventsRunBackwards,
    LinkLost,
    RealmMismatch,
    RequestTimeout,
)
from controller.record import events
from controller.record.events import (
    AlarmRaised,
    ArmClosed,
    ForeignMovement,
    LinkUp,
    PenEnrolled,
    StateChanged,
)
from controller.session.act_errors import DosingBlocked
from controller.session.amounts import Amount
from controller.session.fitness import check_books
from controller.session.states import State, WrongState
from protocol.faults import fault_number
from protocol.words import EndReason, RecordState, StatusFlag
from tests.support.arms import PEN, PERSON, TECHNICIAN, UID
from tests.support.paper_pen import PaperPen, Room, quick
from tests.support.sessions import SESSION
from tests.support.virtual import advance

NVM_FAULT = fault_number("NVM_FAULT")


# --- a pen comes -------------------------------------------------------------------------------


async def test_a_new_pen_is_enrolled_with_its_counters_and_its_old_events_are_let_be() -> None:
    async with Room() as room:
        room.pen.count(punctures=500, dose_steps=9_000)
        room.pen.next_index = 40
        await room.plug()
        assert room.engine.reconciled
        (enrolled,) = room.recorded(PenEnrolled)
        assert (enrolled.pen_uid, enrolled.simulated) == (PEN, True)
        assert enrolled.counters.punctures == 500
        assert room.order_of(PenEnrolled, LinkUp) == ["pen_enrolled", "link_up"]
        assert room.pen.followed == [40]
        assert room.recorded(ForeignMovement) == []
        assert {draft.pen_uid for draft in room.scribe.drafts} == {PEN}


async def test_a_known_pen_is_recognised_and_followed_from_what_is_recorded() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(3)
        room.unplug()
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        assert len(room.recorded(PenEnrolled)) == 1
        assert room.pen.followed == [0, 3]
        assert room.is_in(State.READY)


@pytest.mark.hazard("H47")
async def test_a_pen_of_the_other_realm_is_not_used() -> None:
    async with Room(pen=PaperPen(uid=0x0123)) as room:
        await room.plug()
        assert not room.engine.reconciled
        assert isinstance(room.engine.link_error, RealmMismatch)
        assert room.scribe.bodies == []


async def test_recovery_repeats_until_the_disturbed_line_answers() -> None:
    async with Room() as room:
        errors = iter([RequestTimeout("x"), RequestTimeout("x")])
        room.pen.refuse["last_arm_of_host"] = lambda: next(errors)
        await room.plug()
        assert room.engine.reconciled
        assert len(room.recorded(LinkUp)) == 1  # recognised once


async def test_a_pen_that_moves_is_waited_for() -> None:
    async with Room() as room:
        room.pen.flags &= ~StatusFlag.AT_REST
        waiting = asyncio.ensure_future(room.plug())
        await advance(5.0)
        assert not room.engine.reconciled
        room.pen.flags |= StatusFlag.AT_REST
        await waiting
        assert room.engine.reconciled


# --- what recovery finds -------------------------------------------------------------------------


async def interrupted(room: Room, strokes: int = 2) -> None:
    """The cable is pulled in the midst of an arm."""
    await room.treating()
    await room.strokes(strokes)
    room.unplug()
    assert room.is_in(State.INTERRUPTED)
    assert "uncertain-delivery" in room.alarms


@pytest.mark.hazard("H10")
async def test_an_interrupted_arm_is_closed_from_the_pens_own_record() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.stroke()
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        assert room.is_in(State.READY)
        assert room.arm.certain == room.arm.possible == Amount(3, dose_steps=30_000)
        assert room.alarms == ["lease-lapsed"]
        (draft,) = [each for each in room.scribe.drafts if isinstance(each.body, ArmClosed)]
        assert (draft.session_id, draft.pen_uid) == (SESSION, PEN)
        order = room.order_of(events.LinkLost, ArmClosed, StateChanged)[-4:]
        assert order == ["link_lost", "state_changed", "arm_closed", "state_changed"]
        assert room.recorded(StateChanged)[-1].reason == "read from the pen"


@pytest.mark.hazard("H13")
async def test_a_residual_found_by_recovery_is_alarmed() -> None:
    async with Room() as room:
        await interrupted(room)
        proven = room.pen.counters
        room.pen.stroke()
        room.pen.end_arm(EndReason.BOOT, proven=proven)
        room.pen.boot()
        await room.plug()
        assert room.is_in(State.READY)
        assert (room.arm.certain.punctures, room.arm.possible.punctures) == (2, 3)
        assert "residual-delivery" in room.alarms


@pytest.mark.hazard("H02")
async def test_an_arm_that_the_pen_never_saw_is_closed_as_never() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.refuse["arm"] = LinkLost("gone")
        room.pen.refuse["disarm"] = LinkLost("gone")
        with pytest.raises(LinkLost):
            await room.acts.treat(PERSON)
        room.unplug()
        assert room.is_in(State.INTERRUPTED)
        await room.plug()
        assert room.arm.closed is not None
        assert (room.arm.closed.how, room.arm.closed.end_reason) == ("never", "never")
        assert room.is_in(State.READY)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize(
    "spoil",
    [
        {"boot_id": 2, "next_index": 0, "events": []},
        {"records": {}},
        {"counters": None},
    ],
)
async def test_a_pen_without_memory_closes_nothing_and_blocks(spoil: dict[str, Any]) -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.end_arm(EndReason.LAPSE)
        for name, value in spoil.items():
            if name == "counters":
                room.pen.count(punctures=-1)
            elif name == "records":
                record = room.pen._record(1, RecordState.NOT_KEPT)
                room.pen.records = {1: record}
            else:
                setattr(room.pen, name, value)
        await room.plug()
        assert room.is_in(State.BLOCKED)
        assert room.arm.is_open
        assert f"books-contradict-pen-{PEN}" in room.alarms
        assert not room.engine.reconciled
        assert room.engine.link_error is not None
        blocked = room.recorded(StateChanged)[-1]
        assert (blocked.after, blocked.reason) == ("blocked", room.engine.link_error.what)
        (alarm,) = [
            each for each in room.recorded(AlarmRaised) if each.alarm_id.startswith("books")
        ]
        assert alarm.cause == room.engine.link_error.what


@pytest.mark.hazard("H14")
async def test_events_that_run_backwards_block() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.refuse["follow_strokes"] = EventsRunBackwards("x")
        await room.plug()
        assert room.is_in(State.BLOCKED)


@pytest.mark.hazard("H04")
async def test_a_restored_backup_blocks() -> None:
    async with Room() as room:
        await room.ready()
        room.unplug()
        room.pen.records[9] = room.pen._record(9, RecordState.FINAL, EndReason.DISARMED)
        room.pen.last_arm_id = room.pen.highest_arm_id = 9
        await room.plug()
        assert room.is_in(State.BLOCKED)
        assert room.engine.link_error is not None
        assert "arm 9" in room.engine.link_error.what
        assert "backup" in room.engine.link_error.cause


async def test_a_pen_that_forgot_this_host_is_not_a_contradiction() -> None:
    async with Room() as room:
        await room.plug()
        room.unplug()
        room.pen.records[0] = room.pen._record(0, RecordState.NOT_KEPT)
        await room.plug()
        assert room.engine.reconciled


async def test_foreign_movement_is_booked_to_nobody_and_alarmed() -> None:
    async with Room() as room:
        await room.ready()
        room.unplug()
        room.pen.count(punctures=7, dose_steps=70)
        await room.plug()
        (foreign,) = room.recorded(ForeignMovement)
        assert foreign.after.punctures - foreign.before.punctures == 7
        assert room.alarms == ["foreign-movement"]
        assert room.books.ledger.intervals == {}
        (draft,) = [draft for draft in room.scribe.drafts if draft.body is foreign]
        assert (draft.session_id, draft.pen_uid) == (None, PEN)


async def test_what_a_sealed_arm_may_have_done_is_not_foreign() -> None:
    async with Room() as room:
        await interrupted(room)
        await room.acts.seal(1, TECHNICIAN, "pen was lost")
        room.pen.stroke()
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        assert len(room.recorded(ForeignMovement)) == 1
        assert "foreign-movement" not in room.alarms
        assert room.arm.possible == Amount(7, dose_steps=70_000)


@pytest.mark.hazard("H01")
async def test_a_record_over_the_ceilings_stops_and_lets_nobody_arm() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.count(punctures=20, dose_steps=200_000)
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        assert f"books-contradict-pen-{PEN}" in room.alarms
        assert len(room.stops) == 1
        with pytest.raises((DosingBlocked, WrongState)):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H03")
async def test_a_zone_that_turns_out_short_after_a_loss_is_alarmed() -> None:
    async with Room() as room:
        await room.treating(quick(3))
        await room.strokes(2, 9_000)
        room.unplug()
        room.pen.stroke(9_000)
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        assert "dose-shortfall-one" in room.alarms


@pytest.mark.hazard("H14")
async def test_counters_that_fell_with_nothing_open_block() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(2)
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        room.unplug()
        room.pen.count(dose_steps=-1)
        await room.plug()
        assert room.is_in(State.BLOCKED)
        assert "dose_steps 20000 -> 19999" in str(room.engine.link_error)
        assert f"books-contradict-pen-{PEN}" in room.alarms
        room.unplug()
        room.pen.count(dose_steps=1)
        await room.plug()
        assert room.is_in(State.READY)
        assert room.alarms == []


@pytest.mark.hazard("H14")
async def test_a_pen_whose_memory_is_lost_cannot_say_that_an_arm_never_was() -> None:
    async with Room() as room:
        await interrupted(room, strokes=0)
        room.pen.fault, room.pen.highest_arm_id, room.pen.last_arm_id = NVM_FAULT, 0, 0
        await room.plug()
        assert room.is_in(State.BLOCKED)
        assert room.arm.is_open


async def test_a_broken_rule_is_not_forgotten_by_plugging_in_again() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.count(punctures=20, dose_steps=200_000)
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        room.unplug()
        await room.plug()
        assert len(room.stops) == 1
        assert f"books-contradict-pen-{PEN}" in room.alarms


@pytest.mark.hazard("H02")
async def test_another_pen_does_not_close_what_the_first_one_left_open() -> None:
    async with Room() as room:
        await interrupted(room)
        first, room.pen = room.pen, PaperPen(uid=UID + 1)
        await room.plug()
        assert room.engine.reconciled
        assert room.is_in(State.INTERRUPTED)
        assert "uncertain-delivery" in room.alarms
        with pytest.raises(WrongState):
            await room.acts.treat(PERSON)
        room.unplug()
        first.end_arm(EndReason.LAPSE)
        room.pen = first
        await room.plug()
        assert room.is_in(State.READY)


@pytest.mark.hazard("H13")
async def test_a_rebooted_pen_is_watched_by_its_new_clock() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.count(punctures=5)
        room.tell()
        room.unplug()
        room.pen.boot()
        await room.plug()
        room.pen.count(punctures=-1)
        await advance(0.2)
        assert room.stops == ["Counters fell: punctures."]


@pytest.mark.hazard("H02")
async def test_events_from_before_the_enrolment_are_let_be_by_the_next_link_too() -> None:
    async with Room() as room:
        room.pen.next_index = 40
        await room.plug()
        room.unplug()
        await room.plug()
        assert room.pen.followed == [40, 40]


async def contradicting(room: Room) -> None:
    """A counter falls between two statuses and is back at once."""
    await room.ready()
    room.pen.count(punctures=5)
    room.tell()
    room.pen.count(punctures=-5)
    room.tell()
    assert room.stops == ["Counters fell: punctures."]
    await advance(0.001)


@pytest.mark.hazard("H14")
@pytest.mark.parametrize("restarted", [False, True])
async def test_what_a_status_contradicted_is_not_forgotten(restarted: bool) -> None:
    async with Room() as first:
        await contradicting(first)
        assert len(first.recorded(events.Contradiction)) == 1
        first.unplug()
        async with first.restart() if restarted else first as room:
            await room.plug()
            assert room.engine.reconciled
            assert f"books-contradict-pen-{PEN}" in room.alarms
            with pytest.raises(DosingBlocked, match="Counters fell"):
                check_books(room.engine)


@pytest.mark.hazard("H14")
async def test_another_pen_is_not_barred_and_does_not_clear_the_first_one_s_alarm() -> None:
    async with Room() as room:
        await contradicting(room)
        first = room.pen
        room.unplug()
        room.pen = PaperPen(uid=UID + 1)
        await room.plug()
        assert room.engine.reconciled
        assert f"books-contradict-pen-{PEN}" in room.alarms
        check_books(room.engine)
        room.unplug()
        room.pen = first
        await room.plug()
        with pytest.raises(DosingBlocked, match="Counters fell"):
            check_books(room.engine)
