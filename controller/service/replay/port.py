"""A port without a pen: what the pen once sent, at its time; its answers when they are asked for.

Whether the controller's own words still fit is for the comparison to say; nothing is invented here.
A request that was never answered in the recording stays unanswered.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import msgspec

from controller.clock import Clock
from controller.errors import PortMissing
from controller.link.port import BytePort, OnBytes, OnLost
from controller.link.requests import Reply, Request
from controller.service.flight.recorder import CLOSED
from controller.service.replay.script import Answer, Block, Key, Link, key_of, message_of
from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Events, Hello, Message, Replay, Stop, Stopped

ANSWER_S: Final = 0.005
"""An answer that was recorded earlier than it is asked for now comes after this (SPEC: 10 ms)."""
_ANYTIME: Final = frozenset({"Query"})

OnWritten = Callable[[float, Message], None]


class Chance(random.Random):
    """A source of nonces and stop ids that gives the recorded ones where they are known.

    Waits that are drawn by lot are as short as they can be: the opener knows when to go on.
    """

    def __init__(self) -> None:
        super().__init__(1)
        self.staged: int | None = None

    def random(self) -> float:
        """The lowest value."""
        return 0.0

    def getrandbits(self, k: int, /) -> int:
        """As ever, but for one value that was staged."""
        if self.staged is not None and k == 64:
            staged, self.staged = self.staged, None
            return staged
        return super().getrandbits(k)


class ReplayOpener:
    """Opens the recorded links one after the other; after the last one the port is missing."""

    def __init__(
        self, links: list[Link], clock: Clock, chance: Chance, on_written: OnWritten
    ) -> None:
        self._links = list(links)
        self._past: list[Block] = []
        self._clock = clock
        self._chance = chance
        self._on_written = on_written

    async def open(self) -> BytePort:
        """The next link, not before it was opened in the recording. Raises PortMissing."""
        if not self._links:
            raise PortMissing("The recording has no further link.")
        link = self._links.pop(0)
        await asyncio.sleep(max(0.0, link.opened_mono_s - self._clock.mono_s()))
        self._chance.staged = link.nonce or None
        port = ReplayPort(link, self._clock, self._on_written, list(self._past))
        self._past += [block for block in link.pushes if isinstance(block.message, Events)]
        return port


class ReplayPort:
    """One recorded link. `past`: events that were pushed in earlier ones.

    How much was committed when a link broke is the disk's doing and on no wire. So a REPLAY may ask
    for more than it once did; the pen's ring still held what it had pushed before.
    """

    def __init__(self, link: Link, clock: Clock, on_written: OnWritten, past: list[Block]) -> None:
        self._link = link
        self._past = past
        self._clock = clock
        self._on_written = on_written
        self._on_bytes: OnBytes = _ignore
        self._on_lost: OnLost = _ignore
        self._late_s = max(0.0, clock.mono_s() - link.opened_mono_s)
        self._timers: set[asyncio.TimerHandle] = set()
        self._unused: dict[Key, list[Answer]] = {}
        self._chosen: dict[int, Answer] = {}
        self._stop_id: int | None = None
        self._known_stops = {
            message.stop_id for _, message in link.asked if isinstance(message, Stop)
        }
        for answer in link.answers:
            self._unused.setdefault(answer.key, []).append(answer)

    # --- as a port -----------------------------------------------------------------------------

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        """Begin to play."""
        self._on_bytes, self._on_lost = on_bytes, on_lost
        for block in self._link.pushes:
            self._at(block.mono_s + self._late_s, self._push, block)
        if self._link.ended_mono_s is not None and self._link.reason != CLOSED:
            self._at(self._link.ended_mono_s + self._late_s, self._end)

    def write(self, data: bytes) -> None:
        """Take what the controller says, and answer as the pen once did."""
        for part in filter(None, data.split(b"\0")):
            frame, message = message_of(part)
            if frame is not None and message is not None:
                self._on_written(self._clock.mono_s(), message)
                self._answer(frame, message)

    def close(self) -> None:
        """Play no more."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._on_bytes = self._on_lost = _ignore

    # --- as the pen ----------------------------------------------------------------------------

    def _answer(self, frame: Frame, message: Message) -> None:
        match message:
            case Hello() if self._link.hello_reply is not None:
                reply = msgspec.structs.replace(self._link.hello_reply, nonce=message.nonce)
                self._soon(Frame(reply.KIND, message.nonce & 0xFFFF_FFFF, 0, encode_payload(reply)))
            case Stop() if message.stop_id not in self._known_stops:
                self._stop_id = message.stop_id
            case Replay():
                if self._reply(frame, message):
                    self._again(frame.link_id, message)
            case _ if isinstance(message, Request):
                self._reply(frame, message)
            case _:
                pass

    def _again(self, link_id: int, asked: Replay) -> None:
        """What earlier links had of the events that are asked for."""
        for block in self._past:
            pushed = block.message
            assert isinstance(pushed, Events)
            last_index = pushed.first_index + len(pushed.records)
            if pushed.status.boot_id == asked.boot_id and last_index > asked.from_index:
                self._soon(Frame(pushed.KIND, link_id, 0, encode_payload(pushed)))

    def _reply(self, frame: Frame, message: Request) -> bool:
        """Answer as recorded; whether there was an answer."""
        answer = self._chosen.get(message.request_id)
        if answer is None or answer.key != key_of(message):
            answer = self._choose(key_of(message))
        if answer is None:
            return False
        self._chosen[message.request_id] = answer
        assert isinstance(answer.reply, Reply)
        reply = msgspec.structs.replace(answer.reply, request_id=message.request_id)
        sent = Frame(reply.KIND, frame.link_id, 0, encode_payload(reply))
        self._soon(sent, answer.mono_s + self._late_s)
        return True

    def _choose(self, key: Key) -> Answer | None:
        """The next answer to such a request; a question that changes nothing may be asked again."""
        waiting = self._unused.get(key, [])
        if not waiting:
            return None
        repeatable = key[0] in _ANYTIME and len(waiting) == 1
        return waiting[0] if repeatable else waiting.pop(0)

    def _soon(self, frame: Frame, recorded_mono_s: float = 0.0) -> None:
        mono_s = max(self._clock.mono_s() + ANSWER_S, recorded_mono_s)
        self._at(mono_s, lambda: self._on_bytes(encode_frame(frame)))

    def _push(self, block: Block) -> None:
        self._on_bytes(b"\0" + block.data + b"\0")
        if isinstance(block.message, Stopped) and self._stop_id is not None:
            frame, _ = message_of(block.data)
            echo = msgspec.structs.replace(block.message, stop_id=self._stop_id)
            self._stop_id = None
            if frame is not None:
                payload = encode_payload(echo)
                self._on_bytes(encode_frame(msgspec.structs.replace(frame, payload=payload)))

    def _end(self) -> None:
        on_lost = self._on_lost
        self.close()
        on_lost(self._link.reason)

    def _at(self, mono_s: float, what: Callable[..., None], *words: object) -> None:
        delay_s = max(0.0, mono_s - self._clock.mono_s())

        def due() -> None:
            self._timers.discard(timer)
            what(*words)

        timer = asyncio.get_running_loop().call_later(delay_s, due)
        self._timers.add(timer)


def _ignore(_: object) -> None:
    """Take the place of the callbacks before `start` and after `close`."""
