"""The pen is lost, the record fails, the process dies: nothing is done twice or forgotten."""

import asyncio

import pytest

from controller.record.events import (
    AlarmCleared,
    ArmClosed,
)
from controller.session.act_errors import DosingBlocked
from controller.session.amounts import Amount
from controller.session.states import State, WrongState
from protocol.words import EndReason, StatusFlag
from tests.support.arms import PERSON
from tests.support.paper_pen import Room
from tests.support.scribes import Scribe
from tests.support.virtual import advance

# --- the loss of the pen ------------------------------------------------------------------------


@pytest.mark.hazard("H10")
async def test_a_commit_on_its_way_at_the_loss_is_kept_and_not_read_twice() -> None:
    async with Room() as room:
        await room.treating()
        room.scribe.holds = True
        room.deliver([room.pen.stroke(), room.pen.stroke()])
        room.unplug()
        room.pen.end_arm(EndReason.LAPSE)
        waiting = asyncio.ensure_future(room.plug())
        await advance(0.01)
        assert room.pen.followed == [0]
        room.scribe.commit_all()
        await waiting
        assert room.pen.followed == [0, 2]
        assert room.arm.certain.punctures == 2


@pytest.mark.hazard("H10")
async def test_a_closing_entry_on_its_way_at_the_loss() -> None:
    """The pen is never seen again: nothing is open, so the session can be closed."""
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        room.scribe.holds = True
        await room.acts.pause(PERSON)
        await advance(0.01)
        room.unplug()
        assert room.is_in(State.INTERRUPTED)
        room.scribe.commit_all()
        await advance(0.01)
        assert not room.arm.is_open
        await room.acts.close(PERSON)
        assert room.is_in(State.CLOSED)


async def test_a_loss_after_the_closing_entry_leaves_nothing_uncertain() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        await room.acts.pause(PERSON)
        await room.closing_entry()
        assert room.is_in(State.ENDING)
        room.unplug()
        assert room.is_in(State.READY)
        assert "uncertain-delivery" not in room.alarms


@pytest.mark.hazard("H45")
async def test_a_loss_at_rest_is_no_alarm() -> None:
    async with Room() as room:
        await room.ready()
        room.unplug()
        assert room.is_in(State.READY)
        assert room.alarms == []
        assert room.engine.pen is None


def _is_reconciled(room: Room) -> bool:
    return room.engine.reconciled


# --- the record fails ---------------------------------------------------------------------------


@pytest.mark.hazard("H17", "H19")
async def test_a_failed_record_stops_the_pen_and_lets_nobody_arm() -> None:
    async with Room() as room:
        await room.treating()
        room.scribe.fail()
        await room.strokes(1)
        assert room.stops == ["the record cannot be written"]
        assert "record-failed" in room.alarms
        room.pen.grants.clear()
        await advance(1.0)
        assert room.pen.grants == []
        with pytest.raises((DosingBlocked, WrongState)):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H19")
async def test_the_record_goes_on_in_a_successor_with_every_event_once() -> None:
    async with Room() as room:
        following = Scribe()
        room.engine.on_record_failed = lambda _: room.engine.recorder.continue_in(following)
        await room.treating()
        room.scribe.holds = True
        made = [room.pen.stroke() for _ in range(3)]
        room.deliver(made[:1])
        room.deliver(made[1:])
        room.scribe.fail()
        await advance(0.001)
        assert room.pen.followed == [0, 0]
        room.latch_stop(0x5001)
        await room.until(State.LATCHED)
        assert room.arm.certain == room.arm.possible == Amount(3, dose_steps=30_000)
        assert room.arm.committed == room.arm.certain
        assert room.alarms == ["record-failed", "stop-latched"]
        kinds = [body.kind for body in following.bodies]
        assert kinds[:2] == ["stop_sent", "alarm_raised"]
        assert "arm_closed" in kinds
        with pytest.raises((DosingBlocked, WrongState)):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H19")
async def test_events_that_a_disk_refused_while_books_and_pen_are_compared_come_again() -> None:
    async with Room() as room:
        following = Scribe()
        room.engine.on_record_failed = lambda _: room.engine.recorder.continue_in(following)
        await room.treating()
        room.pen.stroke()
        room.pen.stroke()
        room.unplug()
        room.pen.end_arm(EndReason.LAPSE)
        room.scribe.holds = True
        plugging = asyncio.ensure_future(room.plug())
        await advance(0.01)
        room.scribe.commit_next()  # the link; now the events are asked for
        await advance(0.01)
        assert not _is_reconciled(room)
        room.scribe.fail()
        await plugging
        assert _is_reconciled(room)
        assert room.arm.committed == room.arm.certain == Amount(2, dose_steps=20_000)


@pytest.mark.hazard("H19")
async def test_a_closing_entry_that_one_file_refused_goes_into_the_next() -> None:
    async with Room() as room:
        following = Scribe()
        room.engine.on_record_failed = lambda _: room.engine.recorder.continue_in(following)
        await room.treating()
        await room.strokes(1)
        room.scribe.holds = True
        await room.acts.pause(PERSON)
        await advance(0.01)
        room.scribe.fail()
        await room.until(State.READY)
        assert [type(b) for b in following.bodies].count(ArmClosed) == 1


@pytest.mark.hazard("H02")
async def test_what_contradicts_the_books_stops_and_lets_nobody_arm() -> None:
    """The file is good, so the record goes on; the pen does not."""
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        assert room.engine.intake is not None
        room.hearing.pen_strokes(room.real, 1, room.pen.events)  # the same event again
        await advance(0.001)
        assert len(room.stops) == 1
        assert "booked twice" in room.stops[0]
        assert "record-failed" not in room.alarms
        assert room.engine.recorder.accepts
        room.latch_stop(0x5001)
        await room.until(State.LATCHED)
        await room.acts.clear(PERSON)
        with pytest.raises(DosingBlocked, match="booked twice"):
            await room.acts.treat(PERSON)


# --- a restart ----------------------------------------------------------------------------------


@pytest.mark.hazard("H08")
async def test_a_restart_in_mid_arm_goes_on_from_the_record() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(2)
        again = room.restart()
        room.pen.end_arm(EndReason.LAPSE)
        async with again:
            assert again.is_in(State.RUNNING)
            again.engine.note(*again.engine.recover_state())
            assert again.is_in(State.INTERRUPTED)
            assert again.alarms == ["uncertain-delivery"]
            await again.plug()
            assert again.is_in(State.READY)
            assert again.acts.progress.punctures_left(again.acts.progress.terms.plan.zones[0]) == 8
        room.engine.halt()
        room.hearing.pen_lost(room.real, "dead")


async def test_a_restart_after_the_closing_entry_is_ready_again() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        await room.acts.pause(PERSON)
        await room.closing_entry()
        again = room.restart()
        async with again:
            again.engine.note(*again.engine.recover_state())
            assert again.is_in(State.READY)
            assert again.alarms == []
        room.unplug()


@pytest.mark.hazard("H44")
async def test_alarms_survive_a_restart_and_go_when_their_cause_is_gone() -> None:
    async with Room() as room:
        await room.ready()
        room.say_battery(10)
        stop_id = room.engine.stop("operator")
        room.latch_stop(stop_id)
        await advance(0.01)
        again = room.restart()
        async with again:
            assert again.alarms == ["battery-low", "stop-latched"]
            again.pen.flags &= ~StatusFlag.STOP_LATCHED
            await again.plug()
            again.say_battery(80)
            assert again.alarms == []
            assert len(again.recorded(AlarmCleared)) == 2
