"""Arms are opened only with what fits: cartridge, vial, certificate, syringe, limits, prime."""

from datetime import UTC, datetime

import msgspec
import pytest

from controller.record.events import (
    ArmOpened,
    SessionClosed,
    SyringeRemoved,
)
from controller.session.act_errors import (
    NotFit,
    NothingAllowed,
    NotInSyringe,
    SyringeEmpty,
)
from controller.session.states import State, WrongState
from protocol.words import EventKind, StatusFlag
from tests.support import inputs
from tests.support.arms import PERSON
from tests.support.paper_pen import Room, quick
from tests.support.sessions import certificate, terms
from tests.support.virtual import advance

PRIME = EventKind.PRIME


def needs_prime(room: Room) -> bool:
    return room.acts.needs_prime


# --- what must fit -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hazard", "spoil", "sentence"),
    [
        ("H22", {"type_code": 2}, "has type 2"),
        ("H22", {"needles": 12}, "has needles 12"),
        ("H23", {"used": 1}, "was used before"),
        ("H24", {"present": 0}, "No cartridge is fitted"),
    ],
)
async def test_a_cartridge_that_does_not_fit(
    hazard: str, spoil: dict[str, int], sentence: str
) -> None:
    async with Room() as room:
        await room.ready()
        room.pen.fitted = msgspec.structs.replace(room.pen.fitted, **spoil)
        with pytest.raises(NotFit, match=sentence):
            await room.acts.treat(PERSON)
        assert room.recorded(ArmOpened) == []
        assert "configure" not in room.pen.asked


@pytest.mark.hazard("H23")
async def test_a_cartridge_that_this_session_used_may_be_used_on() -> None:
    async with Room() as room:
        await room.treating()
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        room.pen.fitted = msgspec.structs.replace(room.pen.fitted, used=1)
        await room.acts.treat(PERSON)


@pytest.mark.hazard("H25", "H26")
async def test_a_certificate_that_the_pen_does_not_store() -> None:
    async with Room() as room:
        await room.ready()
        room.pen.certificate_id = 5
        with pytest.raises(NotFit, match="The pen stores certificate 0000000000000005"):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H25")
async def test_a_certificate_that_ran_out_since() -> None:
    short = certificate(valid_until_wall=datetime(2030, 1, 1, 0, 1, tzinfo=UTC))
    plan = inputs.plan(prime_nl=0)
    async with Room() as room:
        await room.ready(terms(plan, certificate=short))
        await advance(61)
        with pytest.raises(NotFit, match="does not hold"):
            await room.acts.treat(PERSON)


@pytest.mark.hazard("H27")
async def test_a_vial_past_its_use_by() -> None:
    async with Room() as room:
        await room.ready()
        room.clock.step_wall(24 * 3600)
        with pytest.raises(NotFit, match="past its use-by"):
            await room.acts.treat(PERSON)


# --- prime and purge -----------------------------------------------------------------------------


async def test_priming_goes_on_until_the_volume_is_through() -> None:
    async with Room() as room:
        await room.plug()
        await room.open()
        assert needs_prime(room)
        await room.acts.prime(PERSON)
        await advance(0.01)
        opened = room.arm.opened
        assert (opened.mode, opened.purpose, opened.zone) == ("prime", "prime", None)
        assert (opened.protrusion_um, opened.dwell_us) == (0, 0)
        assert opened.steps == 5_000  # one slice of 100 ms at 50,000 steps a second
        await room.strokes(1, kind=PRIME)
        await room.until(State.READY)
        assert not needs_prime(room)
        with pytest.raises(NothingAllowed, match="Nothing left to prime"):
            await room.acts.prime(PERSON)


@pytest.mark.parametrize(("prime_nl", "slices"), [(0, 1), (5_000, 2), (20_001, 5)])
async def test_a_prime_takes_the_preload_along(prime_nl: int, slices: int) -> None:
    async with Room() as room:
        room.pen.flags &= ~StatusFlag.PRELOADED
        await room.plug()
        await room.open(terms(inputs.plan(prime_nl=prime_nl)))
        assert needs_prime(room)
        await room.acts.prime(PERSON)
        wanted, steps = prime_nl + 200, room.arm.opened.steps
        assert steps <= 5_000
        assert 0 <= steps * slices - wanted < slices  # all of it, in whole slices
        await room.strokes(slices, kind=PRIME)
        room.pen.flags |= StatusFlag.PRELOADED
        await room.until(State.READY)
        assert not needs_prime(room)


@pytest.mark.hazard("H30")
async def test_slices_never_take_more_than_the_syringe_holds() -> None:
    async with Room() as room:
        room.pen.flags &= ~StatusFlag.PRELOADED
        await room.plug()
        await room.open(terms(inputs.plan(prime_nl=5_000, syringe_fill_nl=5_003)))
        await room.acts.prime(PERSON)
        assert room.engine.drive is not None
        assert (room.arm.opened.steps, room.engine.drive.allowance.steps) == (2_501, 5_002)
        await advance(0.01)
        await room.strokes(2, kind=PRIME)
        await room.until(State.READY)


