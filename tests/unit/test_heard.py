"""The newest status and the time of its receipt, which carries the lease."""

import msgspec
import pytest
import pytest_asyncio

from controller.link.heard import Heard
from protocol.messages import Status
from tests.support.fake_pen import ZERO, status_of
from tests.support.virtual import VirtualClock, advance


@pytest_asyncio.fixture
async def heard(clock: VirtualClock) -> Heard:
    return Heard(status_of(1_000, next_index=5), clock.mono_s(), clock)


async def test_a_newer_tick_brings_its_own_receipt_time(heard: Heard, clock: VirtualClock) -> None:
    await advance(0.5)
    assert heard.note(status_of(400_000), clock.mono_s())
    await advance(0.25)
    assert heard.age_s() == pytest.approx(0.25)
    assert heard.pen_now_ticks() == pytest.approx(650_000, abs=1)


@pytest.mark.parametrize(
    "status",
    [
        status_of(999, next_index=9),
        status_of(1_000, next_index=5),
        status_of(1_000, next_index=4),
        status_of(1_000, next_index=6, counters=msgspec.structs.replace(ZERO, punctures=-1)),
        status_of(2_000, boot_id=2),
    ],
    ids=["older", "repeated", "same tick, less", "same tick, one counter less", "other boot"],
)
async def test_what_is_not_newer_changes_nothing(
    heard: Heard, clock: VirtualClock, status: Status
) -> None:
    await advance(0.5)
    assert not heard.note(status, clock.mono_s())
    assert heard.status.next_index == 5
    assert heard.age_s() == pytest.approx(0.5)


async def test_more_at_the_same_tick_is_newer_but_no_sign_of_life(
    heard: Heard, clock: VirtualClock
) -> None:
    await advance(0.5)
    assert heard.note(status_of(1_000, next_index=6), clock.mono_s())
    assert heard.status.next_index == 6
    assert heard.age_s() == pytest.approx(0.5)
