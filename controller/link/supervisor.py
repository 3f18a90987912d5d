"""Keeps one link to the pen alive: open, greet, serve, lose, wait, again (R16).

One coroutine and no task of its own: whatever ends it, also a cancellation, first ends the link,
tells the listener and gives the port back.
"""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from typing import Protocol

from controller.clock import Clock
from controller.errors import LinkError, LinkLost, PenError
from controller.link.backoff import Backoff
from controller.link.exchange import Exchange
from controller.link.handshake import Handshake
from controller.link.port import BytePort, PortOpener
from controller.link.stopline import StopLine
from controller.link.wire import Wire
from controller.link.wiretap import Wiretap
from protocol.messages import Hello


class LinkListener(Protocol):
    """Who uses the links."""

    async def link_up(self, link: Exchange) -> None:
        """Use the link for as long as it stands; returning or raising ends it."""
        ...

    def link_lost(self, link: Exchange, reason: str) -> None:
        """The link has ended; called exactly once for each `link_up`."""
        ...

    def link_failed(self, error: LinkError | PenError) -> None:
        """An attempt came to nothing; called once for each run of equal errors."""
        ...


class LinkSupervisor:
    """Owns the port of one pen. `host_id` is the journal's, 1 to 2**64-1."""

    def __init__(
        self,
        opener: PortOpener,
        clock: Clock,
        host_id: int,
        listener: LinkListener,
        rng: random.Random,
    ) -> None:
        self._opener = opener
        self._clock = clock
        self._host_id = host_id
        self._listener = listener
        self._rng = rng
        self._backoff = Backoff(rng)
        self._last_failure = ""
        self.wiretap = Wiretap()
        self.stop_line = StopLine(clock, rng, self.wiretap)

    async def run(self, *, once: bool = False) -> None:
        """Link again and again until cancelled.

        With `once` the first loss or failure is raised instead: LinkLost, any other LinkError, or
        the PenError with which the listener turned the pen down.
        """
        while True:
            try:
                await self._attempt()
            except (LinkError, PenError) as error:
                if once:
                    raise
                self._report(error)
            await asyncio.sleep(self._backoff.next_s())

    async def _attempt(self) -> None:
        port = await self._opener.open()
        with self._wired(port) as wire:
            handshake = Handshake(wire, self.stop_line, Hello(self._nonce(), self._host_id))
            await self._serve(await handshake.run())

    @contextlib.contextmanager
    def _wired(self, port: BytePort) -> Iterator[Wire]:
        """A wire on `port`, closed at the end; STOP may use the port as long as it is open."""
        wire = Wire(port, self._clock, self.wiretap)
        self.stop_line.attach(port)
        try:
            yield wire
        finally:
            self.stop_line.detach()
            wire.lose("given up by this host")

    def _nonce(self) -> int:
        """64 random bits whose low half, the link id, is not 0."""
        while not (nonce := self._rng.getrandbits(64)) & 0xFFFF_FFFF:
            pass
        return nonce

    async def _serve(self, link: Exchange) -> None:
        self._backoff.reset()
        try:
            await self._listener.link_up(link)
        finally:
            link.lose("given up by this host")
            self._listener.link_lost(link, link.lost.result())
        raise LinkLost(f"The link ended: {link.lost.result()}.")

    def _report(self, error: LinkError | PenError) -> None:
        if isinstance(error, LinkLost):
            self._last_failure = ""
        elif str(error) != self._last_failure:
            self._last_failure = str(error)
            self._listener.link_failed(error)
