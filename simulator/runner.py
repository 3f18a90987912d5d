"""Runs one simulated pen as a process: files, signals, one attachment; a balance beside it.

SIGTERM or SIGINT ends orderly; SIGHUP pulls the cable for a while; SIGUSR1 cuts the pen's power;
SIGUSR2 writes the oracle file. Killed at any instant, it can be started again with the same pen.
"""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from simulator.attach import PtyAttachment, TcpAttachment
from simulator.bench import BalanceDriver
from simulator.driver import Driver
from simulator.life import Keeper, load_life, revive, save_oracle
from simulator.scenario import Scenario
from simulator.world import World


class RunOptions(msgspec.Struct, frozen=True):
    """Where the pen is reached and what is kept. Exactly one of `pty` and `tcp`.

    `balance_pty` is where the balance is reached; without it there is none.
    """

    seed: int
    pty: Path | None = None
    tcp: tuple[str, int] | None = None
    life_file: Path | None = None
    oracle_file: Path | None = None
    balance_pty: Path | None = None


class Runner:
    """One process, one pen."""

    def __init__(
        self,
        scenario: Scenario,
        options: RunOptions,
        announce: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._scenario = scenario
        self._announce = announce
        self._options = options
        self._ended = asyncio.Event()
        self._out_of_cable: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.world = self._world()
        path = options.life_file
        self._keeper = Keeper(path, self.world) if path else None
        self._driver = Driver(self.world, self._loop, self._keeper.keep if self._keeper else None)
        self._pty: PtyAttachment | None = None
        self._tcp: TcpAttachment | None = None
        self._listening: asyncio.Task[int] | None = None
        self._balance: tuple[BalanceDriver, PtyAttachment] | None = None

    def _world(self) -> World:
        path = self._options.life_file
        life = load_life(path) if path else None
        if life is None:
            return World(self._scenario, self._options.seed)
        return revive(self._scenario, self._options.seed, life)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        signals = {
            signal.SIGTERM: self._ended.set,
            signal.SIGINT: self._ended.set,
            signal.SIGHUP: self.pull_cable,
            signal.SIGUSR1: self.reset_pen,
            signal.SIGUSR2: self.write_oracle,
        }
        for number, act in signals.items():
            self._loop.add_signal_handler(number, act)
        try:
            await self._attach()
            await self._ended.wait()
        finally:
            for number in signals:
                self._loop.remove_signal_handler(number)
            self.close()

    async def _attach(self) -> None:
        if self._options.pty is not None:
            self._pty = PtyAttachment(self._driver, self._options.pty, self._loop)
            self._pty.plug()
            where = str(self._options.pty)
        elif self._options.tcp is not None:
            self._tcp = TcpAttachment(self._driver, *self._options.tcp)
            where = f"{self._options.tcp[0]}:{await self._tcp.plug()}"
        else:
            raise ValueError("a pty or a TCP address is needed")
        if self._options.balance_pty is not None:
            self._attach_balance(self._options.balance_pty)
        self._announce(f"pen {self.world.spec.uid:016x} at {where}")

    def _attach_balance(self, path: Path) -> None:
        driver = BalanceDriver(self._driver, self._loop)
        port = PtyAttachment(driver, path, self._loop)
        self._balance = driver, port
        port.plug()
        self._announce(f"balance {self._scenario.balance.serial} at {path}")

    def pull_cable(self) -> None:
        """Pull the cable; it is put back after the scenario's time. The pen goes on."""
        if self._pty is not None:
            self._pty.unplug()
        if self._tcp is not None:
            self._tcp.unplug()
        if self._out_of_cable is not None:
            self._out_of_cable.cancel()
        after_s = self._scenario.cable.replug_after_s
        self._out_of_cable = self._loop.call_later(after_s, self._replug)

    def _replug(self) -> None:
        self._out_of_cable = None
        if self._pty is not None:
            self._pty.plug()
        if self._tcp is not None:
            self._listening = self._loop.create_task(self._tcp.plug())

    def reset_pen(self) -> None:
        """Cut the pen's power at this moment."""
        now_us = self._driver.now_us()
        self.world.advance(now_us)
        self.world.cut_power(now_us)
        self._driver.run()

    def write_oracle(self) -> None:
        """Write the oracle file, if there is one."""
        if self._options.oracle_file is not None:
            self._driver.run()
            report = self.world.mechanism.oracle.report(self.world.spec.uid, self._driver.now_us())
            save_oracle(self._options.oracle_file, report)

    def close(self) -> None:
        """Write what is to be kept and let go of everything."""
        self.write_oracle()
        if self._keeper is not None:
            self._keeper.keep()
        if self._out_of_cable is not None:
            self._out_of_cable.cancel()
        if self._listening is not None:
            self._listening.cancel()
        if self._balance is not None:
            driver, port = self._balance
            driver.stop()
            port.unplug()
        self._driver.stop()
        if self._pty is not None:
            self._pty.unplug()
        if self._tcp is not None:
            self._tcp.unplug()


async def run(scenario: Scenario, options: RunOptions, announce: Callable[[str], None]) -> None:
    """Run one pen until a signal ends it; `announce` gets one line once it can be reached.

    Raises LifeError, OSError.
    """
    await Runner(scenario, options, announce).run()
