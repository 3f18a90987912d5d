"""Requests on one link: matched by id and kind, identical on retry, over at its loss."""

import asyncio
import random

import msgspec
import pytest
import pytest_asyncio

from controller.errors import LinkLost, RequestTimeout
from controller.link.exchange import Exchange
from controller.link.heard import Heard
from controller.link.stopline import StopLine
from controller.link.wire import Wire
from controller.link.wiretap import Wiretap
from protocol.framing import Decoder, Frame
from protocol.limits import PROTOCOL_VERSION
from protocol.messages import (
    Ack,
    Arm,
    ArmReply,
    Cartridge,
    Cleared,
    Health,
    HelloReply,
    Message,
    Query,
    StatusPush,
    Stopped,
)
from protocol.words import PenState, QueryTopic, Result
from tests.support.fake_pen import UID, FakePort, frame_of, messages_in, status_of
from tests.support.virtual import VirtualClock, advance

LINK = 0x55
QUERY = Query(0, QueryTopic.CARTRIDGE, 0)
CARTRIDGE = Cartridge(1, 1, 0, 77, 1, 12, 1_500)


class Ends:
    """An exchange on a fake port, and everything it pushed."""

    def __init__(self, clock: VirtualClock) -> None:
        self.port = FakePort()
        self.wire = Wire(self.port, clock, Wiretap())
        self.stop_line = StopLine(clock, random.Random(1), Wiretap())
        hello = HelloReply(LINK, UID, PROTOCOL_VERSION, 1, PenState.IDLE, 0, 0)
        heard = Heard(status_of(1_000), clock.mono_s(), clock)
        self.exchange = Exchange(self.wire, self.stop_line, hello, heard)
        self.wire.start(self.exchange.on_frame)
        self.pushes: list[tuple[Message, bool]] = []
        self.exchange.subscribe(lambda message, newest: self.pushes.append((message, newest)))

    def say(self, message: Message, link_id: int = LINK) -> None:
        self.port.deliver(frame_of(message, link_id))

    def ask(self, deadline_s: float = 1.0) -> "asyncio.Task[Cartridge]":
        return asyncio.create_task(self.exchange.request(QUERY, deadline_s, Cartridge))

    def count(self, what: str) -> int:
        return self.exchange.counts.get(what, 0)


@pytest_asyncio.fixture
async def ends(clock: VirtualClock) -> Ends:
    return Ends(clock)


async def test_a_reply_is_matched_by_its_id(ends: Ends) -> None:
    asking = ends.ask()
    await advance(0.01)
    ends.say(msgspec.structs.replace(CARTRIDGE, request_id=2, needles=99))
    ends.say(CARTRIDGE)
    assert await asking == CARTRIDGE
    assert ends.count("late_reply") == 1
    ends.exchange.lose("end of test")


@pytest.mark.hazard("H02")
async def test_a_retry_is_the_identical_request(ends: Ends) -> None:
    asking = ends.ask()
    await advance(0.15)
    frames = [found for found in Decoder().feed(ends.port.written) if isinstance(found, Frame)]
    assert [frame.sequence for frame in frames] == [0, 1, 2]
    assert len({(frame.kind, frame.link_id, frame.payload) for frame in frames}) == 1
    ends.say(CARTRIDGE)
    await asking
    ends.exchange.lose("end of test")


@pytest.mark.hazard("H02")
async def test_an_arm_keeps_its_id_in_every_retry(ends: Ends) -> None:
    arm = Arm(0, 7, 1, 2, 3, 4, status_of(1_000).counters)
    asking = asyncio.create_task(ends.exchange.request(arm, 0.2, ArmReply))
    with pytest.raises(RequestTimeout):
        await asking
    sent = messages_in(ends.port.written)
    assert len(sent) == 4
    assert {each.arm_id for each in sent if isinstance(each, Arm)} == {7}
    ends.exchange.lose("end of test")


