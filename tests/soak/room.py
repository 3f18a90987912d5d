"""The room of one trial: what faults may touch, and the book of what really took effect."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.soak.catalogue import FaultId
from tests.soak.trace import Trace
from tests.support.sim_broker import SimBroker
from tests.support.sim_disk import SimDisk
from tests.support.theatre import Theatre

Cell = tuple[str, str, str]
"""Fault, host state and pen phase, by the values of `catalogue`."""


@dataclass
class Happenings:
    """Every fault that took effect, by the cell of the coverage matrix in which it did."""

    theatre: Theatre
    trace: Trace
    cells: Counter[Cell] = field(default_factory=Counter)

    def take(self, fault: FaultId) -> None:
        """Book one, here and now."""
        host, pen = self.theatre.states()
        self.cells[fault.value, host, pen] += 1
        self.trace.fault(self.theatre.clock.mono_s(), fault)


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
