"""One arm's life and STOP: what the pen says, what contradicts, what is recorded."""

import pytest
from structlog.testing import capture_logs

from controller.errors import LinkLost, RequestTimeout
from controller.record.events import (
    AlarmRaised,
    ForeignMovement,
    HealthSeen,
    StateChanged,
    StopConfirmed,
    StopSent,
)
from controller.session.act_errors import DosingBlocked
from controller.session.amounts import Amount
from controller.session.states import Act, State, WrongState
from protocol.messages import Stopped
from protocol.words import EndReason, EventKind, StatusFlag
from tests.support import inputs
from tests.support.arms import PEN, PERSON
from tests.support.paper_pen import Room, quick
from tests.support.sessions import SESSION, terms
from tests.support.virtual import advance

# --- one arm's life ------------------------------------------------------------------------------


async def test_an_arm_from_act_to_record() -> None:
    async with Room() as room:
        await room.treating(quick(3))
        await room.strokes(3)
        await room.until(State.READY)
        acts = [body.act for body in room.recorded(StateChanged)]
        assert acts == ["open", "arm", "armed", "done", "recorded"]
        assert room.arm.certain == room.arm.possible == Amount(3, dose_steps=30_000)
        assert room.engine.drive is None
        assert room.alarms == []


async def test_an_arm_that_the_pen_ended_is_closed() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        room.pen.end_arm(EndReason.LAPSE)
        room.tell()
        await room.until(State.READY)
        assert room.alarms == ["lease-lapsed"]
        await room.acts.treat(PERSON)
        assert room.alarms == []


@pytest.mark.hazard("H29")
async def test_a_fault_latches_is_alarmed_and_cleared() -> None:
    async with Room() as room:
        await room.treating()
        room.pen.fault = 10
        room.pen.end_arm(EndReason.FAULT)
        room.tell()
        await room.until(State.LATCHED)
        assert room.alarms == ["pen-fault-10"]
        await room.acts.clear(PERSON)
        assert room.is_in(State.READY)
        assert room.alarms == []


async def test_a_latch_between_arms_is_noticed() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.flags |= StatusFlag.STOP_LATCHED
        room.tell()
        assert room.is_in(State.LATCHED)
        assert room.alarms == ["stop-latched"]


async def test_a_zone_that_got_too_little_is_alarmed() -> None:
    async with Room() as room:
        await room.treating(quick(3))
        await room.strokes(3, 9_000)
        await room.until(State.READY)
        assert room.alarms == ["dose-shortfall-one"]
        raised = room.recorded(AlarmRaised)[-1]
        assert raised.cause == "Zone 'one': 27000 of 30000 nl."


async def test_within_five_per_cent_nothing_is_said() -> None:
    async with Room() as room:
        await room.treating(quick(3))
        await room.strokes(3, 9_500)
        await room.until(State.READY)
        assert room.alarms == []


async def test_a_limit_that_was_used_up_is_alarmed_and_one_that_was_not_is_not() -> None:
    async with Room() as room:
        await room.treating(quick(max_zone_nl=30_000))
        await room.strokes(1)
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        assert room.alarms == []
        await room.acts.treat(PERSON)
        await room.strokes(2)
        await room.until(State.READY)
        assert room.alarms == ["limit-reached"]
        assert room.recorded(AlarmRaised)[-1].cause == "Bound by zone limit."


@pytest.mark.hazard("H14")
async def test_a_record_that_contradicts_at_the_end_of_an_arm_blocks_and_halts() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(2)
        room.pen.count(punctures=-1)
        room.pen.end_arm(EndReason.LAPSE, first=room.pen.counters)
        await room.acts.pause(PERSON)
        await room.until(State.BLOCKED)
        assert room.arm.is_open
        assert room.engine.drive is None
        room.pen.grants.clear()
        await advance(0.5)
        assert room.pen.grants == []


async def test_a_pen_that_still_brakes_is_asked_again() -> None:
    async with Room() as room:
        await room.treating()
        answers = iter([RequestTimeout("x"), LinkLost("x")])
        room.pen.refuse["disarm"] = lambda: next(answers)
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        assert room.pen.asked.count("disarm") == 2


