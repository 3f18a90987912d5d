"""Arming: recorded before it is asked, asked once, and ended cleanly whatever comes between."""

import asyncio
from typing import Any

import pytest

from controller.errors import JournalWriteFailed, LinkLost, PenRefused, RequestTimeout
from controller.record.events import (
    Actor,
    ArmOpened,
    StateChanged,
    Strokes,
)
from controller.session.act_errors import (
    DosingBlocked,
    NoPen,
    NotAllowed,
)
from controller.session.amounts import NegativeDifference
from controller.session.arming import MODE_NAMES
from controller.session.states import State, WrongState
from protocol.words import Mode, Result
from tests.support.arms import PEN, PERSON, counters
from tests.support.paper_pen import PaperPen, Room
from tests.support.virtual import advance

PROGRAM = Actor(name="p", role="program")


# --- arming --------------------------------------------------------------------------------------


@pytest.mark.hazard("H04")
async def test_arm_and_ceilings_are_durable_before_the_pen_is_asked() -> None:
    async with Room() as room:
        await room.ready()
        room.scribe.holds = True
        arming = asyncio.ensure_future(room.acts.treat(PERSON))
        await advance(0.5)
        assert room.is_in(State.ARMING)
        assert "arm" not in room.pen.asked
        assert [type(draft.body) for draft in room.scribe.waiting[0][0]] == [
            ArmOpened,
            Strokes,
            StateChanged,
        ]
        room.scribe.commit_all()
        assert await arming == "one"
        assert room.is_in(State.RUNNING)
        assert room.pen.grants[0][1:4] == (1, 5, 50_000)
        await room.acts.pause(PERSON)
        await room.until(State.READY)


async def test_the_entry_says_all_that_the_arm_was_opened_with() -> None:
    async with Room() as room:
        await room.treating()
        opened = room.arm.opened
        assert (opened.mode, opened.purpose, opened.zone) == ("dose", "zone", "one")
        assert (opened.steps, opened.stroke_period_us) == (10_000, 100_000)
        assert opened.protrusion_um == 500 - 20  # the certificate's offset
        assert opened.picolitres_a_step == 1_000
        assert (opened.cartridge_uid, opened.certificate_id) == (f"{0xC1:016x}", f"{0xCE:016x}")
        assert opened.actor == PERSON
        await room.acts.pause(PERSON)
        await room.until(State.READY)


async def test_arm_ids_rise_for_the_pens_life() -> None:
    async with Room() as room:
        room.pen.highest_arm_id = 41
        await room.treating()
        assert room.arm.opened.arm_id == 42
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        await room.acts.treat(PERSON)
        assert room.arm.opened.arm_id == 43


@pytest.mark.hazard("H14")
async def test_a_pen_without_arm_ids_is_not_armed() -> None:
    async with Room() as room:
        room.pen.highest_arm_id = 0xFFFF_FFFE
        await room.ready()
        with pytest.raises(DosingBlocked, match="no arm id left"):
            await room.acts.treat(PERSON)
        assert room.is_in(State.READY)


@pytest.mark.hazard("H02")
@pytest.mark.parametrize("result", [Result.BATTERY_LOW, Result.COUNTERS_MISMATCH])
async def test_a_refused_arm_is_closed_as_never_and_its_id_spent(result: Result) -> None:
    async with Room() as room:
        await room.ready()
        room.pen.refuse["arm"] = result
        with pytest.raises(PenRefused) as refused:
            await room.acts.treat(PERSON)
        assert refused.value.result == result
        await room.until(State.READY)
        assert room.arm.closed is not None
        assert (room.arm.closed.how, room.arm.closed.end_reason) == ("never", "spent")
        await room.acts.treat(PERSON)
        assert room.arm.opened.arm_id == 2


@pytest.mark.hazard("H02")
async def test_an_arm_without_an_answer_is_ended_by_its_own_id() -> None:
    """B1, B3: a time-out is not "not done", and nothing is asked for under a new id before."""
    async with Room() as room:
        await room.ready()
        room.pen.refuse["arm"] = RequestTimeout("x")
        with pytest.raises(RequestTimeout):
            await room.acts.treat(PERSON)
        with pytest.raises((WrongState, DosingBlocked)):
            await room.acts.treat(PERSON)
        await room.until(State.READY)
        assert room.pen.asked[-1] == "disarm"
        assert room.arm.closed is not None


@pytest.mark.hazard("H19")
async def test_an_arm_that_cannot_be_recorded_is_never_asked_for() -> None:
    async with Room() as room:
        await room.ready()
        room.scribe.broken = JournalWriteFailed("x")
        with pytest.raises(JournalWriteFailed):
            await room.acts.treat(PERSON)
        assert "arm" not in room.pen.asked
        assert room.is_in(State.READY)
        with pytest.raises(DosingBlocked, match="record cannot be written"):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H10")
