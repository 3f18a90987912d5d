"""One established link: requests matched to replies by id and kind, datagrams, pushes, liveness.

A link is never reused: after its loss nothing of it reaches anybody (plant B10), every waiting
request fails with `LinkLost`, and the next link is another object.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from controller.errors import LinkLost, RequestTimeout
from controller.link.heard import Heard
from controller.link.requests import Reply, Request
from controller.link.stopline import StopLine
from controller.link.wire import Wire
from protocol.codec import decode_payload, encode_payload
from protocol.framing import Discard, Frame
from protocol.limits import STATUS_STALE_US
from protocol.messages import (
    HOST_KINDS,
    ArmReply,
    Cleared,
    Events,
    HelloReply,
    Message,
    Status,
    StatusPush,
    Stopped,
)

RETRY_S: Final = 0.06
"""SPEC.md, "Requests": the identical request again each 60 ms; the pen answers within 10 ms."""
SILENCE_S: Final = STATUS_STALE_US / 1_000_000
"""A link without a status for this long is half-open; no grant could be sent on it either (C5)."""

_SHORTEST_S: Final = 0.001
"""Rest of a deadline that is not worth a timer, and the least delay of one."""

R = TypeVar("R", bound=Reply)
WithStatus = StatusPush | Events | Stopped | Cleared | ArmReply
OnPush = Callable[[Message, bool], None]
"""Gets each push, and whether the status in it is the newest of the link."""


class _Pending:
    """The one request in flight."""

    def __init__(self, request_id: int, reply: type[Message]) -> None:
        self.request_id = request_id
        self.reply = reply
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()


class Exchange:
    """The link that a handshake made. `hello` and `heard` are facts from its first moment."""

    def __init__(self, wire: Wire, stop_line: StopLine, hello: HelloReply, heard: Heard) -> None:
        self._wire = wire
        self.stop_line = stop_line
        self.hello = hello
        self.heard = heard
        self.link_id = hello.nonce & 0xFFFF_FFFF
        self._request_id = 0
        self._pending: _Pending | None = None
        self._turn = asyncio.Lock()
        self._on_push: OnPush = _nobody
        self.last_stop_id = hello.last_stop_id
        self._told_stop_id = self._stop_ticks = 0
        self._untold_stop: Stopped | None = None
        self._watch = asyncio.get_running_loop().call_later(SILENCE_S, self._check_silence)
        wire.lost.add_done_callback(self._on_lost)

    @property
    def lost(self) -> asyncio.Future[str]:
        """Done, with the reason, when the link has ended."""
        return self._wire.lost

    @property
    def is_up(self) -> bool:
        """Whether the link still stands."""
        return self._wire.is_open

    @property
    def counts(self) -> dict[str, int]:
        """How often what was discarded, ignored or late on this wire."""
        return dict(self._wire.counts)

    def subscribe(self, on_push: OnPush) -> None:
        """Send all messages there, and a stop that was echoed before; called on the loop."""
        self._on_push = on_push
        if self._untold_stop is not None:
            on_push(self._untold_stop, True)

    def send(self, message: Message) -> None:
        """Send a datagram: no reply, no retry. Raises ValueError for a field out of range."""
        self._wire.send(message.KIND, self.link_id, encode_payload(message))

    async def request(self, message: Request, deadline_s: float, reply: type[R]) -> R:
        """The pen's `reply` to `message`, whose request id is chosen here.

        Sends the identical request again each 60 ms. Raises RequestTimeout after `deadline_s`,
        waiting for an earlier request included, and LinkLost when the link ends first; in both
        cases what the pen did stays unknown.
        """
        deadline_mono_s = self._wire.clock.mono_s() + deadline_s
        await self._wait_for_turn(message, deadline_s)
        try:
            self._request_id = self._request_id % 0xFFFF + 1
            pending = _Pending(self._request_id, reply)
            self._pending = pending
            numbered = msgspec.structs.replace(message, request_id=pending.request_id)
            answer = await self._ask(numbered, pending, deadline_mono_s, deadline_s)
        finally:
            self._pending = None
            self._turn.release()
        assert isinstance(answer, reply)
        return answer

    async def _wait_for_turn(self, message: Request, deadline_s: float) -> None:
        try:
            async with asyncio.timeout(deadline_s):
                await self._turn.acquire()
        except TimeoutError:
            raise self._timeout(message, 0, deadline_s) from None

    async def _ask(
        self, message: Request, pending: _Pending, deadline_mono_s: float, deadline_s: float
    ) -> Reply:
        payload, attempts = encode_payload(message), 0
        while (left_s := deadline_mono_s - self._wire.clock.mono_s()) > _SHORTEST_S:
            if self.lost.done():
                name = type(message).__name__
                raise LinkLost(f"The link ended during {name}: {self.lost.result()}.")
            self._wire.send(message.KIND, self.link_id, payload)
            attempts += 1
            await asyncio.wait(
                (pending.answer, self.lost),
                timeout=min(RETRY_S, left_s),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if pending.answer.done():
                return pending.answer.result()
        raise self._timeout(message, attempts, deadline_s)

    def _timeout(self, message: Request, attempts: int, deadline_s: float) -> RequestTimeout:
        return RequestTimeout(
            f"No answer to {type(message).__name__} in {deadline_s:g} s ({attempts} attempts); "
            f"{self.heard}."
        )

    def on_frame(self, found: Frame | Discard, mono_s: float) -> None:
        """Take a frame off the wire."""
        if isinstance(found, Discard):
            return
        if found.link_id != self.link_id:
            self._wire.counts["other_link"] += 1
            return
        if found.kind in HOST_KINDS:
            self._wire.counts["echo"] += 1
            return
        message = decode_payload(found)
        if isinstance(message, Discard):
            self._wire.counts[message.reason.value] += 1
            return
        self._dispatch(message, mono_s)

    def _dispatch(self, message: Message, mono_s: float) -> None:
        newest = False
        if isinstance(message, WithStatus):
            newest = self._note(message.status, mono_s)
        if isinstance(message, Stopped):
            self.stop_line.confirmed(message.stop_id)
            message = self._first_echo(message)
        if isinstance(message, Reply):
            self._on_reply(message)
        self._on_push(message, newest)

    def _first_echo(self, stopped: Stopped) -> Stopped | StatusPush:
        """Every repeat of a STOP is echoed; an echo that tells nothing new is only a status."""
        if stopped.stop_id == self._told_stop_id or stopped.status.pen_ticks < self._stop_ticks:
            return StatusPush(stopped.status)
        self.last_stop_id = self._told_stop_id = stopped.stop_id
        self._stop_ticks = stopped.status.pen_ticks
        if self._on_push is _nobody:
            self._untold_stop = stopped
        return stopped

    def _note(self, status: Status, mono_s: float) -> bool:
        newest = self.heard.note(status, mono_s)
        self._wire.counts["old_status"] += not newest
        return newest

    def _on_reply(self, message: Reply) -> None:
        pending = self._pending
        if pending is None or message.request_id != pending.request_id:
            self._wire.counts["late_reply"] += 1
        elif not isinstance(message, pending.reply):
            self._wire.counts["reply_of_wrong_kind"] += 1
        elif not pending.answer.done():
            pending.answer.set_result(message)

    def _check_silence(self) -> None:
        left_s = SILENCE_S - self.heard.age_s()
        if left_s < _SHORTEST_S:
            self.lose(f"the pen sent no status for {SILENCE_S:g} s")
            return
        self._watch = asyncio.get_running_loop().call_later(left_s, self._check_silence)

    def lose(self, reason: str) -> None:
        """End the link for good."""
        self._wire.lose(reason)

    def _on_lost(self, _: asyncio.Future[str]) -> None:
        self._watch.cancel()


def _nobody(_message: Message, _newest: bool) -> None:
    """Take the pushes before somebody subscribed; REPLAY brings their events back."""
