"""Gets every event of the boot out of the pen: pushed ones, and by REPLAY those that got lost."""

import asyncio
from collections.abc import Callable
from typing import Final

from controller.errors import EventsRunBackwards, RequestTimeout
from controller.link.exchange import Exchange
from controller.pen.strokes import PenStroke, StrokeStream
from protocol.messages import Events, Replay, ReplayReply, Status
from protocol.words import Result

REPLAY_S: Final = 0.1
"""SPEC.md, "Replay": asked again after 100 ms in which nothing of the gap arrived."""
_DEADLINE_S: Final = 1.0
TAIL_GRACE_US: Final = 100_000
"""An event is pushed within 25 ms (C8). One still missing 100 ms later was lost on the line."""


class Follower:
    """Delivers the events of one link once somebody said from which index on."""

    def __init__(
        self,
        link: Exchange,
        deliver: Callable[[list[PenStroke]], None],
        report_gap: Callable[[int, int], None],
    ) -> None:
        self._link = link
        self._deliver = deliver
        self._report_gap = report_gap
        self._stream: StrokeStream | None = None  # None: nobody follows yet
        self._tail_index = self._tail_ticks = 0
        self._changed = asyncio.get_running_loop().create_future()
        self._rests = False

    @property
    def follows(self) -> bool:
        """Whether somebody said from which index on."""
        return self._stream is not None

    def follow(self, next_index: int) -> None:
        """Deliver from `next_index` on. Raises EventsRunBackwards when the pen is behind that."""
        status = self._link.heard.status
        if status.next_index < next_index:
            raise EventsRunBackwards(
                f"In boot {status.boot_id} event {next_index} comes next, but the pen says "
                f"{status.next_index}."
            )
        self._stream = StrokeStream(status.boot_id, next_index)
        self._stream.expect(status.next_index)
        self._wake()

    def on_events(self, events: Events) -> None:
        """Take pushed or replayed events."""
        if self._stream is None:
            return
        was_missing = self._stream.missing() is not None
        strokes = self._stream.feed(events)
        if was_missing != (self._stream.missing() is not None):
            self._wake()
        if strokes:
            self._deliver(strokes)

    def on_status(self, status: Status) -> None:
        """Notice events that the pen counted long ago and that never came."""
        stream = self._stream
        if stream is None or stream.missing() is not None:
            return
        if self._tail_index <= stream.next_index:
            self._tail_index, self._tail_ticks = status.next_index, status.pen_ticks
        elif status.pen_ticks - self._tail_ticks >= TAIL_GRACE_US:
            stream.expect(self._tail_index)
            self._wake()

    def nudge(self) -> None:
        """Let whoever runs this turn once, if it rests because nothing is missing."""
        if self._rests:
            self._wake()

    def _wake(self) -> None:
        if not self._changed.done():
            self._changed.set_result(None)

    async def run(self) -> None:
        """Ask for what is missing, until the link ends. Raises LinkLost when it ends meanwhile."""
        while self._link.is_up:
            missing = self._stream.missing() if self._stream is not None else None
            if self._stream is not None and missing is not None:
                await self._ask(self._stream, missing)
                await self._pause(self._stream)
            else:
                self._rests = True
                await self._wait(None)
                self._rests = False

    async def _pause(self, stream: StrokeStream) -> None:
        """Let a replay run for as long as it makes progress, at least 100 ms between requests."""
        at = -1
        while stream is self._stream and stream.missing() is not None and at != stream.next_index:
            at = stream.next_index
            await self._wait(REPLAY_S)

    async def _wait(self, timeout_s: float | None) -> None:
        if self._changed.done():
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.wait(
            (self._changed, self._link.lost),
            timeout=timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )

    async def _ask(self, stream: StrokeStream, missing: int) -> None:
        request = Replay(0, stream.boot_id, missing)
        try:
            reply = await self._link.request(request, _DEADLINE_S, ReplayReply)
        except RequestTimeout:
            return  # the caller asks again; whether the link still lives is the status' matter
        if reply.result is not Result.OK or reply.boot_id != stream.boot_id:
            self._link.lose("the pen says that it is in another boot")
        elif stream is self._stream:
            self._on_reply(stream, reply)

    def _on_reply(self, stream: StrokeStream, reply: ReplayReply) -> None:
        first_missing = stream.missing()
        if first_missing is None or reply.oldest_index <= first_missing:
            return
        first_present, strokes = stream.skip_lost(reply.oldest_index)
        self._report_gap(first_missing, first_present)
        if strokes:
            self._deliver(strokes)
