"""Recovery's waits, its own relief, and what else happens while a pen comes back."""

import asyncio
from collections.abc import Sequence

import pytest

from controller.errors import JournalWriteFailed, LinkLost, RequestTimeout
from controller.pen.strokes import PenStroke
from controller.record import events
from controller.record.events import AlarmRaised, ArmClosed, ForeignMovement, StateChanged
from controller.session.closing import seal_body
from controller.session.recovery import PenUnsettled
from controller.session.states import State
from protocol.words import EndReason, StatusFlag
from tests.support.arms import PEN, PERSON, TECHNICIAN
from tests.support.paper_pen import Room
from tests.support.scribes import Scribe
from tests.support.sessions import SESSION
from tests.support.virtual import advance
from tests.unit.test_recovery import interrupted


async def test_a_line_that_does_not_answer_is_asked_five_times_a_second() -> None:
    async with Room() as room:
        asked = 0

        def unanswered() -> RequestTimeout:
            nonlocal asked
            asked += 1
            room.pen.refuse["last_arm_of_host"] = unanswered
            return RequestTimeout("x")

        room.pen.refuse["last_arm_of_host"] = unanswered
        waiting = asyncio.ensure_future(room.plug())
        await advance(1.1)
        assert asked == 6
        del room.pen.refuse["last_arm_of_host"]
        await waiting
        assert room.engine.reconciled


async def test_a_record_that_fails_meanwhile_ends_recovery_with_its_error() -> None:
    async with Room() as room:
        room.scribe.fail()
        await room.plug()
        assert not room.engine.reconciled
        assert isinstance(room.engine.link_error, JournalWriteFailed)


async def test_recovery_goes_on_in_the_successor_of_a_record_that_failed() -> None:
    async with Room() as room:
        room.scribe.holds = True
        waiting = asyncio.ensure_future(room.plug())
        await advance(0.01)
        successor = Scribe()
        room.engine.recorder.continue_in(successor)
        room.scribe.fail()
        await waiting
        assert room.engine.reconciled
        assert [body.kind for body in successor.bodies][:2] == ["pen_enrolled", "link_up"]


async def test_a_braking_pen_is_asked_ten_times_a_second_for_its_final_record() -> None:
    async with Room() as room:
        await interrupted(room)
        waiting = asyncio.ensure_future(room.plug())
        await advance(1.05)
        assert room.pen.asked.count("arm_record") == 11
        room.pen.end_arm(EndReason.LAPSE)
        await waiting
        assert room.is_in(State.READY)


@pytest.mark.hazard("H02")
async def test_an_arm_that_is_being_sealed_is_not_closed_a_second_time() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.end_arm(EndReason.LAPSE)

        def sealing() -> None:
            room.scribe.holds = True
            body = seal_body(room.arm, TECHNICIAN, "lost")
            room.engine.recorder.submit(body, session_id=SESSION, pen_uid=PEN)

        room.pen.refuse["arm_record"] = sealing
        waiting = asyncio.ensure_future(room.plug())
        await advance(1.0)
        reconciled = [room.engine.reconciled]
        room.scribe.commit_all()
        await waiting
        reconciled.append(room.engine.reconciled)
        assert reconciled == [False, True]
        assert [each.how for each in room.recorded(ArmClosed)] == ["sealed"]
        assert "foreign-movement" not in room.alarms  # the seal explains it
        assert room.stops == []


async def test_before_an_arm_the_pen_has_three_seconds_to_come_to_rest() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.flags &= ~StatusFlag.AT_REST
        room.tell()
        began_s = room.clock.mono_s()
        with pytest.raises(PenUnsettled):
            await room.acts.treat(PERSON)
        assert room.clock.mono_s() - began_s == pytest.approx(3.0, abs=0.05)


async def test_counters_before_an_arm_are_those_of_a_status_from_after_it_was_asked_for() -> None:
    async with Room() as room:
        await room.ready()
        room.tell()
        began_s = room.clock.mono_s()
        asyncio.get_running_loop().call_later(0.02, lambda: room.pen.count(prime_steps=50))
        await room.acts.treat(PERSON)
        assert room.arm.opened.first.prime_steps == 50
        assert room.clock.mono_s() - began_s < 0.2


