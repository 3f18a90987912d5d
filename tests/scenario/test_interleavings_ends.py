"""Numbers and stores at their end: the ring full, counters at 2^32 and near 2^64, ids used up.

Whatever does not fit is refused with a sentence, before anything moves; nothing wraps.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.errors import MicropenError
from controller.service.program import PROGRAM
from protocol.codec import encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import Ack, Grant, Message
from simulator.scenario import Scenario
from tests.support.bills import QUICK, dosing, pen_for, stamping
from tests.support.delay_line import DelayLine
from tests.support.pen_memory import memory_of, rewrite_memory
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(6, 4)
NO_LIFTS = msgspec.structs.replace(QUICK, glide_us=0)


def pen_with(scenario: Scenario, **settings: Any) -> Scenario:
    """The scenario with other settings of its pen."""
    pen = msgspec.structs.replace(scenario.pen, **settings)
    return msgspec.structs.replace(scenario, pen=pen)


def made(theatre: Theatre) -> int:
    """Punctures of the pen's whole life, by the oracle."""
    return sum(moved.punctures for moved in theatre.stage.truth.segments().values())


# --- ring full -----------------------------------------------------------------------------------


def without_acks(data: bytes, message: Message) -> bytes:
    """A frame that acknowledges nothing."""
    if not isinstance(message, Grant | Ack):
        return data
    (frame,) = Decoder().feed(data)
    assert isinstance(frame, Frame)
    changed = encode_payload(msgspec.structs.replace(message, acked_index=0))
    return encode_frame(Frame(frame.kind, frame.link_id, frame.sequence, changed))


@pytest.mark.hazard("H04")
async def test_ring_full_stops_the_pen_before_a_stroke_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No acknowledgement reaches the pen: it latches while every event is still in its ring."""
    plan = stamping(700, 700, cadence_hz=150)
    scenario = pen_with(pen_for(plan, hand=NO_LIFTS), ring_depth=1_024)
    async with Theatre(tmp_path / "j", scenario) as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        line.changes = without_acks
        await theatre.begin(plan)
        work = theatre.operate()
        active = theatre.engine.alarms.active
        await theatre.until(lambda: any(each.name == "ring_full" for each in active.values()))
        assert await theatre.rest(3.0) <= 0.15
        full = made(theatre)
        assert 1_000 <= full <= 1_024
        assert theatre.referee().end_reasons[-1] == "fault"
        assert sum(len(arm.events) for arm in theatre.referee().arms.values()) == full
        assert not work.done(), "the operator goes on asking: the cause persists"
        line.changes = lambda data, _: data
        await theatre.until(work.done)
        await work
        referee = theatre.check()
    assert referee.residuals == []
    assert referee.gaps == []
    assert made(theatre) == sum(len(arm.events) for arm in referee.arms.values())
    assert 1_300 <= made(theatre) <= 1_400
    assert [each["fault"] for each in referee.all("latch_cleared")] != []
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H04")
async def test_ring_nearly_full_refuses_the_arm_until_it_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer than 256 free records: RING_FULL is the answer to ARM, and nothing moves."""
    plan = stamping(800, 300, cadence_hz=150)
    scenario = pen_with(pen_for(plan, hand=NO_LIFTS), ring_depth=1_024)
    async with Theatre(tmp_path / "j", scenario) as theatre:
        line = DelayLine(theatre.stage, monkeypatch)
        line.changes = without_acks
        await theatre.begin(plan)
        await theatre.acts.treat(PROGRAM)
        await theatre.until(lambda: theatre.armed_id == 0)
        before = made(theatre)
        assert 768 < before <= 800
        with pytest.raises(MicropenError, match="ring"):
            await theatre.acts.treat(PROGRAM)
        assert await theatre.rest(2.0) == 0.0
        assert made(theatre) == before
        line.changes = lambda data, _: data
        work = theatre.operate()
        await theatre.until(work.done)
        await work
        referee = theatre.check()
    assert referee.end_reasons[1] == "spent"
    assert referee.all("session_closed")[0]["outcome"] == "complete"


