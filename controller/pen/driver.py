"""The pen as the session sees it: one object that keeps one pen linked and tells what it does."""

import random

from controller.clock import Clock
from controller.errors import LinkError, PenError
from controller.link.exchange import Exchange
from controller.link.port import PortOpener
from controller.link.supervisor import LinkSupervisor
from controller.pen.identity import require_same_pen
from controller.pen.listener import PenListener
from controller.pen.pen import REQUEST_S, Pen
from protocol.messages import Envelope, Identity, Query
from protocol.words import QueryTopic

__all__ = ["Pen", "PenLine", "PenListener"]


class PenLine:
    """Links a pen, presents it to the listener, loses it, links again, until cancelled.

    `host_id` is the journal's, 1 to 2**64-1; `rng` mints nonces and stop ids and must be
    unpredictable in service (random.SystemRandom).
    """

    def __init__(
        self,
        opener: PortOpener,
        clock: Clock,
        host_id: int,
        listener: PenListener,
        rng: random.Random,
    ) -> None:
        self._listener = listener
        self._supervisor = LinkSupervisor(opener, clock, host_id, self, rng)
        self.wiretap = self._supervisor.wiretap
        self.stop_line = self._supervisor.stop_line
        self.pen: Pen | None = None  # None: no pen is linked now

    async def run(self, *, once: bool = False) -> None:
        """Keep a pen linked until cancelled; `once` raises the first loss or failure instead."""
        await self._supervisor.run(once=once)

    def nudge(self) -> None:
        """Let the task that runs this turn soon; without a pen it turns by itself, each 2 s."""
        if self.pen is not None:
            self.pen.nudge()

    def stop(self, reason: str) -> int:
        """Stop the pen at once; returns the stop id. Callable from any thread, at any time."""
        return self.stop_line.trigger(reason)

    async def link_up(self, link: Exchange) -> None:
        """Ask who the pen is, present it, and serve it until the link ends."""
        identity = await link.request(Query(0, QueryTopic.IDENTITY, 0), REQUEST_S, Identity)
        require_same_pen(link.hello, identity)
        envelope = await link.request(Query(0, QueryTopic.ENVELOPE, 0), REQUEST_S, Envelope)
        pen = Pen(link, identity, envelope, self._listener)
        self.pen = pen
        self._listener.pen_up(pen)
        await pen.serve()

    def link_lost(self, _link: Exchange, reason: str) -> None:
        """Take the pen back, if it was presented."""
        pen, self.pen = self.pen, None
        if pen is not None:
            self._listener.pen_lost(pen, reason)

    def link_failed(self, error: LinkError | PenError) -> None:
        """Pass on why there is no pen."""
        self._listener.pen_failed(error)
