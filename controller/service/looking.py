"""Short visits to a pen: a look at what it is. Moves nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from controller.clock import SystemClock
from controller.errors import MicropenError, NoAnswer
from controller.link.port import SerialOpener
from controller.pen.driver import Pen, PenLine
from controller.pen.strokes import PenStroke
from controller.session.changes import Changes
from protocol.messages import Cartridge, Envelope, Health, Identity, Status, Stopped

ANSWER_WITHIN_S = 10.0


class PenFacts(msgspec.Struct, frozen=True):
    """What a pen said of itself."""

    identity: Identity
    envelope: Envelope
    cartridge: Cartridge
    status: Status


class _Looker:
    """A listener that only waits for a pen to be there."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.pen: Pen | None = None
        self.error: MicropenError | None = None

    def pen_up(self, pen: Pen) -> None:
        """Remember the pen."""
        self.pen = pen
        self.changes.notify()

    def pen_failed(self, error: MicropenError) -> None:
        """Remember why there is none."""
        self.error = error
        self.changes.notify()

    def pen_lost(self, pen: Pen, reason: str) -> None:
        """Forget the pen."""
        self.pen = None

    def pen_status(self, pen: Pen, status: Status) -> None:
        """Nothing to do."""

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None:
        """Nothing to do."""

    def pen_health(self, pen: Pen, health: Health) -> None:
        """Nothing to do."""

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None:
        """Nothing to do."""

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None:
        """Nothing to do."""


@asynccontextmanager
async def linked(path: str) -> AsyncIterator[Pen]:
    """A link to the pen on `path` inside the `async with`.

    A new link ends an arm that another host may have open (C2). Raises LinkError or PenError.
    """
    looker = _Looker()
    chance = random.SystemRandom()
    host_id = chance.getrandbits(63) | 1
    line = PenLine(SerialOpener(path), SystemClock(), host_id, looker, chance)
    driving = asyncio.create_task(line.run())
    try:
        await looker.changes.until(
            lambda: looker.pen is not None or looker.error is not None, ANSWER_WITHIN_S
        )
        if looker.error is not None:
            raise looker.error
        if looker.pen is None:
            raise NoAnswer(f"No pen answered on {path} within {ANSWER_WITHIN_S:.0f} s.")
        yield looker.pen
    finally:
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)


async def look(path: str) -> PenFacts:
    """Link to the pen on `path`, ask, and let go again. Raises LinkError or PenError."""
    async with linked(path) as pen:
        return PenFacts(pen.identity, pen.envelope, await pen.cartridge(), pen.status)
