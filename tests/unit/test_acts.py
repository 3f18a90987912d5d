"""Opening, closing, clearing, sealing: when each is refused, and what goes on record."""

import asyncio

import pytest

from controller.errors import JournalWriteFailed, PenRefused
from controller.record.events import (
    LatchCleared,
    SessionClosed,
    SessionOpened,
    StateChanged,
    SyringeLoaded,
    SyringeRemoved,
)
from controller.session.act_errors import (
    DosingBlocked,
    NoPen,
    NoSession,
    NotAllowed,
)
from controller.session.amounts import Amount
from controller.session.states import State, WrongState
from protocol.words import EndReason, Result, StatusFlag
from tests.support.arms import PERSON, TECHNICIAN
from tests.support.paper_pen import Room, quick
from tests.support.sessions import SESSION, progress_of, terms
from tests.support.virtual import advance

# --- open and close ----------------------------------------------------------------------------


async def test_opening_freezes_the_terms_and_loads_the_syringe() -> None:
    async with Room() as room:
        given = terms()
        await room.open(given)
        kinds = (SessionOpened, SyringeLoaded, StateChanged)
        assert room.order_of(*kinds) == ["session_opened", "syringe_loaded", "state_changed"]
        assert room.is_in(State.READY)
        assert room.acts.progress.terms == given
        assert room.acts.progress.syringe_left_nl() == 1_000_000
        with pytest.raises(WrongState, match="'open' is not possible"):
            await room.acts.open("s-2", given, PERSON)


@pytest.mark.hazard("H19")
async def test_a_session_that_cannot_be_recorded_is_not_open() -> None:
    async with Room() as room:
        room.scribe.broken = JournalWriteFailed("x")
        with pytest.raises(JournalWriteFailed):
            await room.open()
        assert room.is_in(State.NONE)
        assert room.engine.session_id is None


async def test_closing_writes_the_account_and_discards_the_rest() -> None:
    async with Room() as room:
        await room.treating(quick(3))
        await room.strokes(3)
        await room.until(State.READY)
        await room.acts.close(PERSON)
        assert room.is_in(State.CLOSED)
        assert room.engine.book is None
        (removed,) = room.recorded(SyringeRemoved)
        assert removed.discarded_nl_numerator == 970_000
        (closed,) = room.recorded(SessionClosed)
        assert closed.outcome == "complete"
        assert closed.account["dose"]["certain_nl"] == "30000/1"
        assert closed.account["syringes"][0]["left_nl"] == "0/1"
        await room.acts.open("s-2", terms(), PERSON)
        assert room.is_in(State.READY)


async def test_closing_early_says_so_and_takes_its_alarms_along() -> None:
    async with Room() as room:
        await room.treating(quick(max_zone_nl=20_000))
        await room.strokes(2)
        await room.until(State.READY)
        assert room.alarms == ["limit-reached"]
        await room.acts.close(PERSON)
        assert room.recorded(SessionClosed)[0].outcome == "ended_early"
        assert room.alarms == []


@pytest.mark.hazard("H19")
async def test_a_session_whose_closing_is_not_recorded_stays_open() -> None:
    async with Room() as room:
        await room.ready()
        room.scribe.broken = JournalWriteFailed("x")
        with pytest.raises(JournalWriteFailed):
            await room.acts.close(PERSON)
        assert room.engine.session_id == SESSION
        assert room.is_in(State.READY)


async def test_a_session_with_an_open_arm_is_sealed_before_it_is_closed() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        room.unplug()
        with pytest.raises(DosingBlocked, match="Arm 1 is still open"):
            await room.acts.close(PERSON)
        await room.acts.seal(1, TECHNICIAN, "pen lost")
        assert room.alarms == []
        await room.acts.close(PERSON)
        assert room.recorded(SessionClosed)[0].account["dose"]["possible_nl"] == "60000/1"


async def test_a_session_that_is_blocked_for_good_can_be_closed() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.count(punctures=5)
        await room.acts.treat(PERSON)
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        room.unplug()
        room.pen.count(punctures=-1)
        await room.plug()
        assert room.is_in(State.BLOCKED)
        await room.acts.close(PERSON)
        assert room.is_in(State.CLOSED)


async def test_without_a_session_nothing_can_be_asked() -> None:
    async with Room() as room:
        await room.plug()
        with pytest.raises(NoSession):
            _ = room.acts.progress
        for act in (room.acts.treat(PERSON), room.acts.prime(PERSON), room.acts.close(PERSON)):
            with pytest.raises(WrongState):
                await act


# --- clear ---------------------------------------------------------------------------------------


async def stopped(room: Room) -> None:
    await room.treating()
    room.latch_stop(room.engine.stop("operator"))
    await room.until(State.LATCHED)


