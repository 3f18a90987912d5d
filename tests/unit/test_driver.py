"""The driver over a fake pen: requests, grants, the event stream, up and lost exactly once."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from controller.errors import (
    ConditionNotReached,
    DigestMismatch,
    IdentityMismatch,
    LinkLost,
    PenRefused,
    RealmMismatch,
)
from controller.pen.driver import Pen, PenLine
from controller.pen.identity import realm_of, require_realm, text_of
from controller.pen.waiting import StatusWaiting
from protocol.codec import settings_digest
from protocol.limits import SIMULATED_UID_MIN
from protocol.messages import (
    Ack,
    Arm,
    Clear,
    Configure,
    Configured,
    Grant,
    GrantRefused,
    Health,
    Identity,
    Query,
    Status,
    StatusPush,
    Stop,
    StrokeSettings,
)
from protocol.words import Mode, QueryTopic, Result, StatusFlag
from tests.support.fake_pen import HOST_ID, UID, ZERO, status_of
from tests.support.pen_bench import Bench
from tests.support.virtual import VirtualClock, advance

SETTINGS = StrokeSettings(Mode.DOSE, 800, 200_000, 20, 0)


@pytest_asyncio.fixture
async def bench(clock: VirtualClock) -> AsyncIterator[Bench]:
    async with Bench(clock) as running:
        await running.pen()
        yield running


def grants(bench: Bench) -> list[Grant]:
    return [message for message in bench.fake.heard if isinstance(message, Grant)]


async def test_a_pen_comes_up_complete(bench: Bench) -> None:
    pen = await bench.pen()
    assert (pen.uid, pen.boot_id, pen.link_id) == (UID, 1, bench.fake.link_id)
    assert text_of(pen.identity.model) == "fake"
    assert pen.envelope.ring_depth == 1_024
    assert pen.status.boot_id == 1
    assert pen.status_age_s() < 0.1


async def test_every_request_reaches_the_pen_and_brings_its_own_answer(bench: Bench) -> None:
    pen = await bench.pen()
    assert await pen.configure(SETTINGS) == settings_digest(SETTINGS)
    assert (await pen.cartridge()).cartridge_uid == 77
    assert (await pen.arm(5, 1, 77, 3, ZERO, 4)).arm_id == 5
    assert (await pen.disarm(5)).arm_id == 5
    assert (await pen.arm_record(6)).arm_id == 6
    assert (await pen.last_arm_of_host()).host_id == HOST_ID
    assert (await pen.clear_stop(9)).result is Result.OK
    assert (await pen.clear_fault(30)).result is Result.OK
    assert (await pen.store_certificate(11)).certificate_id == 11
    heard = bench.fake.heard
    arm = next(message for message in heard if isinstance(message, Arm))
    assert (arm.settings_digest, arm.cartridge_uid, arm.certificate_id) == (1, 77, 3)
    assert (arm.expected, arm.last_stop_id) == (ZERO, 4)
    assert [(m.stop_id, m.fault) for m in heard if isinstance(m, Clear)] == [(9, 0), (0, 30)]
    assert [m.topic for m in heard if isinstance(m, Query)][-1] is QueryTopic.LAST_ARM_OF_HOST


async def test_a_refused_configuration_says_why(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.answers[Configure] = Configured(0, Result.PERIOD_TOO_SHORT, 0)
    with pytest.raises(PenRefused, match=r"E3001 .*cadence is over") as caught:
        await pen.configure(SETTINGS)
    assert caught.value.result is Result.PERIOD_TOO_SHORT


async def test_a_pen_that_decoded_something_else_is_found_out(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.answers[Configure] = Configured(0, Result.OK, settings_digest(SETTINGS) ^ 1)
    with pytest.raises(DigestMismatch, match="E3002"):
        await pen.configure(SETTINGS)


async def test_rest_is_believed_only_from_a_status_made_after_the_question(bench: Bench) -> None:
    pen = await bench.pen()
    await advance(0.03)
    old = StatusPush(bench.fake.status())
    await advance(0.03)
    waiting = asyncio.create_task(pen.wait_at_rest(2.0))
    await advance(0.0)
    bench.fake.say(old)
    bench.fake.changes["flags"] = StatusFlag.HOMED
    await advance(0.5)
    assert not waiting.done()
    del bench.fake.changes["flags"]
    await advance(0.1)
    assert waiting.done()
    await waiting


async def test_waiting_for_rest_in_vain_names_the_last_status(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.changes["flags"] = StatusFlag.HOMED
    with pytest.raises(ConditionNotReached, match=r"not at rest after 0.5 s; .* IDLE.* 0x08"):
        await pen.wait_at_rest(0.5)
    waiting = asyncio.create_task(pen.wait_at_rest(5.0))
    await advance(0.01)
    bench.fake.unplug()
    await advance(0.001)
    assert waiting.done()
    with pytest.raises(LinkLost, match="unplugged"):
        await waiting


async def test_one_who_waited_is_not_asked_again(bench: Bench) -> None:
    link = (await bench.pen())._link
    waiting, asked = StatusWaiting(link), 0

    def wanted(_: Status) -> bool:
        nonlocal asked
        asked += 1
        return False

    with pytest.raises(ConditionNotReached):
        await waiting.until(wanted, "anything", 0.01)
    waiting.on_status(status_of(90_000_000))
    assert asked == 0


async def test_a_grant_ends_200_ms_after_the_estimated_pen_time(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.talks = False
    await advance(0.35)
    assert pen.grant(3, 10, 20, 7)
    await advance(0.0)
    (grant,) = grants(bench)
    assert (grant.boot_id, grant.arm_id, grant.acked_index) == (1, 3, 7)
    assert (grant.puncture_ceiling, grant.step_ceiling) == (10, 20)
    expected = pen.status.pen_ticks + round(pen.status_age_s() * 1e6) + 200_000
    assert grant.valid_until_ticks == pytest.approx(expected, abs=2)
    assert grant.valid_until_ticks <= bench.fake.ticks + 200_000


@pytest.mark.hazard("H08", "H09")
async def test_no_grant_on_a_status_older_than_a_second() -> None:
    """A loop that was blocked that long has not yet noticed that the link is half-open."""

    class Stalling(VirtualClock):
        stall_s = 0.0

        def mono_s(self) -> float:
            return super().mono_s() + self.stall_s

    clock = Stalling.running()
    async with Bench(clock) as bench:
        pen = await bench.pen()
        clock.stall_s = 0.999 - pen.status_age_s()
        assert pen.grant(1, 1, 1, 0)
        clock.stall_s += 0.002
        assert pen.is_up
        assert pen.grant(1, 1, 1, 0) is False
        clock.stall_s = 0.0
        await advance(0.0)
        assert len(grants(bench)) == 1


@pytest.mark.hazard("H34")
async def test_no_grant_while_a_stop_is_active(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.hears = lambda message: not isinstance(message, Stop)
    stop_id = bench.line.stop("operator")
    assert pen.grant(1, 1, 1, 0) is False
    await advance(0.1)
    assert grants(bench) == []
    bench.fake.hears = lambda _: True
    await advance(0.05)
    assert [stopped.stop_id for stopped in bench.diary.all("stopped")] == [stop_id]
    assert pen.last_stop_id == stop_id
    assert pen.grant(1, 1, 1, 0)


async def test_a_stop_echoed_while_the_pen_came_up_is_told_too(clock: VirtualClock) -> None:
    bench = Bench(clock)
    stop_id = bench.line.stop("before the link")
    async with bench:
        pen = await bench.pen()
        await advance(0.1)
        assert pen.last_stop_id == stop_id
        assert [stopped.stop_id for stopped in bench.diary.all("stopped")] == [stop_id]


async def test_after_the_loss_nothing_is_sent_and_nothing_is_told(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.hears = lambda _: False
    bench.opener.error = LinkLost("gone")
    port, sent = bench.fake.port, len(bench.fake.port.written)
    bench.fake.unplug()
    assert pen.grant(1, 1, 1, 0) is False
    pen.ack(3)
    await advance(0.01)
    told = len(bench.diary.entries)
    bench.fake.say(StatusPush(status_of(90_000_000)))
    assert len(port.written) == sent
    assert len(bench.diary.entries) == told
    assert not pen.is_up
    with pytest.raises(LinkLost):
        await pen.cartridge()


async def test_an_ack_names_boot_and_index(bench: Bench) -> None:
    (await bench.pen()).ack(12)
    await advance(0.0)
    assert bench.fake.heard[-1] == Ack(1, 12)


async def test_pushes_reach_the_listener(bench: Bench) -> None:
    pen = await bench.pen()
    health = Health(3_700, 80, 300, 0, 0)
    refusal = GrantRefused(1, Result.WRONG_ARM, 5, 6)
    bench.fake.say(health)
    bench.fake.say(refusal)
    await advance(0.35)
    assert bench.diary.all("health") == [health]
    assert pen.last_grant_refusal == refusal
    ticks = [status.pen_ticks for status in bench.diary.all("status")]
    assert len(ticks) >= 3
    assert ticks == sorted(set(ticks))


@pytest.mark.hazard("H13")
async def test_a_pen_that_restarts_is_lost_and_comes_back_as_another_link(bench: Bench) -> None:
    first = await bench.pen()
    bench.fake.link_id, bench.fake.boot_id = 0, 2
    await advance(1.01)
    assert not first.is_up
    await advance(0.5)
    second = await bench.pen()
    assert (second.boot_id, first.boot_id) == (2, 1)
    assert bench.diary.all("lost")[0][0] is first


@pytest.mark.parametrize("how", ["cancel", "unplug", "silence"])
async def test_each_pen_up_is_followed_by_exactly_one_pen_lost(
    clock: VirtualClock, how: str
) -> None:
    bench = Bench(clock)
    async with bench:
        pen = await bench.pen()
        if how == "unplug":
            bench.fake.unplug()
        elif how == "silence":
            bench.fake.talks = False
        await advance(0.0 if how == "cancel" else 1.1)
        bench.fake.talks = False
    whats = [what for what, _ in bench.diary.entries if what in {"up", "lost"}]
    assert whats == ["up", "lost"] * (len(whats) // 2)
    assert bench.diary.all("up")[0] is pen
    assert bench.line.pen is None
    assert bench.fake.port.closed


async def test_a_cancellation_at_any_moment_leaves_nothing_behind(clock: VirtualClock) -> None:
    for moment_ms in range(0, 300, 7):
        bench = Bench(clock)
        bench.diary.on_up = lambda pen: pen.follow_strokes(0)
        async with bench:
            bench.fake.make_events(1, push=False)
            await advance(moment_ms / 1000)
        assert len(bench.diary.all("up")) == len(bench.diary.all("lost"))
        assert bench.fake.port.closed or moment_ms == 0


async def test_a_listener_that_fails_in_pen_up_still_gets_its_pen_lost(clock: VirtualClock) -> None:
    bench = Bench(clock)

    def fail(_: Pen) -> None:
        raise ZeroDivisionError

    bench.diary.on_up = fail
    with pytest.raises(ZeroDivisionError):
        async with bench:
            await advance(1.0)
    assert [what for what, _ in bench.diary.entries] == ["up", "lost"]


async def test_a_pen_with_two_uids_is_turned_down(clock: VirtualClock) -> None:
    bench = Bench(clock)
    bench.fake.answers[Query] = Identity(0, UID + 1, bytes(16), bytes(16), 0, 0, 0)
    async with bench:
        await advance(0.3)
        (error,) = bench.diary.all("failed")
        assert isinstance(error, IdentityMismatch)
        assert bench.diary.all("up") == []


async def test_a_real_pen_and_a_simulated_one_belong_to_different_realms() -> None:
    assert realm_of(SIMULATED_UID_MIN) == "training"
    assert realm_of(SIMULATED_UID_MIN - 1) == "treatment"
    require_realm(SIMULATED_UID_MIN, "training")
    for uid, realm in ((UID, "treatment"), (5, "training")):
        with pytest.raises(RealmMismatch, match="E3010"):
            require_realm(uid, "treatment" if realm == "treatment" else "training")


def test_the_driver_module_names_what_the_session_uses() -> None:
    assert PenLine.__module__ == "controller.pen.driver"
    assert Pen.__module__ == "controller.pen.pen"


async def test_a_request_id_is_the_drivers_own(bench: Bench) -> None:
    pen = await bench.pen()
    first, second = await pen.cartridge(), await pen.cartridge()
    assert second.request_id == first.request_id + 1
    assert msgspec.structs.replace(first, request_id=0) == msgspec.structs.replace(
        second, request_id=0
    )
