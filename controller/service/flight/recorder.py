"""The last 60 s of bytes on the pen's line, both ways, exactly as they came and went.

Why beside the wiretap: that one holds what the decoder made of the bytes; a replay needs the bytes.
Sits between link and port and changes nothing. The STOP's thread writes here too, so only single
operations of a deque, which are atomic in CPython, touch the ring from there.
"""

from collections import deque
from typing import Final, Literal

from controller.clock import Clock
from controller.link.port import BytePort, OnBytes, OnLost, PortOpener

SPAN_S: Final = 60.0
MOST_CHUNKS: Final = 30_000
"""500 a second for 60 s: an adapter that passes on each of its 64-byte packets alone."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Received bytes: four times what 115,200 baud bring in 60 s; a USB pen is bound by no baud."""
OPENING_S: Final = 3.0
OPENING_CHUNKS: Final = 1_000
"""How much of a link's beginning is kept for as long as it stands: the handshake says who the pen
is, and without it nothing that follows could be played again."""

Way = Literal["<", ">", "!"]
"""From the pen, to the pen, or a note."""
Chunk = tuple[float, Way, bytes]
"""Host monotonic seconds, way, bytes; a note's bytes are its text in UTF-8."""
OPENED: Final = "opened"
GAP: Final = "gap"
CLOSED: Final = "closed by this host"


class FlightRecorder:
    """A ring bounded by age, number and bytes, and the beginning of the present link."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ring: deque[Chunk] = deque()
        self._opening: list[Chunk] = []
        self._received_bytes = 0

    def opened(self) -> None:
        """A port was opened. Called on the loop."""
        self._opening = [(self.clock.mono_s(), "!", OPENED.encode())]
        self._ring.append(self._opening[0])
        self._trim()

    def ended(self, reason: str) -> None:
        """The port is gone. Called on the loop."""
        self._ring.append((self.clock.mono_s(), "!", f"ended: {reason}".encode()))

    def sent(self, data: bytes) -> None:
        """Bytes are about to leave. Called from any thread."""
        chunk: Chunk = (self.clock.mono_s(), ">", data)
        self._ring.append(chunk)
        self._open_with(chunk)

    def received(self, data: bytes) -> None:
        """Bytes came. Called on the loop."""
        chunk: Chunk = (self.clock.mono_s(), "<", data)
        self._ring.append(chunk)
        self._received_bytes += len(data)
        self._open_with(chunk)
        self._trim()

    def chunks(self) -> list[Chunk]:
        """The link's beginning as far as the ring has lost it, a note of the gap, then the ring."""
        ring = list(self._ring.copy())
        since_mono_s = self.clock.mono_s() - SPAN_S
        ring = [chunk for chunk in ring if chunk[0] >= since_mono_s]
        first_mono_s = ring[0][0] if ring else float("inf")
        opening = [chunk for chunk in self._opening if chunk[0] < first_mono_s]
        gap: list[Chunk] = [(first_mono_s, "!", GAP.encode())] if opening and ring else []
        return opening + gap + ring

    def _open_with(self, chunk: Chunk) -> None:
        opening = self._opening
        if opening and len(opening) < OPENING_CHUNKS and chunk[0] - opening[0][0] < OPENING_S:
            opening.append(chunk)

    def _trim(self) -> None:
        # Only here, on the loop, is anything taken away: other threads just append.
        ring, since_mono_s = self._ring, self.clock.mono_s() - SPAN_S
        while (
            len(ring) > MOST_CHUNKS
            or self._received_bytes > MOST_BYTES
            or (ring and ring[0][0] < since_mono_s)
        ):
            _, way, data = ring.popleft()
            self._received_bytes -= len(data) if way == "<" else 0


class TappedOpener:
    """An opener whose ports tell the recorder everything."""

    def __init__(self, opener: PortOpener, recorder: FlightRecorder) -> None:
        self._opener = opener
        self._recorder = recorder

    async def open(self) -> BytePort:
        """As the opener's own; raises the same."""
        port = await self._opener.open()
        self._recorder.opened()
        return TappedPort(port, self._recorder)


class TappedPort:
    """A port that tells the recorder what passes."""

    def __init__(self, port: BytePort, recorder: FlightRecorder) -> None:
        self._port = port
        self._recorder = recorder
        self._on_bytes: OnBytes | None = None
        self._on_lost: OnLost | None = None
        self._open = True

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        """Begin to deliver."""
        self._on_bytes, self._on_lost = on_bytes, on_lost
        self._port.start(self._received, self._lost)

    def _received(self, data: bytes) -> None:
        self._recorder.received(data)
        if self._on_bytes is not None:
            self._on_bytes(data)

    def _lost(self, reason: str) -> None:
        self._ended(reason)
        if self._on_lost is not None:
            self._on_lost(reason)

    def write(self, data: bytes) -> None:
        """Send at once; what is recorded after it has left costs a STOP nothing."""
        self._port.write(data)
        self._recorder.sent(data)

    def close(self) -> None:
        """Give the line back."""
        self._port.close()
        self._ended(CLOSED)

    def _ended(self, reason: str) -> None:
        if self._open:
            self._open = False
            self._recorder.ended(reason)
