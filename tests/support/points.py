"""Counts every instant at which a process can be struck: each await, turn, write and commit.

An await is one step of a task (it goes on after an await of its own); a turn is one call of a
callback: a timer, an answer, bytes that came in; a write is a frame that goes
to the port, before and after it has left; a commit is one transaction, before and after it is
durable. At the n-th of all these points `strike` is called, in the middle of the process' own step.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any, Self

from controller.link.port import BytePort
from controller.record.entry import Draft, Entry
from simulator.scenario import Scenario
from tests.support.theatre import Theatre

CONTROLLER = f"{Path(__file__).parents[2] / 'controller'}/"
STORY = "story"
"""Name of the test's own coroutine that plays the operator; its steps count as the process'."""


class Killed(BaseException):
    """The process ended inside a callback; only the loop's exception handler sees it."""


class Points:
    """`strike` at point number `strike_at` (from 1; 0 = never). Dead, nothing goes on."""

    def __init__(self, strike_at: int = 0, strike: Callable[[], None] = lambda: None) -> None:
        self.counts: Counter[str] = Counter()
        self.places: list[str] = []
        self.is_dead = False
        self._strike_at = strike_at
        self._strike = strike
        self._counting = True

    @property
    def total(self) -> int:
        """Points passed up to now."""
        return self.counts.total()

    def passes(self, what: str, where: str = "") -> None:
        """The process is at one more point."""
        if not self._counting or self.is_dead:
            return
        self.counts[what] += 1
        if self.total == self._strike_at:
            self.places.append(f"{what} {where}".strip())
            self._counting = False
            self._strike()

    def die(self) -> None:
        """From this instant on no step goes on and nothing leaves, until `bury`."""
        self.is_dead = True

    def bury(self) -> None:
        """The dead process' tasks may be cancelled now; nothing of theirs can leave any more."""
        self.is_dead = False

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count what runs on this loop from now on, until `unwatch`."""
        loop.set_task_factory(self._new_task)
        for name in ("call_soon", "call_at"):
            setattr(loop, name, self._counting_calls(getattr(loop, name), name))

    def unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave the loop as it was."""
        loop.set_task_factory(None)
        for name in ("call_soon", "call_at"):
            delattr(loop, name)

    def _counting_calls(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        at = 1 if name == "call_at" else 0

        def counted(*args: Any, **options: Any) -> Any:
            where = _controllers(args[at])
            if where is None:
                return call(*args, **options)
            return call(*args[:at], self.turn(args[at], where), *args[at + 1 :], **options)

        return counted

    def turn(self, callback: Callable[..., Any], where: str) -> Callable[..., Any]:
        """The callback with a point before it; called when dead it does nothing."""

        def turn(*args: Any) -> Any:
            self.passes("turn", where)
            return None if self.is_dead else callback(*args)

        return turn

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any
    ) -> "asyncio.Future[Any]":
        return asyncio.Task(_Counted(coro, self), loop=loop, **options)


def _controllers(callback: Callable[..., Any]) -> str | None:
    """The name of a callback that is the controller's own code."""
    inner = callback.func if isinstance(callback, partial) else callback
    code: CodeType | None = getattr(inner, "__code__", None)
    if code is None or not code.co_filename.startswith(CONTROLLER):
        return None
    return code.co_qualname


class _Counted(Coroutine[Any, Any, Any]):
    """A task's outermost coroutine: each of its steps is a point, none is made when dead."""

    def __init__(self, inner: Coroutine[Any, Any, Any], points: Points) -> None:
        self._inner = inner
        self._points = points
        code: CodeType = inner.cr_code  # type: ignore[attr-defined]  # what `async def` makes
        self._where = code.co_qualname
        self._counts = code.co_filename.startswith(CONTROLLER) or code.co_name == STORY

    def send(self, value: Any) -> Any:
        if self._counts:
            self._points.passes("await", self._where)
        if self._points.is_dead:
            return _never()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("a task is its only user")


def _never() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future._asyncio_future_blocking = True  # what `await future` says to the task
    return future


class _CountedPort:
    """A port whose process may die between two bytes; fits the controller's BytePort."""

    def __init__(self, port: BytePort, points: Points) -> None:
        self._port = port
        self._points = points

    def start(self, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        turn = self._points.turn
        self._port.start(turn(on_bytes, "bytes come in"), turn(on_lost, "the port is lost"))

    def write(self, data: bytes) -> None:
        self._points.passes("write")
        if not self._points.is_dead:
            self._port.write(data)
            self._points.passes("written")

    def close(self) -> None:
        self._port.close()


class CountedTheatre(Theatre):
    """A theatre whose process can be struck at every point; entered without a started service."""

    def __init__(self, folder: Path, pen: Scenario, points: Points, seed: int) -> None:
        super().__init__(folder, pen, seed=seed, disk_s=(0.001, 0.01))
        self.points = points
        self.on_entries = self._after_commit

    async def __aenter__(self) -> Self:
        self.points.watch(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *error: object) -> None:
        await super().__aexit__(*error)
        self.points.unwatch(asyncio.get_running_loop())

    async def open(self) -> BytePort:
        return _CountedPort(await super().open(), self.points)

    def _before_commit(self, drafts: Sequence[Draft]) -> None:
        self.points.passes("commit", drafts[0].body.kind)
        if self.points.is_dead:
            raise Killed
        super()._before_commit(drafts)

    def _after_commit(self, entries: Sequence[Entry]) -> None:
        self.points.passes("committed", entries[0].kind)
        if self.points.is_dead:
            raise Killed
