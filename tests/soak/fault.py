"""The wall between a trial and its faults: what a fault's class offers and what it may touch."""

from random import Random
from typing import ClassVar, Protocol

from tests.soak.catalogue import FaultId
from tests.soak.script import FaultRow
from tests.support.sim_broker import SimBroker
from tests.support.sim_disk import SimDisk
from tests.support.theatre import Theatre


class Room(Protocol):
    """What a fault may touch. `rng` is that of its row: one row's draws never move another's."""

    theatre: Theatre
    disk: SimDisk
    broker: SimBroker
    rng: Random

    def happened(self, fault: FaultId) -> None:
        """The fault really took effect now: said by the effect itself, not by who ordered it."""
        ...


class Fault(Protocol):
    """One kind. Made for one row, struck `row.times`; `begin` and `end` alternate.

    Both run outside every task of the controller, may wait in virtual time, and leave the room
    usable: after `end` nothing of the fault remains but its consequences. They are cancelled when
    the safety phase ends, and `end` is called then if `begin` had been.
    """

    id: ClassVar[FaultId]

    def __init__(self, room: Room, row: FaultRow) -> None: ...

    async def begin(self) -> None:
        """Let it happen."""
        ...

    async def end(self) -> None:
        """Take back what lasts; called `row.lasts_s` after `begin`."""
        ...
