"""Time of a replay: a loop that jumps to its next timer, and the clock of the recorded host.

Touches no wall clock; at real pace the ordinary loop is used with the same clock.
"""

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting, time passes."""

    def __init__(self, pass_s: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_s = pass_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if timeout is None:
            raise RuntimeError("nothing can happen any more")  # a defect: there is always a timer
        if not found and timeout > 0:
            self._pass_s(timeout)
        return found


class JumpLoop(asyncio.SelectorEventLoop):
    """An event loop without waiting. Its time starts at 0."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_Jumping(self._pass))

    def time(self) -> float:
        """Seconds that were jumped over so far."""
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds


class ReplayClock:
    """The recorded host's clock: starts at `mono_s` and `wall` and goes on with the loop."""

    def __init__(self, mono_s: float, wall: datetime) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._mono_s = mono_s
        self._wall = wall

    def mono_s(self) -> float:
        """Monotonic seconds, by the recorded host's own count."""
        return self._mono_s + self._loop.time() - self._began_s

    def now_wall(self) -> datetime:
        """The recorded host's wall time."""
        return self._wall + timedelta(seconds=self._loop.time() - self._began_s)
