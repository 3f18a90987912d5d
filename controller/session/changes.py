"""Waiting for something to become true without polling: whoever changes state says so."""

import asyncio
from collections.abc import Callable


class Changes:
    """A place to wait at. `notify` is cheap when nobody waits."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Something changed; everybody who waits looks again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool], within_s: float | None = None) -> bool:
        """Wait until `condition()` holds; False when `within_s` seconds pass first."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    await self._next()
        except TimeoutError:
            return condition()
        return True

    async def _next(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