@pytest.mark.hazard("H36")
async def test_clearing_a_stop_never_arms() -> None:
    async with Room() as room:
        await stopped(room)
        with pytest.raises(WrongState):
            await room.acts.treat(PERSON)
        await room.acts.clear(PERSON)
        assert room.is_in(State.READY)
        (cleared,) = room.recorded(LatchCleared)
        assert (cleared.stop_id, cleared.fault, cleared.actor) == (f"{0x5001:016x}", 0, PERSON)
        assert room.pen.open_arm == 0
        assert room.alarms == []


async def test_a_stop_and_a_fault_are_cleared_one_after_the_other() -> None:
    async with Room() as room:
        await stopped(room)
        room.pen.fault = 10
        room.tell()
        await room.acts.clear(PERSON)
        assert room.is_in(State.LATCHED)
        assert room.alarms == ["pen-fault-10"]
        await room.acts.clear(PERSON)
        assert room.is_in(State.READY)
        assert room.alarms == []
        assert [entry.fault for entry in room.recorded(LatchCleared)] == [0, 10]


async def test_a_cause_that_persists_keeps_it_latched() -> None:
    async with Room() as room:
        await stopped(room)
        room.pen.refuse["clear"] = Result.CONDITION_PERSISTS
        with pytest.raises(PenRefused, match="CLEAR was refused"):
            await room.acts.clear(PERSON)
        assert room.is_in(State.LATCHED)
        assert room.recorded(LatchCleared) == []


async def test_what_somebody_else_has_cleared() -> None:
    async with Room() as room:
        await stopped(room)
        room.pen.flags &= ~StatusFlag.STOP_LATCHED
        room.tell()
        assert room.is_in(State.LATCHED)  # goes on by an operator's act only
        await room.acts.clear(PERSON)
        assert room.is_in(State.READY)
        with pytest.raises(WrongState, match="'clear' is not possible"):
            await room.acts.clear(PERSON)


# --- seal ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H38")
async def test_sealing_needs_the_role_and_names_whoever_did_it() -> None:
    async with Room() as room:
        await room.treating()
        await room.strokes(1)
        room.unplug()
        with pytest.raises(NotAllowed):
            await room.acts.seal(1, PERSON, "lost")
        with pytest.raises(NoSession, match="Arm 7 is not open"):
            await room.acts.seal(7, TECHNICIAN, "lost")
        await room.acts.seal(1, TECHNICIAN, "lost")
        assert room.is_in(State.READY)
        assert room.arm.closed is not None
        assert (room.arm.closed.actor, room.arm.closed.reason) == (TECHNICIAN, "lost")
        assert room.arm.possible == Amount(6, dose_steps=60_000)
        owners = [d.session_id for d in room.scribe.drafts if d.body is room.arm.closed]
        assert owners == [SESSION]
        left = progress_of(room.books).punctures_left(room.acts.progress.terms.plan.zones[0])
        assert left == 4


@pytest.mark.hazard("H02")
async def test_an_arm_under_way_cannot_be_sealed() -> None:
    async with Room() as room:
        await room.treating()
        with pytest.raises(WrongState, match="'seal' is not possible"):
            await room.acts.seal(1, TECHNICIAN, "x")
        assert room.arm.is_open
        room.pen.end_arm(EndReason.LAPSE)
        await advance(0.2)
        await room.until(State.READY)


@pytest.mark.hazard("H02")
async def test_an_arm_whose_pen_is_there_is_closed_by_the_pen_alone() -> None:
    async with Room() as room:
        await room.treating()
        room.unplug()
        room.pen.flags &= ~StatusFlag.AT_REST  # it brakes: not final yet
        plugging = asyncio.ensure_future(room.plug())
        await advance(0.3)
        assert room.is_in(State.INTERRUPTED)
        with pytest.raises(DosingBlocked, match="closes arm 1 by itself"):
            await room.acts.seal(1, TECHNICIAN, "impatience")
        room.pen.flags |= StatusFlag.AT_REST
        room.pen.end_arm(EndReason.LAPSE)
        await plugging
        assert room.arm.closed is not None
        assert room.arm.closed.how == "final"


@pytest.mark.hazard("H14")
async def test_a_blocked_arm_may_be_sealed_with_its_pen_connected() -> None:
    async with Room() as room:
        await room.treating()
        room.unplug()
        room.pen.records.clear()
        room.pen.last_arm_id = room.pen.open_arm = 0
        await room.plug()
        assert room.is_in(State.BLOCKED)
        await room.acts.seal(1, TECHNICIAN, "its memory is lost")
        assert room.is_in(State.READY)
        with pytest.raises(NoPen):
            await room.acts.treat(PERSON)
