"""Waiting for a status: subscribe first, one deadline, and a failure that names the last value."""

import asyncio
from collections.abc import Callable

from controller.errors import ConditionNotReached, LinkLost
from controller.link.exchange import Exchange
from protocol.messages import Status


class _Waiter:
    """One who waits. Statuses from before `from_ticks` say nothing about what was asked later."""

    def __init__(self, wanted: Callable[[Status], bool], from_ticks: int) -> None:
        self.wanted = wanted
        self.from_ticks = from_ticks
        self.reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class StatusWaiting:
    """Those who wait for a status of one link."""

    def __init__(self, link: Exchange) -> None:
        self._link = link
        self._waiters: list[_Waiter] = []

    def on_status(self, status: Status) -> None:
        """Take the newest status."""
        for waiter in self._waiters:
            reached = status.pen_ticks >= waiter.from_ticks and waiter.wanted(status)
            if reached and not waiter.reached.done():
                waiter.reached.set_result(None)

    async def until(self, wanted: Callable[[Status], bool], what: str, deadline_s: float) -> None:
        """Return at the first status from now on that is `wanted`.

        Raises ConditionNotReached after `deadline_s`, and LinkLost when the link ends first.
        """
        waiter = _Waiter(wanted, self._link.heard.pen_now_ticks())
        self._waiters.append(waiter)
        try:
            await asyncio.wait(
                (waiter.reached, self._link.lost),
                timeout=deadline_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._waiters.remove(waiter)
        if not waiter.reached.done():
            raise self._failure(what, deadline_s)

    def _failure(self, what: str, deadline_s: float) -> LinkLost | ConditionNotReached:
        if self._link.lost.done():
            return LinkLost(f"The link ended while waiting: {self._link.lost.result()}.")
        return ConditionNotReached(
            f"The pen is not {what} after {deadline_s:g} s; {self._link.heard}."
        )
