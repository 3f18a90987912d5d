"""The room of one trial: what faults may touch, and the book of what really took effect."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from simulator.device import PenDevice
from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.trace import Trace
from tests.support.sim_broker import SimBroker
from tests.support.sim_disk import SimDisk
from tests.support.theatre import Theatre

Cell = tuple[str, str, str]
"""Fault, host state and pen phase, by the values of `catalogue`."""

_OF_A_BOOT: Final = (FaultId.P8, FaultId.P12)
"""What a pen that has booted with it keeps until its next boot."""


@dataclass
class Happenings:
    """Every fault that took effect, by the cell of the coverage matrix in which it did.

    What lasts from a start-up on is there in every state that is met, and counts once in each.
    """

    theatre: Theatre
    trace: Trace
    cells: Counter[Cell] = field(default_factory=Counter)
    _booted_with: dict[FaultId, PenDevice] = field(default_factory=dict)

    def take(self, fault: FaultId) -> None:
        """Book one, here and now."""
        host, pen = self.theatre.states()
        self.cells[fault.value, host, pen] += 1
        self.trace.fault(self.theatre.clock.mono_s(), fault)
        device = self.theatre.stage.world.device
        if fault in _OF_A_BOOT and device is not None:
            self._booted_with[fault] = device

    def met(self, states: tuple[str, str]) -> None:
        """Host or pen changed to these states: what lasts is met here, too."""
        host, pen = states
        device = self.theatre.stage.world.device
        for fault, booted in self._booted_with.items():
            if device is booted and pen != PenPhase.OFF:
                self.cells[fault.value, host, pen] += 1
        if self.theatre.clock_synced is False and host != HostState.DEAD:
            self.cells[FaultId.H11.value, host, pen] += 1


@dataclass
class RowRoom:
    """The `fault.Room` of one row: everybody's room, with a generator of its own."""

    theatre: Theatre
    disk: SimDisk
    broker: SimBroker
    rng: Random
    happenings: Happenings

    def happened(self, fault: FaultId) -> None:
        """See `fault.Room`."""
        self.happenings.take(fault)
