"""A cable with a memory: what the host wrote can be late, held back, and outlive its host.

Sits between the controller's port and the simulated pen's end of the wire; knows frames, decides
nothing by itself. What waits here is still delivered when the process that wrote it is dead.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest

from protocol.codec import decode_payload
from protocol.framing import Decoder, Frame
from protocol.messages import Message
from tests.support.stage import Stage

M = TypeVar("M", bound=Message)


class Written(msgspec.Struct, frozen=True):
    """One frame that the host wrote, at the loop's time `at_s`."""

    at_s: float
    data: bytes
    message: Message


def message_in(data: bytes) -> Message:
    """The one message of one whole frame."""
    (frame,) = Decoder().feed(data)
    assert isinstance(frame, Frame)
    message = decode_payload(frame)
    assert isinstance(message, Message)
    return message


class DelayLine:
    """`delay_s` for everything; frames that `holds` picks wait until `release`.

    `on_write` hears of each frame at the moment at which it leaves the host.
    """

    def __init__(self, stage: Stage, patch: pytest.MonkeyPatch) -> None:
        self.delay_s = 0.0
        self.holds: Callable[[Message], bool] = lambda _: False
        self.changes: Callable[[bytes, Message], bytes] = lambda data, _: data
        self.on_write: Callable[[Message], None] = lambda _: None
        self.held: list[bytes] = []
        self.written: list[Written] = []
        self.delivered_s: list[float] = []
        self._driver = stage.driver
        self._loop = asyncio.get_running_loop()
        self._pass_on = stage.driver.host_sends
        patch.setattr(stage.driver, "host_sends", self._take)

    def of(self, kind: type[M]) -> list[M]:
        """All messages of one class that the host wrote, oldest first."""
        return [each.message for each in self.written if isinstance(each.message, kind)]

    def release(self) -> int:
        """Deliver all that was held, at once and in its order; returns how many frames."""
        held, self.held = self.held, []
        for data in held:
            self._deliver(data)
        return len(held)

    def lose_all(self) -> None:
        """From now on nothing of the host's arrives; what it hears is untouched."""
        self.holds = lambda _: True

    def lose_nothing(self) -> None:
        """The line is whole again; what it swallowed is gone for good."""
        self.held.clear()
        self.holds = lambda _: False

    def _take(self, data: bytes) -> None:
        message = message_in(data)
        self.on_write(message)
        self.written.append(Written(self._loop.time(), data, message))
        if self.holds(message):
            self.held.append(data)
        elif self.delay_s:
            self._loop.call_later(self.delay_s, self._deliver, self.changes(data, message))
        else:
            self._deliver(self.changes(data, message))

    def _deliver(self, data: bytes) -> None:
        self.delivered_s.append(self._loop.time())
        self._pass_on(data)
