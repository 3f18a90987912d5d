"""The controller's process in virtual time: it starts, ends, is killed, and dies of its own errors.

Put together by its own composition root; only port, clock and disk are the test's.
"""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Protocol

import controller
from controller.errors import InternalDefect, MicropenError, PortFailed, PortMissing
from controller.link.port import BytePort
from controller.record.entry import Draft
from controller.record.journal import Journal
from controller.service.app import Service, assemble, read_books
from controller.session.acts import Acts
from controller.session.bench import Bench
from controller.session.engine import Engine
from simulator.attach import InProcessOpener
from tests.support.desk import Desk
from tests.support.seeded_journal import SeededJournal, Written
from tests.support.tty import Cable, Happening
from tests.support.virtual import VirtualClock

INJECTED = "injected by a fault"
"""Errors that a test raises within the controller say so; any other is a defect."""
OPERATORS = ("operator", "act")
"""Names of the tasks in which somebody at the operator's place works; they end with the process."""
_CONTROLLER = Path(controller.__file__).parent


class Disk(Protocol):
    """What a power cut needs of a simulated disk."""

    def power_cut(self) -> None:
        """Make the files what a disk would hold now; handles opened before are dead."""
        ...


def _is_of_the_controller(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(_CONTROLLER)


class Process:
    """One process after the other on one journal folder and one port.

    `bystanders` are tasks that stand beside it: no end of the process ends them.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        disk_s: tuple[float, float],
        vfs: str | None,
        opener: InProcessOpener,
        *,
        side_by_side: bool,
    ) -> None:
        self.folder = folder
        self.clock = VirtualClock.running()
        self.disk_s = disk_s
        self.vfs = vfs
        self.opener = opener
        self.cable = Cable()
        self.rng = Random(f"theatre {seed}")
        self.on_entries: Written = lambda _: None
        self.bystanders: set[asyncio.Task[Any]] = set()
        self.boots = 1
        self.crashes = 0
        self.clock_synced: bool | None = True
        self.defects: list[BaseException] = []
        self._ids = Random(f"theatre ids {seed}")
        self._side_by_side = side_by_side
        self._service: Service | None = None
        self._watching: asyncio.Task[None] | None = None
        self._has_ended = asyncio.Event()
        self._has_ended.set()
        self._desks: list[Desk] = []

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._service is not None

    @property
    def own_defects(self) -> list[BaseException]:
        """Errors that ended a process and that no test had put there."""
        return [error for error in self.defects if INJECTED not in str(error)]

    @property
    def service(self) -> Service:
        assert self._service is not None, "the controller is down"
        return self._service

    @property
    def engine(self) -> Engine:
        return self.service.engine

    @property
    def bench(self) -> Bench:
        """The technician's acts."""
        return self.service.bench

    @property
    def acts(self) -> Acts:
        return self.service.acts

    @property
    def armed_id(self) -> int:
        """The arm that the pen has opened; 0 when none is under way."""
        return 0 if self.engine.drive is None else self.engine.drive.arm_id

    @property
    def state(self) -> str:
        """`dead`, `unlinked`, or the session's state."""
        if self._service is None:
            return "dead"
        engine = self._service.engine
        return "unlinked" if engine.pen is None else engine.state.value

    # --- its life ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start a controller on the journal folder, once one that ends by itself has ended."""
        await self._has_ended.wait()
        journal = SeededJournal.open_with(
            self.folder,
            self.clock,
            self._ids,
            self.on_entries,
            self.vfs,
            boot_id=f"boot {self.boots} of a test",
            synced=lambda: self.clock_synced,
        )
        with ExitStack() as undo:
            undo.callback(journal.close)
            books = read_books(self.folder)
            self._desks = []
            service = assemble(
                self, self.clock, journal, books, Random(self.rng.getrandbits(64)), self._new_desk
            )
            undo.pop_all()
        self._service = service
        error = await self._in_process(service.start("-"), "start")
        if isinstance(error, MicropenError) and not isinstance(error, InternalDefect):
            raise error
        if error is not None:
            await self._end(service, error)
        elif self._service is service:
            self._watching = asyncio.create_task(self._watch(service), name="process")

    async def _in_process(self, work: Coroutine[Any, Any, None], name: str) -> BaseException | None:
        """Let the process do something; what it raises. A crash in the middle is not told."""
        task = asyncio.create_task(work, name=name)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        return None if task.cancelled() else task.exception()

    async def _watch(self, service: Service) -> None:
        """What `micropen run` does: a service that cannot go on is closed, and the process ends."""
        ending = asyncio.create_task(service.until_ended(), name="until ended")
        try:
            await asyncio.wait({ending})
        finally:
            ending.cancel()
        error = ending.exception()
        assert error is not None
        await self._end(service, error)

    async def operator_failed(self, error: BaseException) -> None:
        """An error in the operator's program ends the process, as that of `micropen run`.

        Raises the error unless a test put it there.
        """
        if INJECTED not in str(error):
            raise error
        service, self._service = self._service, None
        if service is not None:
            await self._watch_no_more()
            await self._end(service, error)

    async def _end(self, service: Service, error: BaseException) -> None:
        """The process ends by an error, with all of its tasks, and those of whoever operated it.

        Tasks are told by their code: one process at a time, then, may end so in a test.
        """
        self.defects.append(error)
        self._service = None
        self._has_ended.clear()
        try:
            for task in asyncio.all_tasks():
                if task.get_name() in OPERATORS:
                    task.cancel()
            await self._close(service)
            for task in asyncio.all_tasks() - self.bystanders:
                if _is_of_the_controller(task):
                    task.cancel()
        finally:
            self._has_ended.set()

    async def _close(self, service: Service) -> None:
        """Whatever happens on the way: in the end there is no process and no open file."""
        desks = self._desks
        try:
            error = await self._in_process(service.close(), "close")
        finally:
            for desk in desks:
                desk.kill(written=False)
        if error is not None:
            self.defects.append(error)

    async def _watch_no_more(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def stop(self) -> None:
        """End the controller in an orderly way."""
        service, self._service = self.service, None
        await self._watch_no_more()
        await self._close(service)

    async def crash(self) -> None:
        """SIGKILL: no byte and no entry leaves after this; tasks vanish without a word.

        Spared are the caller's task and all `bystanders`.
        """
        for desk in self._die():
            desk.kill(written=self.rng.random() < 0.5)
        await self._vanish()

    async def power_cut(self, disk: Disk) -> None:
        """The host's power fails: the process is dead, and the disk keeps what a disk keeps.

        The transaction that was on its way may have reached the disk's end of the cable or not.
        """
        self.boots += 1
        desks = self._die()
        for desk in desks:
            desk.kill(written=self.rng.random() < 0.5, close=False)
        disk.power_cut()
        for desk in desks:
            desk.journal.close()
        await self._vanish()

    def _die(self) -> list[Desk]:
        self.crashes += 1
        self._service = None
        asyncio.get_running_loop().set_exception_handler(None)
        self.opener.hang_up("the process is dead")
        desks, self._desks = self._desks, []
        return desks

    async def _vanish(self) -> None:
        spared = {asyncio.current_task(), *self.bystanders}
        tasks = asyncio.all_tasks() - spared
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def open(self) -> BytePort:
        """The controller opens its port: that of the pen which is plugged in.

        Like the real opener it needs a descriptor, and says PortFailed when there is none left.
        """
        try:
            os.close(os.open(os.devnull, os.O_RDWR))
        except OSError as error:
            self.cable.ears.tell(Happening.NO_DESCRIPTOR)
            raise PortFailed(f"The port cannot be opened: {error.strerror}.") from error
        try:
            return self.cable.around(await self.opener.open())
        except PortMissing:
            self.cable.ears.tell(Happening.MISSING)
            raise

    # --- its disk ------------------------------------------------------------------------------

    def _new_desk(self, journal: Journal) -> Desk:
        desk = Desk(
            journal,
            self._latency_s,
            self._submitted,
            self._before_commit,
            side_by_side=self._side_by_side,
        )
        self._desks.append(desk)
        return desk

    def _latency_s(self) -> float:
        return self.rng.uniform(*self.disk_s)

    def _submitted(self, drafts: Sequence[Draft]) -> None:
        """These were handed in."""

    def _before_commit(self, drafts: Sequence[Draft]) -> None:
        """These become durable now."""
