"""Keeping one link alive: handshake, its failures, half-open lines, back-off, the end."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from itertools import pairwise

import msgspec
import pytest
import pytest_asyncio

from controller.errors import (
    GreetingIgnored,
    LinkError,
    LinkLost,
    MicropenError,
    NoAnswer,
    NotAPen,
    PortMissing,
    UnsupportedProtocol,
)
from controller.link.backoff import Backoff
from controller.link.exchange import Exchange
from controller.link.supervisor import LinkSupervisor
from protocol.codec import encode_payload
from protocol.framing import Frame, cobs_encode, crc32c
from protocol.messages import Health, Hello, HelloReply, Message, StatusPush, Stopped
from protocol.words import PenState
from tests.support.fake_pen import HOST_ID, UID, FakePen, frame_of, status_of
from tests.support.pen_bench import FakeOpener
from tests.support.virtual import VirtualClock, advance


class Links:
    """A `LinkListener` that holds each link until it ends."""

    def __init__(self) -> None:
        self.up: list[Exchange] = []
        self.lost: list[tuple[Exchange, str]] = []
        self.failed: list[MicropenError] = []
        self.serve: Callable[[Exchange], None] = lambda _: None

    async def link_up(self, link: Exchange) -> None:
        self.up.append(link)
        self.serve(link)
        await asyncio.wait((link.lost,))

    def link_lost(self, link: Exchange, reason: str) -> None:
        self.lost.append((link, reason))

    def link_failed(self, error: MicropenError) -> None:
        self.failed.append(error)


class Room:
    """A supervisor, its pen and its listener."""

    def __init__(self, clock: VirtualClock) -> None:
        self.pen = FakePen()
        self.opener = FakeOpener(self.pen)
        self.links = Links()
        self.supervisor = LinkSupervisor(self.opener, clock, HOST_ID, self.links, random.Random(1))

    @contextlib.asynccontextmanager
    async def running(self, seconds: float) -> AsyncIterator[None]:
        """Run for some time; the body looks on while it still runs."""
        task = asyncio.create_task(self.supervisor.run())
        await advance(seconds)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))
            self.pen.unplug()
        assert task.cancelled()

    async def once(self) -> None:
        try:
            await self.supervisor.run(once=True)
        finally:
            assert self.pen.port.closed
            self.pen.unplug()


@pytest_asyncio.fixture
async def room(clock: VirtualClock) -> Room:
    return Room(clock)


async def test_a_link_is_made_with_our_nonce_and_host_id(room: Room) -> None:
    async with room.running(0.5):
        link = room.links.up[0]
        hello = room.pen.heard[0]
        assert isinstance(hello, Hello)
        assert hello.host_id == HOST_ID
        assert link.hello.nonce == hello.nonce
        assert link.link_id == hello.nonce & 0xFFFF_FFFF != 0
        assert link.hello.uid == UID
        assert link.heard.status.boot_id == 1
    assert [reason for _, reason in room.links.lost] == ["given up by this host"]
    assert room.pen.port.closed


async def test_a_link_id_is_never_zero(clock: VirtualClock) -> None:
    values = [1 << 32, 0, (9 << 32) + 7]

    class Low(random.Random):
        def getrandbits(self, k: int, /) -> int:
            return values.pop(0)

    room = Room(clock)
    supervisor = LinkSupervisor(room.opener, clock, HOST_ID, room.links, Low())
    task = asyncio.create_task(supervisor.run(once=True))
    await advance(0.2)
    room.pen.unplug()
    with pytest.raises(LinkLost):
        await task
    assert room.links.up[0].link_id == 7


async def test_hello_is_repeated_with_the_same_nonce(room: Room) -> None:
    room.pen.hears = lambda _: (
        len(set(room.opener.opened_mono_s)) > 0 and room.pen.ticks > 1_350_000
    )
    async with room.running(0.6):
        assert len(room.links.up) == 1
        assert room.pen.times_heard(Hello) == 1


@pytest.mark.hazard("H12")
async def test_nothing_is_believed_before_our_own_nonce(room: Room) -> None:
    """Stale frames of an earlier link, and even its HELLO_REPLY, do not make a link (L20)."""
    room.pen.answers[Hello] = HelloReply(0x77, UID, 1, 1, PenState.IDLE, 9, 0)
    task = asyncio.create_task(room.once())
    await advance(1.0)
    for link_id in (0, 0x77):
        room.pen.say(StatusPush(status_of(1_000)), link_id)
        room.pen.say(Stopped(5, status_of(1_000)), link_id)
    assert room.links.up == []
    with pytest.raises(GreetingIgnored, match=r"3 s; frames arrive"):
        await task


async def test_frames_behind_the_reply_in_the_same_chunk_are_not_lost(room: Room) -> None:
    got: list[Message] = []

    def serve(link: Exchange) -> None:
        link.subscribe(lambda message, _: got.append(message))

    def on_hello(message: Message) -> bool:
        assert isinstance(message, Hello)
        link_id = message.nonce & 0xFFFF_FFFF
        reply = HelloReply(message.nonce, UID, 1, 1, PenState.IDLE, 0, 0)
        status, health = StatusPush(room.pen.status()), Health(3_700, 80, 300, 0, 0)
        chunk = frame_of(reply, link_id) + frame_of(status, link_id)
        room.pen.port.deliver(chunk)
        room.pen.port.deliver(frame_of(Stopped(3, room.pen.status()), link_id))
        room.pen.port.deliver(frame_of(health, link_id))
        return False

    room.links.serve = serve
    room.pen.hears = on_hello
    async with room.running(0.05):
        assert [type(message) for message in got] == [Stopped]


async def test_a_silent_port(room: Room) -> None:
    room.pen.talks = False
    with pytest.raises(NoAnswer, match="Nothing arrived in 3 s"):
        await room.once()


async def test_a_pen_that_answers_but_sends_no_status(room: Room) -> None:
    room.pen.changes = {"boot_id": 99}
    with pytest.raises(NoAnswer, match="sent no status"):
        await room.once()


async def test_bytes_that_are_never_a_frame(room: Room) -> None:
    room.pen.talks = False
    task = asyncio.create_task(room.once())
    await advance(0.5)
    room.pen.port.deliver(b"AT+OK\r\n\x00garbage\x00")
    with pytest.raises(NotAPen, match="16 bytes arrived"):
        await task


async def test_a_line_that_only_echoes(room: Room) -> None:
    room.pen.talks = False

    def echo(message: Message) -> bool:
        room.pen.port.deliver(frame_of(message))
        return False

    room.pen.hears = echo
    with pytest.raises(GreetingIgnored, match="our own frames come back"):
        await room.once()


@pytest.mark.hazard("H46")
@pytest.mark.parametrize(
    ("version", "side"),
    [(0, "the pen's firmware"), *((version, "this program") for version in range(2, 16))],
)
async def test_another_protocol_version_says_which_side_to_update(
    room: Room, version: int, side: str
) -> None:
    def answer(message: Message) -> bool:
        assert isinstance(message, Hello)
        reply = HelloReply(message.nonce, UID, version, 1, PenState.IDLE, 0, 0)
        body = bytes((version << 4, reply.KIND)) + bytes(5) + encode_payload(reply)
        raw = body + crc32c(body).to_bytes(4, "little")
        room.pen.port.deliver(b"\0" + cobs_encode(raw) + b"\0")
        return False

    room.pen.hears = answer
    with pytest.raises(UnsupportedProtocol, match=f"version {version}") as caught:
        await room.once()
    assert f"Update {side}." in str(caught.value)
    assert room.pen.port.closed


async def test_a_reply_that_names_another_version_makes_no_link(room: Room) -> None:
    def answer(message: Message) -> bool:
        assert isinstance(message, Hello)
        room.pen.say(HelloReply(message.nonce, UID, 2, 1, PenState.IDLE, 0, 0), 0)
        return False

    room.pen.hears = answer
    with pytest.raises(UnsupportedProtocol, match="version 2"):
        await room.once()


@pytest.mark.hazard("H10")
async def test_a_half_open_line_is_lost_and_linked_again_with_another_nonce(room: Room) -> None:
    async with room.running(0.5):
        room.pen.talks = False
        await advance(1.2)
        assert [reason for _, reason in room.links.lost] == ["the pen sent no status for 1 s"]
        room.pen.talks = True
        await advance(3.5)
        assert len(room.links.up) == 2
        assert room.links.up[0].link_id != room.links.up[1].link_id


@pytest.mark.hazard("H10")
async def test_unplugging_loses_the_link_at_once_and_a_replug_makes_a_new_one(room: Room) -> None:
    async with room.running(0.5):
        room.pen.unplug()
        await advance(0.001)
        assert [reason for _, reason in room.links.lost] == ["unplugged"]
        await advance(0.5)
        assert len(room.links.up) == 2
    assert len(room.links.lost) == 2


async def test_a_cable_pulled_during_the_handshake(room: Room) -> None:
    room.pen.talks = False
    task = asyncio.create_task(room.once())
    await advance(0.15)
    room.pen.unplug()
    with pytest.raises(NoAnswer, match="lost during the handshake: unplugged"):
        await task


async def test_failures_are_reported_once_each_and_attempts_go_on(room: Room) -> None:
    room.opener.error = PortMissing("There is no serial port at X.")
    async with room.running(10.0):
        assert [error.number for error in room.links.failed] == [2001]
        gaps = [after - before for before, after in pairwise(room.opener.opened_mono_s)]
        assert all(0.1 <= gap <= 2.0 for gap in gaps)
        assert gaps[0] < 0.2
        assert max(gaps) > 1.0
        room.opener.error = None
        await advance(2.5)
        assert len(room.links.up) == 1
        room.opener.error = PortMissing("There is no serial port at X.")
        room.pen.unplug()
        await advance(1.0)
        assert [error.number for error in room.links.failed] == [2001, 2001]


def test_back_off_grows_from_a_tenth_to_two_seconds_and_never_in_step() -> None:
    backoff = Backoff(random.Random(3))
    delays = [backoff.next_s() for _ in range(12)]
    assert all(0.1 <= delay <= 2.0 for delay in delays)
    assert delays[0] == 0.1
    assert min(delays[6:]) >= 1.0
    assert len(set(delays[6:])) == 6
    other = Backoff(random.Random(4))
    assert delays != [other.next_s() for _ in range(12)]
    backoff.reset()
    assert backoff.next_s() == 0.1


async def test_an_error_of_the_listener_ends_the_link_and_is_reported(room: Room) -> None:
    def serve(_: Exchange) -> None:
        raise LinkError("turned down")

    room.links.serve = serve
    async with room.running(0.15):
        assert [str(error.what) for error in room.links.failed] == ["turned down"]
        assert len(room.links.lost) == 1
        assert room.pen.port.closed


async def test_a_defect_in_the_listener_ends_run_with_everything_given_back(room: Room) -> None:
    def serve(_: Exchange) -> None:
        raise ZeroDivisionError

    room.links.serve = serve
    with pytest.raises(ZeroDivisionError):
        await room.supervisor.run()
    assert len(room.links.lost) == 1
    assert room.pen.port.closed
    room.pen.unplug()


async def test_a_status_of_another_link_does_not_complete_the_handshake(room: Room) -> None:
    room.pen.changes = {"boot_id": 99}
    task = asyncio.create_task(room.once())
    await advance(0.05)
    room.pen.say(StatusPush(status_of(1_000, boot_id=1)), 0x77)
    await advance(0.0)
    assert room.links.up == []
    with pytest.raises(NoAnswer):
        await task


async def test_a_stop_is_not_written_to_a_port_that_was_given_back(room: Room) -> None:
    async with room.running(0.5):
        room.opener.error = PortMissing("gone")
        room.pen.unplug()
        await advance(0.01)
        room.pen.port.written = b""
        room.supervisor.stop_line.trigger("operator")
        await advance(0.5)
        assert room.pen.port.written == b""


@pytest.mark.hazard("H35")
async def test_a_stop_goes_out_before_the_handshake_and_until_the_new_link_confirms(
    room: Room,
) -> None:
    stop_id = room.supervisor.stop_line.trigger("no link yet")
    room.pen.hears = lambda message: not isinstance(message, Hello) or room.pen.ticks > 1_250_000
    async with room.running(0.2):
        assert room.pen.last_stop_id == stop_id
        assert room.supervisor.stop_line.unconfirmed_s() == pytest.approx(0.2)
        await advance(0.4)
        assert room.supervisor.stop_line.active is None
        assert room.links.up[0].last_stop_id == stop_id


async def test_the_wiretap_shows_the_handshake(room: Room) -> None:
    async with room.running(0.3):
        lines = room.supervisor.wiretap.dump()
    names = [line.get("message") for line in lines]
    assert names.index("Hello") < names.index("HelloReply")
    assert msgspec.json.encode(lines)


async def test_a_frame_without_a_known_kind_is_counted_not_fatal(room: Room) -> None:
    async with room.running(0.3):
        link = room.links.up[0]
        before = link.counts.get("unknown_kind", 0)
        frame = Frame(0xEE, link.link_id, 0, b"")
        link.on_frame(frame, 0.0)
        assert link.counts["unknown_kind"] == before + 1
        assert link.is_up
