"""What one listening page has yet to be sent: the newest view, and a bounded strip.

Filled on the controller's loop, emptied in the thread that speaks HTTP. A page that does not read
loses old views and the strip's oldest points; it never makes the controller wait or grow.
"""

import asyncio
from collections import deque
from contextlib import suppress

from controller.console.views import StripPoint

STRIP_S = 30.0
STRIP_HZ = 10
MOST_POINTS = round(STRIP_S * STRIP_HZ)


class Mailbox:
    """One page's. Made in the thread that reads it, with that thread's loop running."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.is_closed = False
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._view: bytes | None = None
        self._calibration: bytes | None = None
        self._told: bytes | None = None
        self._points: deque[StripPoint] = deque(maxlen=MOST_POINTS)

    def put(self, view: bytes) -> None:
        """The newest view, as JSON; takes the place of one that was not read. From any thread."""
        self._view = view
        self._wake()

    def put_calibration(self, view: bytes) -> None:
        """How the calibration stands, as JSON; sent only when it is news. From any thread."""
        if view != self._told:
            self._told = self._calibration = view
            self._wake()

    def add(self, *points: StripPoint) -> None:
        """Points of the strip; sent with the next view. From any thread."""
        self._points.extend(points)

    @property
    def waiting(self) -> int:
        """How much waits to be read."""
        return len(self._points) + (self._view is not None) + (self._calibration is not None)

    def close(self) -> None:
        """Nothing more comes. From any thread."""
        self.is_closed = True
        self._wake()

    async def take(self) -> tuple[bytes | None, bytes | None, list[StripPoint]]:
        """Wait for news, and take all there is: view, calibration, points."""
        await self._filled.wait()
        self._filled.clear()
        view, self._view = self._view, None
        calibration, self._calibration = self._calibration, None
        points = [self._points.popleft() for _ in range(len(self._points))]
        return view, calibration, points

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the reader's loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._filled.set)