@pytest.mark.hazard("H02")
async def test_a_failed_request_is_never_sent_again(ends: Ends) -> None:
    with pytest.raises(RequestTimeout):
        await ends.ask(0.1)
    ends.port.written = b""
    with pytest.raises(RequestTimeout):
        await ends.ask(0.1)
    ids = [each.request_id for each in messages_in(ends.port.written) if isinstance(each, Query)]
    assert ids == [2, 2]
    ends.exchange.lose("end of test")


async def test_a_reply_of_the_right_id_and_wrong_kind_is_ignored(ends: Ends) -> None:
    asking = ends.ask()
    await advance(0.01)
    ends.say(Cleared(1, Result.OK, status_of(2_000)))
    await advance(0.01)
    assert not asking.done()
    assert ends.count("reply_of_wrong_kind") == 1
    ends.say(CARTRIDGE)
    await asking
    ends.exchange.lose("end of test")


async def test_a_timeout_names_request_deadline_attempts_and_last_status(ends: Ends) -> None:
    with pytest.raises(RequestTimeout) as caught:
        await ends.ask(0.3)
    assert str(caught.value).startswith(
        "E2010 No answer to Query in 0.3 s (5 attempts); last status 0.300 s ago: IDLE, arm 0"
    )
    ends.exchange.lose("end of test")


@pytest.mark.hazard("H12")
async def test_a_late_reply_does_not_answer_the_next_request(ends: Ends) -> None:
    with pytest.raises(RequestTimeout):
        await ends.ask(0.1)
    asking = ends.ask()
    await advance(0.01)
    ends.say(CARTRIDGE)
    await advance(0.01)
    assert not asking.done()
    assert ends.count("late_reply") == 1
    ends.say(msgspec.structs.replace(CARTRIDGE, request_id=2))
    assert (await asking).request_id == 2
    ends.exchange.lose("end of test")


async def test_a_repeated_reply_counts_as_late(ends: Ends) -> None:
    asking = ends.ask()
    await advance(0.01)
    ends.say(CARTRIDGE)
    ends.say(CARTRIDGE)
    await asking
    ends.say(CARTRIDGE)
    assert ends.count("late_reply") == 1
    ends.exchange.lose("end of test")


async def test_requests_go_one_at_a_time(ends: Ends) -> None:
    first, second = ends.ask(), ends.ask()
    await advance(0.01)
    assert len(messages_in(ends.port.written)) == 1
    ends.say(CARTRIDGE)
    await first
    await advance(0.01)
    assert messages_in(ends.port.written)[-1] == msgspec.structs.replace(QUERY, request_id=2)
    ends.say(msgspec.structs.replace(CARTRIDGE, request_id=2))
    await second
    ends.exchange.lose("end of test")


async def test_waiting_for_the_turn_is_part_of_the_deadline(ends: Ends) -> None:
    first, second = ends.ask(0.5), ends.ask(0.2)
    with pytest.raises(RequestTimeout):
        await first
    with pytest.raises(RequestTimeout, match="0 attempts"):
        await second
    ends.exchange.lose("end of test")


async def test_who_waits_for_the_turn_waits_no_longer_than_its_own_deadline(ends: Ends) -> None:
    first, second = ends.ask(0.5), ends.ask(0.2)
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(RequestTimeout, match="0 attempts"):
        await second
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(0.2)
    ends.say(CARTRIDGE)
    assert await first == CARTRIDGE
    third = ends.ask()
    await advance(0.01)
    ends.say(msgspec.structs.replace(CARTRIDGE, request_id=2))
    assert (await third).request_id == 2
    ends.exchange.lose("end of test")


