"""From the thread that speaks HTTP to the loop that drives the pen, and back.

The page is served in a thread of its own, so that STOP goes out even while the controller's loop is
blocked. Everything else is asked on that loop, where nothing changes between two lines.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Bridge(Protocol):
    """Has something done on the controller's loop."""

    async def ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it there and return its result, or raise its error."""
        ...


class SameLoop:
    """Both sides share one loop: tests in virtual time."""

    async def ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it here, in a task that outlives whoever asked."""
        return await asyncio.shield(asyncio.create_task(work(), name="act"))


class OtherLoop:
    """The controller's loop runs in another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def ask(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it there; whoever goes away here does not cancel it there."""
        future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        return await asyncio.shield(asyncio.wrap_future(future))
