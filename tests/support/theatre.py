"""The whole chain in virtual time: journal, engine, pen line, program operator, simulated pen.

Everything that a room can do to it is one call here (`unplug`, `reset_pen`, `crash`), and `check`
asserts the invariant against the oracle. The controller is put together by its own composition
root; only port, clock and disk are the test's.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Protocol, Self

import msgspec

import controller
from controller.errors import MicropenError, PortFailed, PortMissing
from controller.link.port import BytePort
from controller.record.entry import Draft
from controller.record.events import ArmOpened
from controller.record.journal import Journal
from controller.service.app import Service, assemble, read_books
from controller.service.opening import Wish, terms_with_pen
from controller.service.program import PROGRAM, ProgramOperator
from controller.session.acts import Acts
from controller.session.engine import Engine
from controller.session.plan import Plan
from simulator.attach import InProcessOpener
from simulator.scenario import Scenario
from tests.support.bills import CONFIG, wish_for
from tests.support.desk import Desk
from tests.support.referee import Referee
from tests.support.seeded_journal import SeededJournal, Written
from tests.support.stage import Stage
from tests.support.truth import CeilingWatch, arm_name
from tests.support.tty import Cable, Happening
from tests.support.virtual import START_S, VirtualClock, VirtualLoop, advance

REST_POLL_S = 0.002
INJECTED = "injected by a fault"
"""Errors that a test raises within the controller say so; any other is a defect."""
OPERATORS = ("operator", "act")
"""Names of the tasks in which somebody at the operator's place works; they end with the process."""
QUICK_DISK_S = (0.001, 0.02)
_CONTROLLER = Path(controller.__file__).parent
PATIENCE_S = 1_200.0
"""Virtual seconds after which a session that was not brought to its end fails the test."""


class Disk(Protocol):
    """What a power cut needs of a simulated disk."""

    def power_cut(self) -> None:
        """Make the files what a disk would hold now; handles opened before are dead."""
        ...


