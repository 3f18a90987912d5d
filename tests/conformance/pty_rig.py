"""The whole simulated pen behind a pty, in real time: the kernel's tty in between."""

import asyncio
import os
from pathlib import Path

from simulator.attach import PtyAttachment
from simulator.driver import Driver
from simulator.world import World
from tests.conformance.numbers import DrawnNumbers
from tests.conformance.world_rig import still_scenario


class PtyHand:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def _now(self) -> World:
        self._driver.run()
        return self._driver.world

    def press(self) -> None:
        self._now().press(held=True)
        self._driver.run()

    def release(self) -> None:
        self._now().press(held=False)
        self._driver.run()

    def touch(self) -> None:
        self._now().touch(touching=True)
        self._driver.run()

    def lift(self) -> None:
        self._now().touch(touching=False)
        self._driver.run()


class PtyRig:
    """Runs its own event loop; `read` is the only place where time passes."""

    is_quick = True
    latency_us = 0

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.SelectorEventLoop()
        self._driver = Driver(World(still_scenario()), self._loop)
        self._pty = PtyAttachment(self._driver, folder / "pen", self._loop)
        self._pty.plug()
        self._fd = os.open(folder / "pen", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.hand = PtyHand(self._driver)
        self.numbers = DrawnNumbers(0x5EED)

    def now_us(self) -> int:
        return round(self._loop.time() * 1e6)

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    def read(self, until_us: int) -> bytes:
        wait_s = max(0, until_us - self.now_us()) / 1e6
        return self._loop.run_until_complete(self._readable(wait_s))

    async def _readable(self, wait_s: float) -> bytes:
        heard: asyncio.Future[bytes] = self._loop.create_future()
        self._loop.add_reader(self._fd, self._hear, heard)
        timer = self._loop.call_later(wait_s, self._hear_nothing, heard)
        try:
            return await heard
        finally:
            timer.cancel()
            self._loop.remove_reader(self._fd)

    def _hear(self, heard: "asyncio.Future[bytes]") -> None:
        if not heard.done():
            heard.set_result(os.read(self._fd, 4_096))

    @staticmethod
    def _hear_nothing(heard: "asyncio.Future[bytes]") -> None:
        if not heard.done():
            heard.set_result(b"")

    def power_cycle(self) -> None:
        self._driver.run()
        self._driver.world.cut_power(self._driver.now_us())
        self._driver.run()

    def close(self) -> None:
        self._driver.stop()
        self._pty.unplug()
        os.close(self._fd)
        self._loop.close()
