"""A small scripted pen over an in-memory line, for tests of the host's link and driver alone.

It has no physics and keeps few rules of the pen contract; the simulated firmware does that.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from controller.link.port import OnBytes, OnLost
from protocol.codec import decode_payload, encode_payload, settings_digest
from protocol.framing import Decoder, Discard, Frame, encode_frame
from protocol.limits import STATUS_PERIOD_US
from protocol.messages import (
    Arm,
    ArmRecord,
    ArmReply,
    Cartridge,
    CertificateStored,
    Clear,
    Cleared,
    Configure,
    Configured,
    Counters,
    Disarm,
    Envelope,
    EventRecord,
    Events,
    Hello,
    HelloReply,
    Identity,
    Message,
    Query,
    Replay,
    ReplayReply,
    Status,
    StatusPush,
    Stop,
    Stopped,
    StoreCertificate,
)
from protocol.words import EndReason, PenState, QueryTopic, RecordState, Result, StatusFlag

HOST_ID = 0x1234
UID = 0xF000_0000_0000_0001
ZERO = Counters(0, 0, 0, 0, 0, 0)


def frame_of(message: Message, link_id: int = 0, sequence: int = 0) -> bytes:
    """The bytes of one message."""
    return encode_frame(Frame(message.KIND, link_id, sequence, encode_payload(message)))


def messages_in(data: bytes) -> list[Message]:
    """All messages of a byte string without faults in it."""
    found = []
    for frame in Decoder().feed(data):
        assert isinstance(frame, Frame)
        message = decode_payload(frame)
        assert not isinstance(message, Discard)
        found.append(message)
    return found


def status_of(ticks: int = 0, **changes: Any) -> Status:
    """An idle pen's status at `ticks` with some fields changed."""
    flags = StatusFlag.AT_REST | StatusFlag.HOMED
    return msgspec.structs.replace(Status(ticks, 1, 0, PenState.IDLE, flags, 0, ZERO, 0), **changes)


