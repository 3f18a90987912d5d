"""One simulated pen in the loop's time: what a room can do to it, and what it really did."""

import asyncio
from typing import Any

from controller.record.events import hex_id
from protocol.words import PenState
from simulator.driver import Driver
from simulator.misbehaviour import FaultName, FaultSettings
from simulator.ports import Chip
from simulator.scenario import Scenario
from simulator.world import World
from tests.support.lean_loop import LeanLoop
from tests.support.truth import Truth


class Stage:
    """One simulated pen in the loop's time, with its truth."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.world = World(scenario, seed)
        loop = asyncio.get_running_loop()
        self.driver = Driver(self.world, leap=loop.leap if isinstance(loop, LeanLoop) else None)
        self.truth = Truth(self.world.mechanism.oracle)
        self.uid = hex_id(self.world.spec.uid)

    @property
    def moves(self) -> bool:
        """Whether needle or plunger move, by the mechanics."""
        body = self.world.mechanism
        moving = body.oracle.in_stroke or body.needle.motor.running
        return moving or body.plunger.end_us() is not None

    @property
    def phase(self) -> str:
        """`off`, or the state of the firmware in lower case; starting up is still `off`."""
        device = self.world.device
        if device is None or device.state is PenState.BOOT:
            return "off"
        return device.state.name.lower()

    def reset(self) -> None:
        """Cut the pen's power now."""
        self.world.cut_power(self._now_us())
        self.driver.run()

    def strike(self, name: FaultName, **settings: Any) -> FaultSettings:
        """Let a fault of the simulator's catalogue happen from now on; returns its row."""
        self._now_us()
        row = FaultSettings(name=name, **settings)
        self.world.trouble.add(row)
        self.driver.run()
        return row

    def take_back(self, row: FaultSettings) -> None:
        """End a fault: it strikes no more, and what can be undone is undone."""
        self.world.trouble.take_back(row, self.world, self._now_us())
        self.driver.run()

    def fit_cartridge(self, chip: Chip | None) -> Chip | None:
        """Change the cartridge; returns the one that comes off."""
        self._now_us()
        body = self.world.mechanism
        before, body.chip_fitted = body.chip_fitted, chip
        self.driver.run()
        return before

    def fit_syringe(self) -> None:
        """Put a full syringe in."""
        self._now_us()
        plunger = self.world.mechanism.plunger
        plunger.travel_left_steps = plunger.settings.capacity_steps
        self.driver.run()

    def _now_us(self) -> int:
        now_us = self.driver.now_us()
        self.world.advance(now_us)
        return now_us
