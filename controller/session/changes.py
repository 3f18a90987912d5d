"""Waiting for something to become true without polling: whoever changes state says so."""

import asyncio
from collections.abc import Callable


class Changes:
    """A place to wait at. `notify` is cheap when nobody waits."""

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], Callable[[], bool]] = {}
        self._will_look = False

    def notify(self) -> None:
        """Something changed: who waits for it is woken, once the caller is through."""
        if self._waiters and not self._will_look:
            self._will_look = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._will_look = False
        for waiter, condition in list(self._waiters.items()):
            if not waiter.done() and condition():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool], within_s: float | None = None) -> bool:
        """Wait until `condition()` holds; False when `within_s` seconds pass first."""
        try:
            async with asyncio.timeout(within_s):
                while not condition():
                    await self._next(condition)
        except TimeoutError:
            return condition()
        return True

    async def _next(self, condition: Callable[[], bool]) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = condition
        try:
            await waiter
        finally:
            del self._waiters[waiter]