# --- counters near 2^64 and at 2^32 ---------------------------------------------------------------


@pytest.mark.hazard("H42")
@pytest.mark.parametrize("below", [0, 1, 3, 8_000])
async def test_counters_at_2_to_the_32_and_ticks_with_them(tmp_path: Path, below: int) -> None:
    """All six counters, and the pen's ticks in mid-session, cross 2^32: nothing happens."""
    scenario = pen_with(
        pen_for(PLAN), lifetime_counts=2**32 - below, tick_at_boot=2**32 - 3_000_000
    )
    async with Theatre(tmp_path / "j", scenario) as theatre:
        await theatre.play(PLAN)
        referee = theatre.check()
    assert referee.end_reasons == ["disarmed"] * 3
    assert made(theatre) == 10
    assert max(
        arm.closed["certain"]["punctures"] for arm in referee.arms.values() if arm.closed
    ) == (2**32 - below + 10)
    assert referee.alarms == set()


@pytest.mark.hazard("H42")
@pytest.mark.parametrize("room", [9, 10, 10**6])
async def test_counters_near_2_to_the_64_punctures(tmp_path: Path, room: int) -> None:
    """A pen with room for `room` punctures in its life makes those and no more; nothing wraps."""
    top = 2**64 - 1
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        counters = msgspec.structs.replace(memory_of(theatre).reserved, punctures=top - room)
        rewrite_memory(theatre, proven=counters, reserved=counters)
        await theatre.begin(PLAN)
        if room < 10:
            with pytest.raises(MicropenError):
                await theatre.operate()
            await theatre.rest(3.0)
        else:
            await theatre.operate()
        theatre.check()
        assert made(theatre) <= min(room, 10)
        status = theatre.engine.pen.status if theatre.engine.pen else None
        assert status is not None
        assert status.counters.punctures == top - room + made(theatre)
        assert (made(theatre) == 10) == (room >= 10)


@pytest.mark.hazard("H42")
async def test_counters_near_2_to_the_64_steps_summed(tmp_path: Path) -> None:
    """The forward categories sum up to more than a ceiling can say: refused, nothing moves."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        counters = msgspec.structs.replace(
            memory_of(theatre).reserved, dose_steps=2**63, prime_steps=2**63 - 1_000
        )
        rewrite_memory(theatre, proven=counters, reserved=counters)
        await theatre.begin(PLAN)
        with pytest.raises(MicropenError):
            await theatre.operate()
        await theatre.rest(3.0)
        assert theatre.stage.truth.so_far().forward_steps <= 1_000
        theatre.check()


@pytest.mark.hazard("H42")
async def test_arm_ids_near_2_to_the_32_are_used_up_and_never_wrap(tmp_path: Path) -> None:
    """Two ids are left: prime and one zone; the second zone is refused with a sentence."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        rewrite_memory(theatre, highest_arm_id=0xFFFF_FFFC)
        await theatre.begin(PLAN)
        with pytest.raises(MicropenError, match="no arm id left"):
            await theatre.operate()
        await theatre.rest(2.0)
        referee = theatre.check()
    assert [arm.opened["arm_id"] for arm in referee.arms.values()] == [0xFFFF_FFFD, 0xFFFF_FFFE]
    assert made(theatre) == 6


@pytest.mark.hazard("H42")
async def test_boot_ids_near_2_to_the_32(tmp_path: Path) -> None:
    """The last boot that the wire can name still treats; one more does not pass for the first."""
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        rewrite_memory(theatre, boot_id=2**32 - 2)
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: made(theatre) == 3)
        assert theatre.engine.pen is not None
        assert theatre.engine.pen.boot_id == 2**32 - 1
        work.cancel()
        theatre.reset_pen()
        await advance(5.0)
        await theatre.rest(1.0)
        assert made(theatre) <= 4
