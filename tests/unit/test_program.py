"""The program at the operator's place goes on where it can, and ends where only a person can."""

import asyncio

import pytest

from controller.errors import MicropenError
from controller.record.events import SessionClosed
from controller.service.program import ProgramOperator
from controller.session.act_errors import DosingBlocked
from controller.session.amounts import NegativeDifference
from controller.session.states import State
from protocol.words import EndReason, Result, StatusFlag
from tests.support.arms import TECHNICIAN
from tests.support.paper_pen import Room, quick
from tests.support.virtual import advance
from tests.unit.test_recovery import interrupted


async def error_of(operator: ProgramOperator) -> MicropenError:
    """The error by which it ends, soon."""
    with pytest.raises(MicropenError) as caught:
        await asyncio.wait_for(operator.run(), 60.0)
    return caught.value


@pytest.mark.hazard("H14")
async def test_it_ends_when_the_arm_of_a_pen_that_contradicts_was_sealed() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.end_arm(EndReason.LAPSE)
        room.pen.count(punctures=-1)
        await room.plug()
        await room.acts.seal(1, TECHNICIAN, "the pen contradicts the record")
        assert room.is_in(State.READY)
        assert not room.engine.reconciled
        error = await error_of(ProgramOperator(room.engine, room.acts))
        assert isinstance(error, NegativeDifference)
        assert "a technician must enrol it again" in error.action


async def test_it_ends_when_the_linked_pen_blocks_the_session() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.end_arm(EndReason.LAPSE)
        room.pen.count(punctures=-1)
        await room.plug()
        assert room.is_in(State.BLOCKED)
        error = await error_of(ProgramOperator(room.engine, room.acts))
        assert isinstance(error, NegativeDifference)


async def test_it_ends_when_the_end_of_an_arm_contradicts_the_books() -> None:
    """The pen is linked and was reconciled before: nothing but the alarm says why."""
    async with Room() as room:
        await room.ready()
        operator = ProgramOperator(room.engine, room.acts)
        ending = asyncio.ensure_future(error_of(operator))
        await room.until(State.RUNNING)
        await room.strokes(2)
        room.pen.end_arm(EndReason.LAPSE, first=room.pen.counters)
        room.tell()
        error = await ending
        assert isinstance(error, DosingBlocked)
        assert "begins at other counters" in error.what
        assert error.number == 4032
        assert "service" in error.action


async def test_it_ends_when_the_session_is_blocked_and_no_pen_is_there() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.end_arm(EndReason.LAPSE)
        room.pen.count(punctures=-1)
        await room.plug()
        room.unplug()
        error = await error_of(ProgramOperator(room.engine, room.acts))
        assert isinstance(error, DosingBlocked | NegativeDifference)
        assert error.action


async def test_its_refusals_are_its_own_and_pass() -> None:
    async with Room() as room:
        await room.ready(quick(3))
        room.pen.refuse["arm"] = Result.STOP_LATCHED
        operator = ProgramOperator(room.engine, room.acts)
        ending = asyncio.ensure_future(operator.run())
        await advance(0.2)
        assert operator.refusals
        assert room.engine.link_error is None
        await room.until(State.RUNNING)
        await room.strokes(3)
        await ending
        assert [body.outcome for body in room.recorded(SessionClosed)] == ["complete"]


async def test_a_pen_that_is_being_read_is_waited_for() -> None:
    async with Room() as room:
        await interrupted(room)
        room.pen.end_arm(EndReason.LAPSE)
        room.pen.flags &= ~StatusFlag.AT_REST
        waiting = asyncio.ensure_future(room.plug())
        operator = asyncio.ensure_future(ProgramOperator(room.engine, room.acts).run())
        await advance(5.0)
        assert room.engine.is_reconciling
        assert not operator.done()
        room.pen.flags |= StatusFlag.AT_REST
        await waiting
        await room.until(State.RUNNING)
        operator.cancel()
        await asyncio.gather(operator, return_exceptions=True)