async def test_a_pause_where_nothing_runs_changes_nothing() -> None:
    async with Room() as room:
        await room.ready()
        with pytest.raises(
            WrongState, match="'pause' is not possible while the session is 'ready'"
        ):
            await room.acts.pause(PERSON)
        await room.acts.treat(PERSON)
        await room.acts.pause(PERSON)
        with pytest.raises(WrongState):
            await room.acts.pause(PERSON)
        await room.until(State.READY)


async def test_events_that_the_pen_lost_are_not_awaited() -> None:
    async with Room() as room:
        await room.treating()
        room.pen.next_index = 30
        room.hearing.pen_gap(room.real, 0, 30)
        await room.strokes(1)
        assert room.engine.intake is not None
        assert room.engine.intake.acked_index == 31


async def test_committed_events_are_acknowledged_after_the_arm_as_well() -> None:
    async with Room() as room:
        await room.treating()
        late = [room.pen.stroke() for _ in range(2)]
        room.pen.end_arm(EndReason.LAPSE)
        room.tell()
        assert room.is_in(State.ENDING)
        room.deliver(late)
        await room.until(State.READY)
        assert room.pen.acks[-1] == 2


# --- the pen against the books -----------------------------------------------------------------


@pytest.mark.hazard("H01", "H43")
async def test_a_status_over_the_ceilings_stops_at_once_and_only_once() -> None:
    async with Room() as room:
        await room.treating()
        room.pen.count(punctures=50)
        room.tell()
        room.tell()
        assert room.stops == ["Arm 1 is over its ceilings."]
        assert f"books-contradict-pen-{PEN}" in room.alarms
        room.pen.grants.clear()
        await advance(0.5)
        assert room.pen.grants == []


@pytest.mark.hazard("H14")
async def test_counters_that_fall_let_nobody_arm_until_the_pen_is_linked_anew() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.count(prime_steps=-0, punctures=3)
        room.tell()
        await advance(0.3)
        room.pen.count(punctures=-1)
        room.tell()
        await advance(0.3)
        assert room.stops == ["Counters fell: punctures."]
        with pytest.raises(DosingBlocked):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H01")
async def test_events_over_the_grant_stop_the_pen() -> None:
    async with Room() as room:
        await room.treating()
        made = [room.pen.stroke() for _ in range(6)]
        room.hearing.pen_strokes(room.real, 1, made)
        await advance(0.001)
        assert room.stops
        assert "over what it was granted" in room.stops[0]


# --- stop ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H34")
async def test_stop_leaves_before_anything_else_and_nothing_is_granted_after_it() -> None:
    async with Room() as room:
        await room.treating()
        room.scribe.holds = True
        stop_id = room.engine.stop("operator", PERSON)
        assert room.stops == ["operator"]
        room.pen.grants.clear()
        await advance(0.05)
        room.latch_stop(stop_id)
        room.scribe.commit_all()
        await room.until(State.LATCHED)
        assert room.pen.grants == []
        (sent,) = room.recorded(StopSent)
        (confirmed,) = room.recorded(StopConfirmed)
        assert (sent.reason, sent.actor) == ("operator", PERSON)
        assert confirmed.stop_id == sent.stop_id
        assert 40_000 < confirmed.latency_us < 70_000
        assert room.arm.closed is not None
        assert room.arm.closed.end_reason == "stop"
        assert room.alarms == ["stop-latched"]


@pytest.mark.hazard("H35")
async def test_a_stop_that_is_not_echoed_is_alarmed_until_it_is() -> None:
    async with Room() as room:
        await room.treating()
        stop_id = room.engine.stop("operator")
        await advance(0.099)
        assert "stop-unconfirmed" not in room.alarms
        await advance(0.002)
        assert "stop-unconfirmed" in room.alarms
        room.latch_stop(stop_id)
        assert "stop-unconfirmed" not in room.alarms
        await room.until(State.LATCHED)


async def test_only_the_first_echo_of_an_own_stop_is_recorded() -> None:
    async with Room() as room:
        await room.ready()
        stop_id = room.engine.stop("operator")
        room.latch_stop(stop_id)
        room.latch_stop(stop_id)
        room.hearing.pen_stopped(room.real, Stopped(0xF0F0, room.pen.status))
        assert len(room.recorded(StopConfirmed)) == 1


# --- housekeeping -------------------------------------------------------------------------------


async def test_health_is_recorded_at_a_low_rate() -> None:
    async with Room() as room:
        await room.plug()
        for _ in range(11):
            room.say_battery(50)
            await advance(1.0)
        assert len(room.recorded(HealthSeen)) == 3


