"""What all faults of link, pen and host share."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import ClassVar, Protocol

from controller.errors import MicropenError
from simulator.world import World
from tests.soak.catalogue import FaultId
from tests.soak.script import FaultRow
from tests.support.theatre import Theatre
from tests.support.virtual import advance

RESTART_EVERY_S = 0.5
RESTART_TRIES = 4


class Place(Protocol):
    """The part of a `tests.soak.fault.Room` that these faults use."""

    theatre: Theatre
    rng: Random

    def happened(self, fault: FaultId) -> None:
        """The fault took effect now."""
        ...


class BaseFault:
    """A fault that does nothing yet. `undo` runs what `begin` left to be taken back."""

    id: ClassVar[FaultId]

    def __init__(self, room: Place, row: FaultRow) -> None:
        self.room = room
        self.row = row
        self._undo: list[Callable[[], object]] = []

    @property
    def theatre(self) -> Theatre:
        return self.room.theatre

    @property
    def world(self) -> World:
        """The pen that is plugged in."""
        return self.theatre.stage.world

    def happened(self) -> None:
        """It took effect now."""
        self.room.happened(self.id)

    def told(self) -> "Told":
        """Something to wait for that says `happened` each time."""
        return Told(self.happened)

    def later(self, undo: Callable[[], object]) -> None:
        """Call this at the end."""
        self._undo.append(undo)

    async def begin(self) -> None:
        """Let it happen."""

    async def end(self) -> None:
        """Take back what lasts, the newest first."""
        while self._undo:
            self._undo.pop()()


class Told:
    """Passes on that it happened, and lets somebody wait for the first time."""

    def __init__(self, happened: Callable[[], None]) -> None:
        self._happened = happened
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(self) -> None:
        """It took effect."""
        self._happened()
        if not self._first.done():
            self._first.set_result(None)

    async def wait(self, within_s: float) -> None:
        """Until it was told once, at most `within_s`."""
        await asyncio.wait({self._first}, timeout=within_s)


def once(act: Callable[[], None]) -> Callable[[], None]:
    """Let only the first call through."""
    left = [act]

    def first() -> None:
        if left:
            left.pop()()

    return first


async def start_again(theatre: Theatre) -> None:
    """Start the process, unless somebody else did.

    What another fault still forbids after a few tries is left to whoever ends that one, or to the
    people of the trial.
    """
    for _ in range(RESTART_TRIES):
        if theatre.is_running:
            return
        with suppress(MicropenError):
            await theatre.start()
            continue
        await advance(RESTART_EVERY_S)
