"""Runs a simulated world in the time of an asyncio loop.

World time is the loop's time, so a loop in virtual time runs the pen in virtual time. One timer at
a time, set for the next instant at which anything happens; a late loop is caught up exactly.
"""

import asyncio
from collections.abc import Callable

from simulator.world import World

Leap = Callable[[float], bool]
"""Lets the loop's time go to an instant at once, in seconds; False if anything else comes before
it, or with it. Only a loop in virtual time can."""


class Driver:
    """Runs a world in a loop's time. One host at a time is connected through `plug`.

    With `leap` a world with which nobody meddles runs on without a turn of the loop.
    """

    def __init__(
        self,
        world: World,
        loop: asyncio.AbstractEventLoop | None = None,
        before_output: Callable[[], None] | None = None,
        leap: Leap | None = None,
    ) -> None:
        self.world = world
        self._loop = loop or asyncio.get_running_loop()
        self._start_s = self._loop.time()
        self._before_output = before_output
        self._leap = leap
        self._to_host: Callable[[bytes], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_us: int | None = None
        self._running = True
        self.run()

    def now_us(self) -> int:
        """World time: microseconds since the driver was made."""
        return round((self._loop.time() - self._start_s) * 1e6)

    def plug(self, to_host: Callable[[bytes], None] | None) -> None:
        """Connect a host (or nobody). What was under way on the wire is lost."""
        self.world.line.drop_all()
        self._to_host = to_host

    def unplug(self, to_host: Callable[[bytes], None]) -> None:
        """Disconnect `to_host`, if it is the one that is connected."""
        if self._to_host == to_host:
            self.plug(None)

    def host_sends(self, data: bytes) -> None:
        """The host wrote `data`."""
        if self._running:
            now_us = self.now_us()
            self._set_timer(self._settle(now_us, self.world.host_sends(data, now_us)))

    def run(self) -> None:
        """Let the world catch up with the loop's time, deliver output, set the next timer."""
        if self._running:
            self._set_timer(self._catch_up())

    def _fire(self) -> None:
        self._timer = None
        due_us = self._catch_up()
        if self._leap is not None:
            while due_us is not None and self._leap(self._start_s + due_us / 1e6):
                due_us = self._catch_up()
        self._set_timer(due_us)

    def _catch_up(self) -> int | None:
        now_us = self.now_us()
        return self._settle(now_us, self.world.advance(now_us))

    def _settle(self, now_us: int, wake_us: int | None) -> int | None:
        """Deliver output; returns when to wake up next."""
        if self._before_output is not None:
            self._before_output()
        host_us = self.world.next_for_host_us()
        if host_us is not None and host_us <= now_us:
            self._deliver(now_us)
            host_us = self.world.next_for_host_us()
        if wake_us is None or (host_us is not None and host_us < wake_us):
            wake_us = host_us
        return wake_us

    def _deliver(self, now_us: int) -> None:
        for piece in self.world.take_for_host(now_us):
            if self._to_host is not None:
                self._to_host(piece)

    def _set_timer(self, due_us: int | None) -> None:
        if self._timer is not None:
            if due_us == self._due_us:
                return
            self._timer.cancel()
            self._timer = None
        if due_us is not None:
            self._due_us = due_us
            self._timer = self._loop.call_at(self._start_s + due_us / 1e6, self._fire)

    def stop(self) -> None:
        """Freeze the world for good."""
        self._running = False
        self._to_host = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
