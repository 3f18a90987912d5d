"""What a selector loop does in one turn, without what only real files and real time need.

Why: in virtual time a turn waits for nothing, so the system call, the file events and the general
timer heap of asyncio were a third of a simulated session's processor time. Order and meaning are
asyncio's; timers of one instant come in the order in which they were set. Touches nothing but
asyncio.
"""

import asyncio
import heapq
import selectors
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")

_FEW_TIMERS = 100
"""Cancelled timers are swept out when they are more than this and more than the live ones."""


class _Timer(asyncio.TimerHandle):
    """asyncio's handle, filled in without asking for the debug mode."""

    __slots__ = ()
    _context: Context
    _loop: asyncio.AbstractEventLoop
    _callback: Callable[..., object] | None
    _repr: str | None
    _source_traceback: Any
    _when: float
    _scheduled: bool

    def __init__(
        self,
        when_s: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when_s
        self._scheduled = True


class _SelfPipeOnly(selectors.SelectSelector):
    """Knows whether any file is watched besides the loop's own wake-up pipe."""

    def __init__(self) -> None:
        super().__init__()
        self.watched = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        self.watched += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self.watched -= 1
        return key


class LeanLoop(asyncio.SelectorEventLoop):
    """Asks the selector only while real work is under way or a real file is watched.

    A subclass says what `time` is, moves it in `_jump`, and counts `_real_work`. `timers_set`
    counts all timers of the loop's life.
    """

    _ready: deque[asyncio.Handle]
    _clock_resolution: float
    _stopping: bool
    _debug: bool
    _closed: bool
    _process_events: Callable[[Any], None]
    _real_work = 0

    def __init__(self) -> None:
        self._files = _SelfPipeOnly()
        self._timers: list[tuple[float, int, _Timer]] = []
        self.timers_set = 0
        self._timers_cancelled = 0
        super().__init__(self._files)

    def _jump(self, to_s: float | None) -> None:
        """Nothing is ready: go on to the first timer, at `to_s`; None when there is none."""
        raise NotImplementedError

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ready while real work is under way or a file is watched."""
        raise NotImplementedError

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        timer = _Timer(when, callback, args, self, context)
        self.timers_set += 1
        heapq.heappush(self._timers, (when, self.timers_set, timer))
        return timer

    def _timer_handle_cancelled(self, handle: _Timer) -> None:
        self._timers_cancelled += handle._scheduled  # not yet taken out to run
        if self._timers_cancelled > max(_FEW_TIMERS, len(self._timers) // 2):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._timers_cancelled = 0

    def leap(self, to_s: float) -> bool:
        """Let time go to an instant at once, if a turn of the loop would do no more than that."""
        if self._ready or self._stopping or self._real_work or self._files.watched > 1:
            return False
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
            self._timers_cancelled -= 1
        if timers and timers[0][0] <= to_s + self._clock_resolution:
            return False
        return self._may_jump(to_s)

    def _may_jump(self, to_s: float) -> bool:
        """Go on to `to_s`, or leave the refusal to `_jump`."""
        raise NotImplementedError

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
            self._timers_cancelled -= 1
        if self._real_work or self._files.watched > 1:
            events = self._files.select(0)
            if not (events or ready or self._stopping):
                events = self._wait()
            self._process_events(events)
        elif not (ready or self._stopping):
            self._jump(timers[0][0] if timers else None)
        end_s = self.time() + self._clock_resolution
        while timers and timers[0][0] < end_s:
            timer = heapq.heappop(timers)[2]
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def close(self) -> None:
        super().close()
        self._timers.clear()