async def test_a_pen_lost_while_the_arm_is_committed() -> None:
    async with Room() as room:
        await room.ready()
        room.scribe.holds = True
        arming = asyncio.ensure_future(room.acts.treat(PERSON))
        await advance(0.5)
        room.unplug()
        assert room.is_in(State.INTERRUPTED)
        room.pen.refuse["arm"] = LinkLost("gone")
        room.scribe.commit_all()
        with pytest.raises(LinkLost):
            await arming
        assert room.is_in(State.INTERRUPTED)
        await room.plug()
        assert room.arm.closed is not None
        assert room.arm.closed.how == "never"


@pytest.mark.hazard("H10")
async def test_an_answer_that_comes_with_the_loss_is_not_used() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.refuse["arm"] = room.unplug
        with pytest.raises(LinkLost):
            await room.acts.treat(PERSON)
        assert room.is_in(State.INTERRUPTED)
        assert room.pen.grants == []


@pytest.mark.hazard("H34", "H36")
@pytest.mark.parametrize("moment", ["cartridge", "configure", "wait_at_rest"])
async def test_a_stop_while_an_arm_is_prepared_ends_it_before_the_entry(moment: str) -> None:
    async with Room() as room:
        await room.ready()
        room.pen.refuse[moment] = lambda: room.engine.stop("operator") and None
        if moment == "cartridge":
            room.pen.refuse[moment] = lambda: (room.engine.stop("operator"), None)[1]
        with pytest.raises(PenRefused, match="a stop came first"):
            await room.acts.treat(PERSON)
        assert "arm" not in room.pen.asked
        assert room.recorded(ArmOpened) == []


@pytest.mark.hazard("H34", "H36")
async def test_a_stop_while_the_pen_is_asked_grants_nothing() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.refuse["arm"] = lambda: (room.engine.stop("operator"), None)[1]
        with pytest.raises(PenRefused, match="stopped as it opened") as refused:
            await room.acts.treat(PERSON)
        assert refused.value.result is Result.STOP_LATCHED
        room.latch_stop(0x5001)
        await room.until(State.LATCHED)
        assert room.pen.grants == []
        assert room.arm.closed is not None


async def test_whoever_asked_may_go_away_in_the_midst_of_arming() -> None:
    async with Room() as room:
        await room.ready()
        room.scribe.holds = True
        arming = asyncio.ensure_future(room.acts.treat(PERSON))
        await advance(0.5)
        arming.cancel()
        await asyncio.wait([arming])
        assert arming.cancelled()
        room.scribe.commit_all()
        await room.until(State.RUNNING)
        await room.acts.pause(PERSON)
        await room.until(State.READY)


async def test_one_act_at_a_time() -> None:
    async with Room() as room:
        await room.ready()
        results = await asyncio.gather(
            room.acts.treat(PERSON), room.acts.treat(PERSON), return_exceptions=True
        )
        assert results[0] == "one"
        assert isinstance(results[1], WrongState)
        assert len(room.recorded(ArmOpened)) == 1


@pytest.mark.hazard("H38", "H47")
async def test_a_program_may_not_arm_a_real_pen() -> None:
    async with Room(pen=PaperPen(uid=0x0123)) as room:
        room.engine.realm = "treatment"
        await room.ready()
        with pytest.raises(NotAllowed):
            await room.acts.treat(PROGRAM)
    async with Room() as room:
        await room.ready()
        assert await room.acts.treat(PROGRAM) == "one"


async def test_without_a_pen_nothing_is_armed() -> None:
    async with Room() as room:
        await room.open()
        with pytest.raises(NoPen):
            await room.acts.prime(PERSON)


def test_modes_of_the_wire_have_their_names() -> None:
    named: dict[Mode, Any] = dict(MODE_NAMES)
    assert named == {mode: mode.name.lower() for mode in Mode}


@pytest.mark.hazard("H14")
async def test_counters_that_fell_since_the_last_arm_stop_everything() -> None:
    async with Room() as room:
        await room.ready()
        room.engine.books.ledger.last_known[PEN] = counters(punctures=1)
        with pytest.raises(NegativeDifference):
            await room.acts.treat(PERSON)
        assert len(room.stops) == 1
        assert f"books-contradict-pen-{PEN}" in room.alarms
        assert room.recorded(ArmOpened) == []


async def test_a_refusal_that_comes_with_the_loss_is_only_a_refusal() -> None:
    async with Room() as room:
        await room.ready()

        def refused() -> Result:
            room.unplug()
            return Result.BATTERY_LOW

        room.pen.refuse["arm"] = refused
        with pytest.raises(PenRefused):
            await room.acts.treat(PERSON)
        assert room.is_in(State.INTERRUPTED)