def _expect_the_end_within(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "the theatre plays in virtual time"
    loop.limit_s = loop.time() - START_S + seconds


def _is_of_the_controller(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(_CONTROLLER)


def _port_of(stage: Stage) -> InProcessOpener:
    return InProcessOpener(stage.driver, lambda: PortMissing("The cable is out."))


class Theatre:
    """`async with Theatre(folder, scenario) as theatre`: a started controller, a pen plugged in.

    `seed` drives pen, line, hand, nonces and disk. `disk_s` is the range of a commit's duration,
    one after the other unless `side_by_side`.
    A `Stage` of another theatre is that room's pen, carried over; it stays with its first theatre.
    """

    def __init__(
        self,
        folder: Path,
        pen: Scenario | Stage,
        *,
        seed: int = 1,
        disk_s: tuple[float, float] = QUICK_DISK_S,
        vfs: str | None = None,
        side_by_side: bool = False,
    ) -> None:
        self.folder = folder
        self.clock = VirtualClock.running()
        _expect_the_end_within(PATIENCE_S)
        self.disk_s = disk_s
        self.rng = Random(f"theatre {seed}")
        self._ids = Random(f"theatre ids {seed}")
        self.on_entries: Written = lambda _: None
        self.stages = [pen if isinstance(pen, Stage) else Stage(pen, seed)]
        self.opener = _port_of(self.stage)
        self.cable = Cable()
        self.bystanders: set[asyncio.Task[Any]] = set()
        self.boots = 1
        self.clock_synced: bool | None = True
        self.config = folder.parent / f"{folder.name}-config"
        self.defects: list[BaseException] = []
        self.ceilings = CeilingWatch()
        self.crashes = 0
        self._own_stages = [] if isinstance(pen, Stage) else list(self.stages)
        self.vfs = vfs
        self._side_by_side = side_by_side
        self._service: Service | None = None
        self._watching: asyncio.Task[None] | None = None
        self._desks: list[Desk] = []

    # --- parts -------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The pen that is plugged in."""
        return self.stages[-1]

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
    def acts(self) -> Acts:
        return self.service.acts

    @property
    def armed_id(self) -> int:
        """The arm that the pen has opened; 0 when none is under way."""
        return 0 if self.engine.drive is None else self.engine.drive.arm_id

    # --- the controller's life -----------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._service is not None:
            await self.stop()
        if self._watching is not None:
            await asyncio.wait({self._watching})
        for stage in self._own_stages:
            stage.driver.stop()

    async def start(self) -> None:
        """Start a controller on the journal folder."""
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
            undo.pop_all()
        self._desks = []
        service = self._service = assemble(
            self, self.clock, journal, books, Random(self.rng.getrandbits(64)), self._new_desk
        )
        error = await self._in_process(service.start("-"), "start")
        if isinstance(error, MicropenError):
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
        """The process ends by an error; whoever operated it hears of that."""
        self.defects.append(error)
        self._service = None
        for task in asyncio.all_tasks():
            if task.get_name() in OPERATORS:
                task.cancel()
        await self._close(service)

    async def _close(self, service: Service) -> None:
        """Whatever happens on the way: in the end there is no process, no task, no open file."""
        desks = self._desks
        try:
            error = await self._in_process(service.close(), "close")
        finally:
            for desk in desks:
                desk.kill(written=False)
            for task in asyncio.all_tasks() - self.bystanders:
                if _is_of_the_controller(task):
                    task.cancel()
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

    def states(self) -> tuple[str, str]:
        """Where host and pen are now, in the words of `tests.soak.catalogue`."""
        if self._service is None:
            return "dead", self.stage.phase
        engine = self._service.engine
        return "unlinked" if engine.pen is None else engine.state.value, self.stage.phase

    # --- what is played ------------------------------------------------------------------------

    async def begin(self, plan: Plan, **limits: int) -> str:
        """Open a session as `micropen run` would, under `limits` that a clinician set; its id."""
        await self.engine.changes.until(lambda: self.engine.reconciled)
        terms = terms_with_pen(self._wish(plan), self.engine.books, self.clock, self.engine.pen)
        lower = terms.limits.model_copy(update=limits)
        terms = msgspec.structs.replace(terms, limits=lower)
        session_id = f"{self.clock.now_wall():%Y%m%d-%H%M%S}-{self._ids.getrandbits(32):08x}"
        await self.acts.open(session_id, terms, PROGRAM)
        return session_id

    def _wish(self, plan: Plan) -> Wish:
        """By a copy of the shipped config folder, which a test may spoil."""
        if not self.config.exists():
            shutil.copytree(CONFIG, self.config)
        return wish_for(plan, self.config)

    def operate(self) -> "asyncio.Task[None]":
        """A program at the operator's place, at work until the session is closed."""
        operator = ProgramOperator(self.engine, self.acts)
        return asyncio.create_task(operator.run(), name="operator")

    async def play(self, plan: Plan) -> str:
        """A whole session; returns its id."""
        session_id = await self.begin(plan)
        await self.operate()
        return session_id

    async def until(self, condition: Callable[[], bool], within_s: float = 60.0) -> None:
        """Let time run until something is so, looked at each 2 ms."""
        deadline_mono_s = self.clock.mono_s() + within_s
        while not condition():
            assert self.clock.mono_s() < deadline_mono_s, "it never happened"
            await advance(REST_POLL_S)

    # --- what a room does ------------------------------------------------------------------------

    def unplug(self) -> None:
        self.opener.unplug()

    def replug(self) -> None:
        self.opener.replug()

    def reset_pen(self) -> None:
        self.stage.reset()

    def move_to_other_tty(self) -> None:
        """The cable is out; put back, it will be another tty under the same path."""
        self.unplug()
        self.opener = _port_of(self.stage)
        self.opener.unplug()

    def plug_in_other(self, scenario: Scenario, seed: int) -> None:
        """Pull this pen and plug another one into the same port."""
        self.unplug()
        self.stages.append(Stage(scenario, seed))
        self._own_stages.append(self.stage)
        self.opener = _port_of(self.stage)

    def plug_in_first_again(self) -> None:
        """Pull the present pen and put the first one back."""
        self.unplug()
        self.stages.append(self.stages.pop(0))
        self.opener = _port_of(self.stage)

    async def rest(self, within_s: float) -> float:
        """Seconds from now until the pen rested for good; it must not move after that."""
        began_s = self.clock.mono_s()
        rested_s = began_s
        while self.clock.mono_s() - began_s < within_s:
            if self.stage.moves:
                rested_s = self.clock.mono_s() + REST_POLL_S
            await advance(REST_POLL_S)
        assert not self.stage.moves, f"the pen still moves after {within_s} s"
        return rested_s - began_s

    # --- the judge ---------------------------------------------------------------------------

    def referee(self) -> Referee:
        """A fresh, independent reading of the journal."""
        return Referee(self.folder)

    def check(self, *, still_open: int = 0) -> Referee:
        """Assert the invariant (design section 2) for everything that happened up to now."""
        self.ceilings.look(self.stage.truth)
        referee = self.referee()
        truths = {stage.uid: stage.truth for stage in self.stages}
        assert referee.against(truths) == []
        assert self.ceilings.overruns == []
        assert self.own_defects == []
        assert len(referee.open_arms) == still_open
        return referee

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
        for draft in drafts:
            if isinstance(draft.body, ArmOpened):
                self.ceilings.look(self.stage.truth)
                self.stage.truth.begin(arm_name(draft.body.pen_uid, draft.body.arm_id))

    def _before_commit(self, drafts: Sequence[Draft]) -> None:
        """Whatever the pen did up to now, it did under the ceilings that are durable already."""
        self.ceilings.look(self.stage.truth)
        self.ceilings.committed(drafts)
