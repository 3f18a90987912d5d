"""Frames waiting for the wire, in the pen's order of urgency (C10: STOPPED jumps every queue).

A message is built when its frame is taken, so that no status is sent stale. Touches nothing.
"""

from collections import deque
from collections.abc import Callable
from enum import IntEnum

from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Message

Build = Callable[[], Message | None]


class Urgency(IntEnum):
    """Order in which waiting frames are sent; lower goes first."""

    STOPPED = 0
    HELLO = 1
    REPLY = 2
    LIVE = 3
    HOUSEKEEPING = 4
    REPLAY = 5


class Outbox:
    """One queue for each urgency. `link_id` goes into the header of every frame taken."""

    def __init__(self) -> None:
        self.link_id = 0
        self._sequence = 0
        self._is_empty = True  # a quick no; only `take_frame` finds out
        # Pushes that a blocked wire holds back are left out, oldest first.
        self._waiting: tuple[deque[Build], ...] = tuple(
            deque(maxlen=2 if urgency is Urgency.HOUSEKEEPING else None) for urgency in Urgency
        )

    def put(self, urgency: Urgency, build: Build) -> None:
        """Queue a message; `build` may still decide that there is nothing to send."""
        self._waiting[urgency].append(build)
        self._is_empty = False

    def new_link(self, link_id: int) -> None:
        """Drop what waits for the old link, except the echoes of stops."""
        self.link_id = link_id
        for urgency in Urgency:
            if urgency is not Urgency.STOPPED:
                self._waiting[urgency].clear()

    def take_frame(self) -> bytes:
        """The most urgent frame; empty when none waits."""
        for waiting in self._waiting:
            while waiting:
                message = waiting.popleft()()
                if message is not None:
                    return self._frame(message)
        self._is_empty = True
        return b""

    def take_all(self) -> bytes:
        """Every waiting frame, the most urgent first."""
        if self._is_empty:
            return b""
        frames: list[bytes] = []
        while frame := self.take_frame():
            frames.append(frame)
        return b"".join(frames)

    def _frame(self, message: Message) -> bytes:
        frame = Frame(message.KIND, self.link_id, self._sequence, encode_payload(message))
        self._sequence = (self._sequence + 1) & 0xFF
        return encode_frame(frame)