async def test_a_defect_in_a_task_stops_the_pen() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    async with Room() as room:
        await room.plug()
        room.engine.spawn(broken())
        await advance(0.01)
        assert room.stops == ["internal error: ZeroDivisionError()"]


async def test_a_wrong_move_says_what_would_be_possible() -> None:
    async with Room() as room:
        with pytest.raises(WrongState, match="Possible now: open"):
            room.engine.transition(Act.ARM)
        assert room.is_in(State.NONE)


async def test_a_slice_of_the_pens_own_relief_is_no_foreign_movement() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        room.pen.fault = 30
        room.pen.end_arm(EndReason.FAULT)
        room.tell()
        await room.until(State.LATCHED)
        await room.strokes(1, 500, kind=EventKind.REVERSE)
        await room.acts.clear(PERSON)
        await room.acts.treat(PERSON)
        assert room.recorded(ForeignMovement) == []
        assert room.arm.opened.first.reverse_steps == 500


async def test_every_line_of_the_log_names_session_and_pen_once() -> None:
    async with Room() as room:
        await room.treating()
        with capture_logs() as lines:
            await room.acts.pause(PERSON)
            await room.until(State.READY)
        assert {(line["session"], line["pen"]) for line in lines} == {(SESSION, PEN)}
        room.unplug()
        with capture_logs() as lines:
            room.engine.log.info("x")
        assert lines == [{"session": SESSION, "pen": None, "event": "x", "log_level": "info"}]


async def test_collagen_induction_ends_where_the_needle_can_rest() -> None:
    plan = inputs.stamping()
    async with Room() as room:
        await room.treating(terms(plan))
        for _ in range(2):
            await room.strokes(1)
            made = [room.pen.stroke() for _ in range(98)]
            room.deliver(made)
            await advance(0.001)
        await room.strokes(49)
        assert room.is_in(State.RUNNING)
        room.pen.flags |= StatusFlag.HOLDING
        room.tell()
        await room.until(State.READY)
        assert room.arm.certain == room.arm.possible == Amount(247)
        assert room.acts.progress.next_zone() is None


async def test_the_same_stop_sent_again_is_timed_from_the_first() -> None:
    async with Room() as room:
        await room.ready()
        room.engine.stop_was_sent(0x77, "operator")
        await advance(0.08)
        room.engine.stop_was_sent(0x77, "operator")
        await advance(0.01)
        room.latch_stop(0x77)
        (confirmed,) = room.recorded(StopConfirmed)
        assert confirmed.latency_us > 85_000
        await advance(0.2)
        assert "stop-unconfirmed" not in room.alarms


@pytest.mark.hazard("H35")
async def test_an_echo_that_overtakes_the_news_of_its_stop_confirms_it() -> None:
    """The key's thread wrote the bytes, and was held up before it could tell the loop."""
    async with Room() as room:
        await room.treating()
        room.latch_stop(0x77)
        room.engine.stop_was_sent(0x77, "operator")
        assert not room.engine.stops.under_way
        assert room.engine.stops.count == 1
        await advance(0.5)
        assert "stop-unconfirmed" not in room.alarms
        assert room.order_of(StopSent, StopConfirmed) == ["stop_sent", "stop_confirmed"]


@pytest.mark.hazard("H35")
async def test_a_second_thread_s_news_of_a_confirmed_stop_awaits_nothing() -> None:
    async with Room() as room:
        await room.ready()
        room.engine.stop_was_sent(0x77, "operator")
        room.latch_stop(0x77)
        room.engine.stop_was_sent(0x77, "operator")
        await advance(0.5)
        assert "stop-unconfirmed" not in room.alarms
        assert len(room.recorded(StopConfirmed)) == 1


async def test_only_the_last_few_strange_echoes_are_remembered() -> None:
    async with Room() as room:
        await room.ready()
        for stop_id in range(1, 10):
            room.hearing.pen_stopped(room.real, Stopped(stop_id, room.pen.status))
        room.engine.stop_was_sent(1, "operator")
        assert room.engine.stops.under_way
        room.engine.stop_was_sent(9, "operator")
        await advance(0.001)
        (confirmed,) = room.recorded(StopConfirmed)
        assert int(confirmed.stop_id, 16) == 9
