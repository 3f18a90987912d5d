"""Frames over one open port: encode, decode, trace, count. Knows no link and no request.

Whoever handles the frames can hand over to a successor in the middle of a chunk, so nothing that
follows a HELLO_REPLY is lost between handshake and link.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from controller.clock import Clock
from controller.link.port import BytePort
from controller.link.wiretap import Wiretap
from protocol.framing import Decoder, Discard, Frame, encode_frame

OnFrame = Callable[[Frame | Discard, float], None]
"""Gets each frame or discard with the host's monotonic seconds at which it was read."""


class Wire:
    """One port from opening to loss. `lost` is done, with the reason, once nothing can arrive.

    `counts` holds how often what was discarded or dropped, by its name.
    """

    def __init__(self, port: BytePort, clock: Clock, wiretap: Wiretap) -> None:
        self._port = port
        self.clock = clock
        self._wiretap = wiretap
        self._decoder = Decoder()
        self._on_frame: OnFrame = _drop
        self._sequence = 0
        self._is_open = True
        self.received_bytes = 0
        self.counts: Counter[str] = Counter()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def start(self, on_frame: OnFrame) -> None:
        """Begin to receive."""
        self._on_frame = on_frame
        self._port.start(self._on_bytes, self.lose)

    def hand_over(self, on_frame: OnFrame) -> None:
        """Give all frames after the present one to another handler."""
        self._on_frame = on_frame

    def send(self, kind: int, link_id: int, payload: bytes) -> None:
        """Send one frame at once; nothing is sent on a lost wire."""
        if not self._is_open:
            return
        frame = Frame(kind, link_id, self._sequence, payload)
        self._sequence = (self._sequence + 1) & 0xFF
        self._wiretap.sent(self.clock.mono_s(), frame)
        self._port.write(encode_frame(frame))

    def _on_bytes(self, data: bytes) -> None:
        mono_s = self.clock.mono_s()
        self.received_bytes += len(data)
        for found in self._decoder.feed(data):
            if not self._is_open:
                return
            self._wiretap.received(mono_s, found)
            if isinstance(found, Discard):
                self.counts[found.reason.value] += 1
            self._handle(found, mono_s)

    def _handle(self, found: Frame | Discard, mono_s: float) -> None:
        handled = False
        try:
            self._on_frame(found, mono_s)
            handled = True
        finally:
            if not handled:  # the exception goes on to the loop's handler; the drive must not
                self.lose("a defect in this program while it handled a frame")

    def lose(self, reason: str) -> None:
        """End the wire for good, for the first reason given. Harmless when repeated."""
        if not self._is_open:
            return
        self._is_open = False
        self._wiretap.mark(self.clock.mono_s(), f"link ended: {reason}")
        self._port.close()
        if not self.lost.done():
            self.lost.set_result(reason)

    @property
    def is_open(self) -> bool:
        """Whether frames can still pass."""
        return self._is_open


def _drop(_found: Frame | Discard, _mono_s: float) -> None:
    """Take frames when nobody may have them."""