async def test_a_pen_that_lost_its_preload_must_prime_again() -> None:
    async with Room() as room:
        await room.ready()
        assert not needs_prime(room)
        room.pen.flags &= ~StatusFlag.PRELOADED
        assert needs_prime(room)


async def test_a_purge_has_its_own_line() -> None:
    async with Room() as room:
        await room.ready()
        await room.acts.purge(12_000, PERSON)
        await advance(0.01)
        opened = room.arm.opened
        assert (opened.mode, opened.purpose, opened.steps) == ("prime", "purge", 4_000)
        assert opened.protrusion_um == 0
        await room.strokes(3, kind=PRIME)
        await room.until(State.READY)
        await room.acts.close(PERSON)
        account = room.recorded(SessionClosed)[0].account
        assert account["purged"]["certain_nl"] == "12000/1"
        assert account["primed"]["certain_nl"] == "0/1"
        assert account["syringes"][0]["purged_nl"] == "12000/1"


async def test_a_purge_stays_within_the_syringe() -> None:
    plan = inputs.plan(syringe_fill_nl=100_000, prime_nl=0)
    async with Room() as room:
        await room.ready(terms(plan))
        await room.acts.purge(10**9, PERSON)
        await advance(0.01)
        assert room.engine.drive is not None
        assert room.engine.drive.allowance.steps == 100_000
        await room.strokes(20, kind=PRIME)
        await room.until(State.READY)
        with pytest.raises(SyringeEmpty):
            await room.acts.purge(1_000, PERSON)


@pytest.mark.parametrize("volume_nl", [0, -5])
async def test_a_purge_of_nothing_is_refused(volume_nl: int) -> None:
    async with Room() as room:
        await room.ready()
        with pytest.raises(NotInSyringe):
            await room.acts.purge(volume_nl, PERSON)


async def test_without_dispense_there_is_nothing_to_prime_purge_or_load() -> None:
    plan = inputs.stamping()
    async with Room() as room:
        await room.ready(terms(plan))
        assert not needs_prime(room)
        for act in (
            room.acts.prime(PERSON),
            room.acts.purge(1_000, PERSON),
            room.acts.swap_syringe(1_000, PERSON),
        ):
            with pytest.raises(NotInSyringe):
                await act


# --- limits and syringes -------------------------------------------------------------------------


@pytest.mark.hazard("H30")
async def test_an_empty_syringe_says_what_to_do_and_a_new_one_goes_on() -> None:
    plan = inputs.plan(inputs.zone(punctures=5, cadence_hz=10), prime_nl=0, syringe_fill_nl=25_000)
    async with Room() as room:
        await room.treating(terms(plan, limits=inputs.limits(plan)))
        await room.strokes(2)
        await room.until(State.READY)
        assert room.alarms == ["limit-reached"]
        with pytest.raises(SyringeEmpty, match="swap"):
            await room.acts.treat(PERSON)
        await room.acts.swap_syringe(1_000_000, PERSON)
        (removed,) = room.recorded(SyringeRemoved)
        assert removed.discarded_nl_numerator == 5_000
        await room.acts.treat(PERSON)
        await advance(0.01)
        assert room.alarms == []
        await room.strokes(3)
        await room.until(State.READY)
        syringes = room.acts.progress.book.syringes
        assert [len(each.arms) for each in syringes] == [1, 1]
        assert room.acts.progress.syringe_left_nl() == 970_000


async def test_a_swapped_syringe_is_primed_again() -> None:
    async with Room() as room:
        await room.plug()
        await room.open()
        await room.acts.prime(PERSON)
        await advance(0.01)
        await room.strokes(1, kind=PRIME)
        await room.until(State.READY)
        assert not needs_prime(room)
        await room.acts.swap_syringe(500_000, PERSON)
        assert needs_prime(room)


async def test_a_syringe_is_swapped_at_rest_and_with_something_in_it() -> None:
    async with Room() as room:
        await room.treating()
        with pytest.raises(WrongState):
            await room.acts.swap_syringe(500_000, PERSON)
        await room.acts.pause(PERSON)
        await room.until(State.READY)
        with pytest.raises(NotInSyringe):
            await room.acts.swap_syringe(0, PERSON)


@pytest.mark.hazard("H01")
async def test_a_limit_that_leaves_nothing_is_refused_and_alarmed() -> None:
    async with Room() as room:
        await room.ready(quick(max_session_nl=9_999))
        with pytest.raises(NothingAllowed, match="bound by session limit"):
            await room.acts.treat(PERSON)
        assert room.alarms == ["limit-reached"]
        assert room.recorded(ArmOpened) == []


async def test_a_complete_plan_has_no_next_arm() -> None:
    async with Room() as room:
        await room.treating(quick(1))
        await room.strokes(1)
        await room.until(State.READY)
        with pytest.raises(NothingAllowed, match="Every zone"):
            await room.acts.treat(PERSON)
