"""Which service runs now: with the pen of the settings, or in training with a simulated one.

One at a time: each holds a journal and a port. The simulated pen is a child process with a state
folder of its own; a change is refused while a session or an arm is open.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import structlog

from controller.clock import Clock
from controller.console.errors import NotTraining
from controller.errors import MicropenError
from controller.service.app import Service, Wanted, running
from controller.service.demo.children import ChildFailed, Children, wait_for_path
from controller.service.operations import Present
from controller.service.places import journal_folder

SCENARIO = "training.toml"
PEN = "training-pen"
BALANCE = "balance"
LIFE, SEED = "pen.life", "pen.seed"


class Place(msgspec.Struct, frozen=True):
    """What can be run: the real room, and where training leaves its files."""

    wanted: Wanted
    state: Path
    scenarios: Path


class Switch:
    """Starts, changes and ends services. `present` is the one that runs."""

    def __init__(self, place: Place, clock: Clock, beat: Callable[[], None] = lambda: None) -> None:
        """`beat` is called while a record is read, from the thread that reads it."""
        self._place = place
        self._clock = clock
        self._on_beat = beat
        self.beats = 0
        self._stack = AsyncExitStack()
        self._present: Present | None = None
        self._children: Children | None = None
        self._settled = asyncio.Event()
        self._one_change = asyncio.Lock()

    @property
    def present(self) -> Present:
        """The running service; between two of them the one before."""
        assert self._present is not None, "start() comes first"
        return self._present

    def settled(self) -> Service | None:
        """The running service; None while one is let go and the next one started."""
        return self.present.service if self._settled.is_set() else None

    @property
    def is_training(self) -> bool:
        """Whether the training pen has the real one's place."""
        return self._children is not None

    async def start(self) -> None:
        """Start with the pen of the settings. Raises JournalError, ServiceError."""
        await self._run(self._place.wanted)
        self._settled.set()

    async def close(self) -> None:
        """End whatever runs."""
        await self._stack.aclose()
        await self._end_children()

    async def until_ended(self) -> None:
        """Wait for what ends a service; a change of services does not. Raises its error."""
        while True:
            service = self.present.service
            ending = asyncio.create_task(service.until_ended(), name="until ended")
            try:
                await asyncio.wait({ending})
            finally:
                ending.cancel()
            if self._settled.is_set() and service is self.present.service:
                ending.result()
            await self._settled.wait()

    # --- training ------------------------------------------------------------------------------

    async def start_training(self) -> None:
        """The simulated pen takes the real one's place; while it has it, another one takes its own.

        A pen that has been used comes back only for what was left open with it: otherwise each
        training begins with a new pen, a new cartridge and a full syringe. Raises NotTraining.
        """
        async with self._one_change:
            await self._start_training()

    async def _start_training(self) -> None:
        self._require_idle()
        if self.is_training:
            await self._another_pen()
            return
        was_used = (self._folder / LIFE).exists()
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._plug_in()
        if self._is_busy:
            await self._end_children()
            raise NotTraining("A session or a calibration was opened while the pen started up.")
        wanted = msgspec.structs.replace(
            self._place.wanted,
            port=str(self._folder / "pen"),
            folder=journal_folder(self._folder),
            realm="training",
        )
        try:
            await self._change(wanted)
        except MicropenError as error:
            await self._change(self._place.wanted)
            await self._end_children()
            raise NotTraining(error.what) from error
        engine = self.present.service.engine
        if was_used and engine.book is None and not engine.books.ledger.open_intervals():
            await self._another_pen()

    async def end_training(self) -> None:
        """Back to the pen of the settings. Raises NotTraining while a session is open."""
        async with self._one_change:
            self._require_idle()
            if self.is_training:
                await self._change(self._place.wanted)
                await self._end_children()

    # --- inside --------------------------------------------------------------------------------

    @property
    def _is_busy(self) -> bool:
        engine = self.present.service.engine
        return engine.book is not None or engine.arm_is_open

    def _require_idle(self) -> None:
        if self._is_busy:
            raise NotTraining("A session or a calibration is open.")

    @property
    def _folder(self) -> Path:
        return self._place.state / "training"

    async def _another_pen(self) -> None:
        await self._end_children()
        for name in (LIFE, SEED):
            (self._folder / name).unlink(missing_ok=True)
        await self._plug_in()

    async def _plug_in(self) -> None:
        self._children = Children(self._folder)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, self._start_pen, self._children)
        except ChildFailed as error:
            await self._end_children()
            raise NotTraining(error.what) from error

    def _start_pen(self, children: Children) -> None:
        """The seed decides which pen it is; its life goes on in a file. Waits; not on the loop."""
        folder, seed = self._folder, self._folder / SEED
        pen = folder / "pen"
        for path in (pen, folder / BALANCE):
            path.unlink(missing_ok=True)
        if not seed.exists():
            seed.write_text(str(secrets.randbelow(2**31)), encoding="ascii")
        scenario = self._place.scenarios / SCENARIO
        files = ("--nvm", str(folder / LIFE), "--oracle", str(folder / "oracle.json"))
        where = ("--pty", str(pen), "--balance-pty", str(folder / BALANCE))
        what = ("--scenario", str(scenario))
        which = ("--seed", seed.read_text(encoding="ascii"))
        wait_for_path(children.start(PEN, "-m", "simulator", *where, *what, *files, *which), pen)

    async def _end_children(self) -> None:
        children, self._children = self._children, None
        if children is not None:
            await asyncio.get_running_loop().run_in_executor(None, children.end_all)

    async def _change(self, wanted: Wanted) -> None:
        self._settled.clear()
        await self._stack.aclose()
        self._stack = AsyncExitStack()
        await self._run(wanted)
        self._settled.set()

    def _beat(self) -> None:
        self.beats += 1
        self._on_beat()

    async def _run(self, wanted: Wanted) -> None:
        structlog.contextvars.bind_contextvars(realm=wanted.realm)
        service: Service = await self._stack.enter_async_context(
            running(wanted, clock=self._clock, beat=self._beat)
        )
        balance = str(self._folder / BALANCE) if self.is_training else None
        self._present = Present(service, wanted.realm, wanted.folder, wanted.port, balance)