class FakePort:
    """A `BytePort` whose other end is `on_write`, called on the next turn of the loop."""

    def __init__(self, on_write: Callable[[bytes], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_write = on_write
        self._on_bytes: OnBytes | None = None
        self._on_lost: OnLost | None = None
        self.closed = False
        self.written = b""

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self._on_bytes, self._on_lost = on_bytes, on_lost

    def write(self, data: bytes) -> None:
        self.written += data
        if self._on_write is not None:
            self._loop.call_soon(self._on_write, data)

    def close(self) -> None:
        self.closed = True

    def deliver(self, data: bytes) -> None:
        """Let bytes arrive at the host; also after `close`, as from a line that still talks."""
        if self._on_bytes is not None:
            self._on_bytes(data)

    def unplug(self, reason: str = "unplugged") -> None:
        """Pull the cable."""
        if self._on_lost is not None and not self.closed:
            self._on_lost(reason)


class FakePen:
    """Answers every request at once. Attributes may be changed at any time.

    `hears` decides which host messages arrive, `copies` how often a message of the pen does;
    `answers` holds replies to use instead of the
    usual ones, by request class (None = no answer).
    """

    def __init__(self) -> None:
        self.port = FakePort()
        self.uid = UID
        self.boot_id = 1
        self.link_id = 0
        self.boot_mono_s = asyncio.get_running_loop().time() - 1.0
        self.talks = True
        self.hears: Callable[[Message], bool] = lambda _: True
        self.copies: Callable[[Message], int] = lambda _: 1
        self.answers: dict[type[Message], Message | None] = {}
        self.changes: dict[str, Any] = {}
        self.heard: list[Message] = []
        self.events: list[EventRecord] = []
        self.oldest_index = 0
        self.last_stop_id = 0
        self._decoder = Decoder()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ticks(self) -> int:
        return round((asyncio.get_running_loop().time() - self.boot_mono_s) * 1e6)

    def status(self) -> Status:
        changes = {"next_index": len(self.events), "boot_id": self.boot_id} | self.changes
        return status_of(self.ticks, **changes)

    def plug_in(self) -> FakePort:
        """A new line to this pen, which pushes its status there from now on."""
        self.unplug()
        self.port = FakePort(self._on_bytes)
        self._decoder = Decoder()
        self._push_status()
        return self.port

    def unplug(self) -> None:
        """Pull the cable, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
        self.port.unplug()

    def _push_status(self) -> None:
        if self.port.closed:
            return
        self.say(StatusPush(self.status()))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(STATUS_PERIOD_US / 1e6, self._push_status)

    def say(self, message: Message, link_id: int | None = None) -> None:
        """Send a message, by default under the link in force."""
        own = self.link_id if link_id is None else link_id
        for _ in range(self.copies(message) if self.talks else 0):
            self.port.deliver(frame_of(message, own))

    def make_events(self, count: int, *, push: bool = True, arm_id: int = 1) -> None:
        """Make punctures and push them in one batch, or let the batch get lost."""
        first = len(self.events)
        self.events += [EventRecord(self.ticks, 0x09, 500, 2, 1)] * count
        if push:
            self.push_events(first, arm_id)

    def push_events(self, first: int, arm_id: int = 1, count: int = 14) -> None:
        """Push events that were made before."""
        records = tuple(self.events[first : first + count])
        self.say(Events(self.status(), arm_id, first, 0, records))

    def times_heard(self, kind: type[Message]) -> int:
        return sum(isinstance(message, kind) for message in self.heard)

    def _on_bytes(self, data: bytes) -> None:
        for found in self._decoder.feed(data):
            assert isinstance(found, Frame)
            message = decode_payload(found)
            assert isinstance(message, Message)
            if self.hears(message):
                self._on_message(message, found.link_id)

    def _on_message(self, message: Message, link_id: int) -> None:
        self.heard.append(message)
        if isinstance(message, Hello):
            self.link_id = message.nonce & 0xFFFF_FFFF
        elif not isinstance(message, Stop) and link_id != self.link_id:
            return
        reply = self._reply_to(message)
        if reply is not None:
            self.say(reply)
        if isinstance(message, Replay):
            for first in range(max(message.from_index, self.oldest_index), len(self.events), 14):
                self.push_events(first)

    def _reply_to(self, message: Message) -> Message | None:
        if type(message) not in self.answers:
            return self._usual_reply(message)
        reply = self.answers[type(message)]
        if reply is None or not hasattr(reply, "request_id"):
            return reply
        return msgspec.structs.replace(reply, request_id=getattr(message, "request_id", 0))

    def _usual_reply(self, message: Message) -> Message | None:  # noqa: PLR0911 - one a request
        match message:
            case Hello():
                return HelloReply(
                    message.nonce, self.uid, 1, self.boot_id, PenState.IDLE, 0, self.last_stop_id
                )
            case Query():
                return self._answer(message)
            case Configure():
                return Configured(message.request_id, Result.OK, settings_digest(message.settings))
            case Arm():
                return ArmReply(
                    message.request_id, Result.OK, message.arm_id, 0, 0, 0, 0, 0, self.status()
                )
            case Disarm():
                return self._record(message.request_id, message.arm_id)
            case Stop():
                self.last_stop_id = message.stop_id
                return Stopped(message.stop_id, self.status())
            case Clear():
                return Cleared(message.request_id, Result.OK, self.status())
            case StoreCertificate():
                return CertificateStored(message.request_id, Result.OK, message.certificate_id)
            case Replay():
                return ReplayReply(
                    message.request_id,
                    Result.OK,
                    self.boot_id,
                    self.oldest_index,
                    len(self.events),
                )
            case _:
                return None

    def _answer(self, query: Query) -> Message:
        match query.topic:
            case QueryTopic.IDENTITY:
                return Identity(
                    query.request_id, self.uid, b"fake".ljust(16, b"\0"), bytes(16), 0, 0, 0
                )
            case QueryTopic.ENVELOPE:
                return Envelope(
                    query.request_id, 2_500, 6_667, 500, 1_000, 2_000, 2_000, 10, 1_024, 3_400
                )
            case QueryTopic.CARTRIDGE:
                return Cartridge(query.request_id, 1, 0, 77, 1, 12, 1_500)
            case _:
                return self._record(query.request_id, query.argument)

    def _record(self, request_id: int, arm_id: int) -> ArmRecord:
        return ArmRecord(
            request_id,
            arm_id,
            RecordState.FINAL,
            EndReason.DISARMED,
            1,
            HOST_ID,
            self.boot_id,
            0,
            ZERO,
            ZERO,
            ZERO,
        )