async def test_a_cancelled_request_leaves_the_turn_to_the_next(ends: Ends) -> None:
    first = ends.ask()
    await advance(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = ends.ask()
    await advance(0.01)
    ends.say(msgspec.structs.replace(CARTRIDGE, request_id=2))
    assert (await second).request_id == 2
    ends.exchange.lose("end of test")


async def test_the_loss_of_the_link_ends_every_request(ends: Ends) -> None:
    first, second = ends.ask(), ends.ask()
    await advance(0.01)
    ends.port.unplug("pulled")
    await advance(0.001)
    for asking in (first, second):
        assert asking.done()
        with pytest.raises(LinkLost, match="pulled"):
            await asking
    assert ends.port.closed


@pytest.mark.hazard("H12")
async def test_nothing_of_a_lost_link_reaches_anybody(ends: Ends) -> None:
    ends.exchange.lose("end")
    ends.say(StatusPush(status_of(9_000)))
    ends.exchange.send(Ack(1, 0))
    assert ends.pushes == []
    assert ends.exchange.heard.status.pen_ticks == 1_000
    assert ends.port.written == b""


async def test_frames_of_other_links_and_our_own_echo_are_counted_and_dropped(ends: Ends) -> None:
    ends.say(StatusPush(status_of(9_000)), link_id=LINK + 1)
    ends.say(StatusPush(status_of(9_000)), link_id=0)
    ends.say(Ack(1, 0))
    assert ends.pushes == []
    assert (ends.count("other_link"), ends.count("echo")) == (2, 1)
    ends.exchange.lose("end of test")


async def test_the_sequence_counts_modulo_256(ends: Ends) -> None:
    """SPEC.md, table of the header: a narrower mask would hide lost frames from a trace."""
    for _ in range(300):
        ends.exchange.send(Ack(1, 0))
    frames = [found for found in Decoder().feed(ends.port.written) if isinstance(found, Frame)]
    assert [frame.sequence for frame in frames] == [number % 256 for number in range(300)]
    ends.exchange.lose("end of test")


async def test_garbage_between_frames_is_counted(ends: Ends) -> None:
    frame = frame_of(StatusPush(status_of(9_000)), LINK)
    ends.port.deliver(frame[:-3] + b"\x00" + frame + bytes((1, 2, 3, 0)))
    assert len(ends.pushes) == 1
    assert sum(ends.exchange.counts.values()) == 2
    ends.exchange.lose("end of test")


async def test_pushes_say_whether_their_status_is_the_newest(ends: Ends) -> None:
    newer, older = StatusPush(status_of(9_000)), StatusPush(status_of(8_000))
    health = Health(3_700, 80, 300, 0, 0)
    for message in (newer, older, health):
        ends.say(message)
    assert ends.pushes == [(newer, True), (older, False), (health, False)]
    ends.exchange.lose("end of test")


async def test_each_stop_is_told_once_and_confirms_the_active_one(ends: Ends) -> None:
    stop_id = ends.stop_line.trigger("operator")
    for ticks in (2_000, 3_000):
        ends.say(Stopped(stop_id, status_of(ticks)))
    assert ends.stop_line.active is None
    assert ends.exchange.last_stop_id == stop_id
    assert [type(message) for message, _ in ends.pushes] == [Stopped, StatusPush]
    ends.exchange.lose("end of test")


async def test_a_delayed_echo_of_an_older_stop_is_not_the_last_stop(ends: Ends) -> None:
    ends.say(Stopped(22, status_of(3_000)))
    ends.say(Stopped(11, status_of(2_000)))
    assert ends.exchange.last_stop_id == 22
    ends.exchange.lose("end of test")


@pytest.mark.hazard("H10")
async def test_a_second_without_status_is_a_lost_link(ends: Ends) -> None:
    await advance(0.5)
    ends.say(StatusPush(status_of(501_000)))
    await advance(0.9)
    ends.say(Health(3_700, 80, 300, 0, 0))
    ends.say(StatusPush(status_of(501_000)))
    assert ends.exchange.is_up
    await advance(0.11)
    assert ends.exchange.lost.result() == "the pen sent no status for 1 s"


async def test_a_listener_that_fails_takes_the_link_down(ends: Ends) -> None:
    def fail(_: Message, __: bool) -> None:
        raise ZeroDivisionError

    ends.exchange.subscribe(fail)
    with pytest.raises(ZeroDivisionError):
        ends.say(StatusPush(status_of(9_000)))
    assert "defect" in ends.exchange.lost.result()