async def test_an_arm_waits_for_events_that_are_counted_but_not_recorded() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.next_index += 1
        with pytest.raises(PenUnsettled):
            await room.acts.treat(PERSON)


async def test_a_pen_that_is_lost_before_an_arm_is_not_waited_for() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.flags &= ~StatusFlag.AT_REST
        room.tell()
        arming = asyncio.ensure_future(room.acts.treat(PERSON))
        await advance(1.0)
        began_s = room.clock.mono_s()
        room.unplug()
        with pytest.raises(LinkLost):
            await arming
        assert room.clock.mono_s() - began_s < 0.01


@pytest.mark.hazard("H34")
async def test_a_pen_that_comes_back_latched_latches_the_session() -> None:
    async with Room() as room:
        await room.ready()
        room.unplug()
        room.pen.last_stop_id = 77
        room.pen.flags |= StatusFlag.STOP_LATCHED
        await room.plug()
        assert room.is_in(State.LATCHED)
        changed = room.recorded(StateChanged)[-1]
        assert (changed.after, changed.reason) == ("latched", "latched in the pen")


class LateRoom(Room):
    """A room whose line brings events `late_s` after they were asked for."""

    late_s = 0.0

    def deliver(self, strokes: Sequence[PenStroke]) -> None:
        asyncio.get_running_loop().call_later(self.late_s, super().deliver, strokes)


@pytest.mark.hazard("H34")
async def test_a_pen_that_comes_latched_before_any_session_is_alarmed() -> None:
    async with Room() as room:
        room.pen.last_stop_id = 77
        room.pen.flags |= StatusFlag.STOP_LATCHED
        before = room.engine.state
        await room.plug()
        assert room.is_in(before)
        assert room.recorded(StateChanged) == []
        assert room.recorded(AlarmRaised)
        assert room.stops == []  # nor is it a defect


@pytest.mark.hazard("H10")
async def test_what_the_pen_did_meanwhile_is_recorded_before_its_arm_is_closed() -> None:
    late = LateRoom()
    async with late as room:
        await interrupted(room)
        late.late_s = 0.5
        for _ in range(3):
            room.pen.stroke()
        room.pen.end_arm(EndReason.LAPSE)
        await room.plug()
        assert room.order_of(events.Strokes, ArmClosed)[-2:] == ["strokes", "arm_closed"]
        assert sum(len(each.strokes) for each in room.recorded(events.Strokes)) == 5


@pytest.mark.parametrize(
    ("moved", "alarms"),
    [
        ({"reverse_steps": 60_000}, []),
        ({"reverse_steps": 60_001}, ["foreign-movement"]),
        ({"reverse_steps": 40, "dose_steps": 1}, ["foreign-movement"]),
    ],
)
async def test_only_a_relief_of_the_pen_itself_needs_no_explanation(
    moved: dict[str, int], alarms: list[str]
) -> None:
    async with Room() as room:
        await room.ready()
        room.unplug()
        room.pen.count(**moved)
        await room.plug()
        assert len(room.recorded(ForeignMovement)) == 1
        assert room.alarms == alarms


async def test_a_relief_after_an_arm_of_this_journal_needs_no_explanation() -> None:
    async with Room() as room:
        await room.treating()
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        room.unplug()
        room.pen.count(reverse_steps=40)
        await room.plug()
        assert len(room.recorded(ForeignMovement)) == 1
        assert room.alarms == []


async def test_a_pen_that_knows_another_hosts_arm_may_have_been_moved_by_it() -> None:
    async with Room() as room:
        await room.ready()
        room.unplug()
        room.pen.count(reverse_steps=40)
        room.pen.highest_arm_id = 1
        await room.plug()
        assert room.alarms == ["foreign-movement"]


async def test_a_relief_of_a_pen_that_two_arms_of_this_journal_used_needs_none() -> None:
    async with Room() as room:
        await room.treating()
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        await room.acts.treat(PERSON)
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        room.unplug()
        room.pen.count(reverse_steps=40)
        await room.plug()
        assert room.alarms == []


async def test_movement_between_two_arms_of_one_link_is_found_as_well() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.count(prime_steps=50)
        await room.acts.treat(PERSON)
        assert len(room.recorded(ForeignMovement)) == 1
        assert room.arm.opened.first.prime_steps == 50
