"""The wire of a raw host: frames out, and a record of everything that came back.

It interprets nothing but the framing, the events' indices and the newest status, and measures.
"""

from typing import TypeVar

import msgspec

from protocol.codec import decode_payload, encode_payload
from protocol.conformance.metering import Meter
from protocol.conformance.rig import Rig
from protocol.conformance.timing import REPLY_US, Timing, Timings
from protocol.framing import Decoder, Discard, Frame, encode_frame
from protocol.messages import (
    Counters,
    Disarm,
    EventRecord,
    Events,
    Message,
    Status,
)
from protocol.words import EventFlag, EventKind, StatusFlag

M = TypeVar("M", bound=Message)
STATUS_WITHIN_US = 300_000
"""Patience for a status, of which one is due each 100 ms."""


class HeardEvent(msgspec.Struct, frozen=True):
    """One event as pushed or replayed."""

    index: int
    arm_id: int
    pen_ticks: int
    record: EventRecord
    at_us: int

    @property
    def kind(self) -> EventKind:
        """What was actuated."""
        return self.record.kind

    @property
    def is_partial(self) -> bool:
        """Whether it was cut short."""
        return EventFlag.PARTIAL in self.record.flags


class Wire:
    """Frames under one link on one rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.link_id = 0
        self.heard: list[Message] = []
        self.heard_us: list[int] = []
        self.discards: list[Discard] = []
        self.events: list[HeardEvent] = []
        self.timings = Timings()
        self._meter = Meter(self.timings)
        self._decoder = Decoder()
        self._sequence = 0
        self._request_id = 0
        self._status_at_us = 0

    def frame(self, message: Message, link_id: int | None = None) -> bytes:
        """The bytes of a message under the current link, or another."""
        link = self.link_id if link_id is None else link_id
        data = encode_frame(Frame(message.KIND, link, self._sequence, encode_payload(message)))
        self._sequence = (self._sequence + 1) & 0xFF
        return data

    def send(self, message: Message, link_id: int | None = None) -> None:
        """Write the frame of a message."""
        self.rig.write(self.frame(message, link_id))

    def listen(self, for_us: int) -> list[Message]:
        """Hear everything for a time; returns what came."""
        already = len(self.heard)
        until_us = self.rig.now_us() + for_us
        while self.rig.now_us() < until_us:
            self._hear(until_us)
        self._hear(until_us)
        return self.heard[already:]

    def _hear(self, until_us: int) -> None:
        """Take what comes next, at most until then."""
        self._meter.listening(self.rig.now_us())
        data = self.rig.read(until_us)
        for item in self._decoder.feed(data):
            message = item if isinstance(item, Discard) else decode_payload(item)
            if isinstance(message, Discard):
                self.discards.append(message)
            else:
                self._note(message)
        self._meter.heard_all(self.rig.now_us())

    def _note(self, message: Message) -> None:
        now_us = self.rig.now_us()
        self.heard.append(message)
        self.heard_us.append(now_us)
        if hasattr(message, "status"):
            self._status_at_us = now_us
        self._meter.heard(message, now_us)
        if isinstance(message, Events):
            high = message.ticks_high << 32
            self.events += [
                HeardEvent(
                    message.first_index + at,
                    message.arm_id,
                    high | record.ticks_low,
                    record,
                    now_us,
                )
                for at, record in enumerate(message.records)
            ]

    def await_message(self, kind: type[M], within_us: int = REPLY_US) -> M:
        """The next message of a class. Fails when it does not come in time."""
        at = len(self.heard)
        until_us = self.rig.now_us() + within_us + self.rig.latency_us
        while True:
            for message in self.heard[at:]:
                if isinstance(message, kind):
                    return message
            at = len(self.heard)
            if self.rig.now_us() >= until_us:
                raise AssertionError(f"no {kind.__name__} within {within_us} us")
            self._hear(until_us)

    def ask(self, request: Message, reply: type[M], within_us: int = REPLY_US) -> M:
        """Send a request and wait for its reply."""
        at = len(self.heard)
        self.send(request)
        sent_us = self.rig.now_us()
        until_us = sent_us + within_us + self.rig.latency_us
        while self.rig.now_us() < until_us:
            self._hear(until_us)
            for message, at_us in zip(self.heard[at:], self.heard_us[at:], strict=True):
                same = getattr(message, "request_id", None) == getattr(request, "request_id", 0)
                if isinstance(message, reply) and same:
                    timing = Timing.RECORD if isinstance(request, Disarm) else Timing.REPLY
                    self.timings.note(timing, at_us - sent_us)
                    return message
        raise AssertionError(f"no {reply.__name__} for {request!r} within {within_us} us")

    def request_id(self) -> int:
        """A fresh request id."""
        self._request_id = (self._request_id + 1) & 0xFFFF
        return self._request_id

    def of(self, kind: type[M]) -> list[M]:
        """Everything heard of one class."""
        return [message for message in self.heard if isinstance(message, kind)]

    # --- what the pen says of itself ---

    @property
    def status(self) -> Status:
        """The newest status of any message."""
        for message in reversed(self.heard):
            found = getattr(message, "status", None)
            if isinstance(found, Status):
                return found
        raise AssertionError("no status heard yet")

    @property
    def flags(self) -> StatusFlag:
        """The flags of the newest status."""
        return StatusFlag(self.status.flags)

    def fresh_status(self) -> Status:
        """The status of a push that is sent from now on."""
        at = len(self.heard)
        until_us = self.rig.now_us() + STATUS_WITHIN_US + self.rig.latency_us
        while self.rig.now_us() < until_us:
            self._hear(until_us)
            if any(hasattr(message, "status") for message in self.heard[at:]):
                return self.status
        raise AssertionError("no status for 300 ms")

    def estimated_ticks(self) -> int:
        """The pen's tick now: newest status and the time since."""
        return self.status.pen_ticks + self.rig.now_us() - self._status_at_us

    def counters(self) -> Counters:
        """The counters of a status that is sent from now on."""
        return self.fresh_status().counters
