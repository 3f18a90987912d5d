"""A room for calibrating, for a real browser: pen, balance and controller in hurried virtual time.

The controller is the workshop's, put together by its own composition root, with the door that
ships: pages reach it through uvicorn in its thread. Time jumps while a calibration is led and
nothing is asked; while somebody reads and touches it passes as the browser's does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from controller.calibration.face import Kind
from controller.console.people import People
from controller.console.publishing import PERIOD_S, Publisher
from controller.console.security import Address
from controller.service.calibration_desk import CalibrationDesk
from controller.service.serving import Door
from tests.support.hurried import HurriedLoop
from tests.support.virtual import advance
from tests.support.workshop import Workshop, workshop
from tests.support.workshop_screen import screen_of

T = TypeVar("T")

ASK_WITHIN_S = 20.0


class RealPublisher(Publisher):
    """Tells pages ten times a second of real time, however time jumps."""

    async def run(self) -> None:
        """Publish until cancelled."""
        told_s = 0.0
        while True:
            if time.monotonic() - told_s >= PERIOD_S:
                self.turn()
                told_s = time.monotonic()
            await advance(PERIOD_S)


class BenchRoom:
    """One workshop with its screen, in a thread and a loop of its own."""

    def __init__(self, folder: Path, people: People) -> None:
        self._folder = folder
        self._people = people
        self._here = asyncio.get_running_loop()
        self._opened: asyncio.Future[str] = self._here.create_future()
        self._there: asyncio.AbstractEventLoop | None = None
        self._room: Workshop | None = None
        self._end = asyncio.Event()
        self._hold_when: Callable[[Workshop], bool] | None = None
        self.is_held = False
        """Time passes as the wall's also while nothing is asked."""

    # --- for the test ----------------------------------------------------------------------------

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[str]:
        """The address of its page; what went wrong in the room is raised at the end."""
        living = asyncio.create_task(asyncio.to_thread(self._run), name="bench room")
        either: set[asyncio.Future[Any]] = {living, self._opened}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        try:
            if not living.done():
                yield self._opened.result()
        finally:
            if self._there is not None and not living.done():
                self._there.call_soon_threadsafe(self._end.set)
            await living

    async def ask(self, work: Callable[[Workshop], Awaitable[T]]) -> T:
        """Have something done in the room's own loop."""
        room, there = self._room, self._there
        assert room is not None
        assert there is not None

        async def asked() -> T:
            return await work(room)

        async with asyncio.timeout(ASK_WITHIN_S):
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked(), there))

    def hold_when(self, is_so: Callable[[Workshop], bool]) -> None:
        """Time jumps until this is so for the first time from now on, and not after that."""
        self._hold_when, self.is_held = is_so, False

    async def indicated_um(self) -> int:
        """What the indicator on the needle's tip shows."""

        async def read(room: Workshop) -> str:
            return room.face.answers[Kind.INDICATOR](None)  # type: ignore[arg-type]  # it looks at the pen, not at the question

        return int((await self.ask(read)).split()[0])

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=HurriedLoop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        loop = self._there = asyncio.get_running_loop()
        assert isinstance(loop, HurriedLoop)
        async with workshop(self._folder) as self._room:
            screen = screen_of(self._room, people=self._people)
            screen.console.publisher = RealPublisher(screen.console.picture)
            engine = self._room.theatre.engine
            engine.pump_head = screen.room.catalogue.pump_head
            async with screen:
                await engine.changes.until(lambda: engine.reconciled)
                loop.may_hurry = partial(self._may_hurry, screen.room.calibration)
                await self._serve(Door(screen.console, Address(port=0)))
            self._room.theatre.check()

    def _may_hurry(self, desk: CalibrationDesk) -> bool:
        """Whether a calibration goes on without a person, and is not held."""
        if self._hold_when is not None and self._room is not None and self._hold_when(self._room):
            self._hold_when, self.is_held = None, True
        lead = desk._lead
        is_at_work = lead is not None and not lead.task.done() and lead.face.asked is None
        return is_at_work and not self.is_held

    async def _serve(self, door: Door) -> None:
        address = await door.open()
        where = f"http://{address.host}:{address.port}/"
        self._here.call_soon_threadsafe(self._opened.set_result, where)
        try:
            await self._end.wait()
        finally:
            await door.close()


@asynccontextmanager
async def bench_room(folder: Path, people: People) -> AsyncIterator[tuple[BenchRoom, str]]:
    """The room and the address of its page."""
    room = BenchRoom(folder, people)
    async with room.opened() as address:
        yield room, address
