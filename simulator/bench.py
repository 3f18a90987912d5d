"""A balance beside a pen, in the time of an asyncio loop: both share the clock and the drop.

Fits where an attachment wants a `Driver`: the balance is a second device with a port of its own.
"""

import asyncio
from collections.abc import Callable

from simulator.balance import Balance
from simulator.balance_talk import BalanceTalk
from simulator.driver import Driver
from simulator.scenario import stream
from simulator.technician import Technician


class BalanceDriver:
    """Runs the balance of the pen's scenario. World time is the pen's; it begins with the pen's."""

    def __init__(self, pen: Driver, loop: asyncio.AbstractEventLoop | None = None) -> None:
        world = pen.world
        self._pen = pen
        self._loop = loop or asyncio.get_running_loop()
        self._start_s = self._loop.time() - pen.now_us() / 1e6
        oracle = world.mechanism.oracle

        def dropped_nl() -> float:
            return oracle.totals.surface_nl

        settings = world.scenario.balance
        self.balance = Balance(settings, dropped_nl, stream(world.seed, "balance"))
        self.talk = BalanceTalk(self.balance)
        self.technician = Technician(
            world.scenario.technician, self.balance, lambda: oracle.totals.forward_steps
        )
        self._to_host: Callable[[bytes], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running = True
        self.run()

    def now_us(self) -> int:
        """World time."""
        return self._pen.now_us()

    def plug(self, to_host: Callable[[bytes], None] | None) -> None:
        """Connect a host (or nobody). What was asked before is forgotten."""
        self.talk.hang_up()
        self.technician.connected()
        self._to_host = to_host

    def unplug(self, to_host: Callable[[bytes], None]) -> None:
        """Disconnect `to_host`, if it is the one that is connected."""
        if self._to_host == to_host:
            self.plug(None)

    def host_sends(self, data: bytes) -> None:
        """The host wrote `data`."""
        if self._running:
            self._pen.run()
            self.talk.receive(data, self.now_us())
            self.technician.asked(self.now_us())
            self.run()

    def run(self) -> None:
        """Let pen and balance catch up with the loop's time, deliver output, set the timer."""
        if not self._running:
            return
        self._pen.run()
        now_us = self.now_us()
        self.talk.advance(now_us)
        self.technician.advance(now_us)
        output = self.talk.take_output(now_us)
        if output and self._to_host is not None:
            self._to_host(output)
        if self._timer is not None:
            self._timer.cancel()
        at_s = self._start_s + self.talk.next_wake_us() / 1e6
        self._timer = self._loop.call_at(at_s, self.run)

    def stop(self) -> None:
        """Freeze the balance for good."""
        self._running = False
        self._to_host = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
