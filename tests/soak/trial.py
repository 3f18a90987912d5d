"""Plays one script: a room, its people, its faults, and the verdict on what came of it."""

import asyncio
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from controller.session.plan import Plan
from tests.soak.aims import ENOUGH, aim_of, is_close
from tests.soak.catalogue import FaultId
from tests.soak.company import Household, beside, posted, raise_from, this_task, together
from tests.soak.fault import Fault
from tests.soak.faults.disk import FSYNC_S
from tests.soak.faults.host import INJECTED
from tests.soak.house import House
from tests.soak.housekeeper import Housekeeper
from tests.soak.judge import judge
from tests.soak.liveness import come_back
from tests.soak.person import Person
from tests.soak.place import same_place
from tests.soak.props import pen_of, plan_of
from tests.soak.registry import FAULTS
from tests.soak.room import Happenings, RowRoom
from tests.soak.schedule import Cue
from tests.soak.script import FaultRow, Script
from tests.soak.tally import Verdict
from tests.soak.trace import Trace
from tests.soak.watch import Watch
from tests.support.post import Post
from tests.support.sim_broker import SimBroker
from tests.support.sim_disk import SimDisk
from tests.support.theatre import Theatre
from tests.support.virtual import START_S, VirtualLoop, advance, run_virtual

Makers = Mapping[FaultId, type[Fault]]
LOBBY_S = 60.0
"""Virtual seconds for which faults that strike before a session may put off its opening."""
LOOK_S = 0.05
AGAIN_S = 0.3
MOST_LINES = 30
EPILOGUE_S = 900.0
"""More virtual seconds than liveness, the end of the session and the post can ever take."""


def play(
    script: Script, *, faults: Makers = FAULTS, tell: Callable[[str], None] | None = None
) -> Verdict:
    """Play a script in a folder of its own, in RAM where there is one; `tell` gets the trace."""
    began_s = time.process_time()
    with same_place() as folder:
        trial = Trial(script, folder, faults, Trace(tell))
        with trial:
            run_virtual(trial.run)
    trial.verdict.cpu_s = time.process_time() - began_s
    return trial.verdict


class Trial:
    """One script at work. `verdict` is filled in as far as the trial came."""

    def __init__(self, script: Script, folder: Path, faults: Makers, trace: Trace) -> None:
        self.script = script
        self.verdict = Verdict(script.seed)
        self._folder = folder
        self._faults = faults
        self._trace = trace
        self._happenings: Happenings | None = None
        self._loop: VirtualLoop | None = None
        self._aim = aim_of(script.seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: object, error: BaseException | None, where: TracebackType | None
    ) -> bool:
        """Whatever ends the trial is its verdict, and a soak goes on."""
        if not isinstance(error, Exception):
            return False
        self.verdict.problems += [_told(each) for each in _single(error)]
        self._sum_up()
        return True

    def _escaped(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback or a task that nobody waits for raised: nobody else would hear of it."""
        del loop
        error = context.get("exception")
        if not (error is not None and INJECTED in str(error)):
            self.verdict.problems.append(f"escaped: {context['message']}: {error!r}")

    async def run(self) -> None:
        """Play it. Raises whatever the controller or the trial lets escape."""
        self._loop = loop = asyncio.get_running_loop()  # type: ignore[assignment]  # run_virtual's
        loop.set_exception_handler(self._escaped)
        plan = plan_of(self.script)
        journal, post_folder = self._folder / "journal", self._folder / "post"
        journal.mkdir()
        post_folder.mkdir()
        with SimDisk(journal, self._rng("disk")) as disk:
            theatre = House(
                journal,
                pen_of(self.script, plan),
                seed=self.script.seed,
                disk_s=(self.script.disk_ms[0] / 1e3, self.script.disk_ms[1] / 1e3),
                vfs=disk.vfs,
            )
            assert isinstance(loop, VirtualLoop)
            loop.limit_s = loop.time() - START_S + self.script.safety_s + LOBBY_S + EPILOGUE_S
            broker = SimBroker(self._rng("broker"))
            post = Post(
                journal,
                post_folder,
                broker,
                theatre.clock,
                self._rng("post"),
                Household(theatre.bystanders),
                disk.vfs,
            )
            theatre.post = post
            await self._play(theatre, disk, post, plan)

    async def _play(self, theatre: House, disk: SimDisk, post: Post, plan: Plan) -> None:
        trace = self._trace
        theatre.on_entries = lambda entries: trace.entries(theatre.clock.mono_s(), entries)
        self._happenings = Happenings(theatre, trace)
        watch = Watch(theatre, trace, self._happenings.met)
        theatre.bystanders.add(this_task())
        async with theatre, posted(post), beside(theatre, watch.run()):
            person = Person(theatre, plan, trace, asyncio.Lock(), self.script.sessions)
            await self._safety(theatre, disk, post, watch, person, plan)
            await self._liveness(theatre, person)
            await person.end()
            trace.say(theatre.clock.mono_s(), "the session is over")
            await theatre.rest(0.3)
            await theatre.stop()
            await post.settled()
            self.verdict.problems += post.against_journal()
        judge(theatre, self.verdict)
        leash = watch.leash()
        self.verdict.longest_after_grant_us = leash.longest_us
        self.verdict.lease_overrun_us = leash.overrun_us
        if leash.overrun_us:
            self.verdict.problems.append(f"moved {leash.overrun_us} us after the lease's end")
        self._sum_up()

    # --- the phases --------------------------------------------------------------------------

    async def _safety(
        self,
        theatre: House,
        disk: SimDisk,
        post: Post,
        watch: Watch,
        person: Person,
        plan: Plan,
    ) -> None:
        """Faults are allowed until the plan is done, or for `safety_s`."""
        opened = asyncio.Event()
        cues = self._cues(theatre, disk, post, watch, opened, person.life)
        async with together(theatre) as start:
            players = [start(cue.run()) for cue in cues]
            if self.script.is_tidy:
                start(self._housekeeper(theatre, person, plan).run())
            if self.script.pause_every_s:
                start(person.pause(self.script.pause_every_s, self._rng("pause")))
            script = self.script
            if script.acts_there:
                start(self._when_it_is_so(theatre, watch, person))
            if self.script.stop_every_s:
                start(person.press_stop(self.script.stop_every_s, self._rng("stop")))
            await self._lobby(theatre, cues, person)
            work = start(person.treat())
            opened.set()
            deadline_mono_s = theatre.clock.mono_s() + self.script.safety_s
            while theatre.clock.mono_s() < deadline_mono_s and not (
                self._has_enough() or _over(work, person, cues)
            ):
                raise_from([work, *players])
                await advance(LOOK_S)
        for cue in cues:
            await cue.stop()
        await advance(max((_tail_s(cue.row) for cue in cues), default=0.0))
        for cue in cues:
            name = cue.row.fault.value
            self.verdict.strikes[name] = self.verdict.strikes.get(name, 0) + cue.strikes

    def _has_enough(self) -> bool:
        """Whether this is a trial at one cell alone, and that was hit often enough."""
        if self._happenings is None or not is_close(self.script.seed):
            return False
        hits = self._happenings.cells
        return all(hits[fault.value, host, pen] >= ENOUGH for fault, host, pen in self._aim)

    async def _when_it_is_so(self, theatre: House, watch: Watch, person: Person) -> None:
        """Bring broker or disk to work, of whose faults little is seen in short moments else."""
        script, rng = self.script, self._rng("moments")
        while True:
            await watch.moment(script.host, script.pen, rng, script.after_s)
            if script.stops_there and theatre.is_running:
                theatre.engine.stop("a person pressed STOP")
            if script.pauses_there:
                await person.pause_now()
            if script.restarts_there:
                await person.restart()
            if script.restarts_post:
                await theatre.restart_post()
            await advance(AGAIN_S)

    async def _lobby(self, theatre: Theatre, cues: list[Cue], person: Person) -> None:
        deadline_mono_s = theatre.clock.mono_s() + LOBBY_S
        waiting = [cue for cue in cues if cue.in_lobby]
        while theatre.clock.mono_s() < deadline_mono_s and not (
            self._has_enough() or all(c.is_done for c in waiting)
        ):
            if self.script.stops_there and theatre.is_running and theatre.engine.recorder.failed:
                await person.restart()  # in a session that is what `treat` does
            await advance(LOOK_S)

    async def _liveness(self, theatre: Theatre, person: Person) -> None:
        self._trace.say(theatre.clock.mono_s(), "no faults any more")
        await person.let_go()
        self.verdict.back_after_s, self.verdict.stands = await come_back(theatre)
        self._trace.say(theatre.clock.mono_s(), f"stands: {self.verdict.stands}")

    # --- parts -------------------------------------------------------------------------------

    def _housekeeper(self, theatre: Theatre, person: Person, plan: Plan) -> Housekeeper:
        spare = pen_of(self.script, plan)
        return Housekeeper(theatre, person, spare, self._trace, self.script.seed)

    def _cues(
        self,
        theatre: Theatre,
        disk: SimDisk,
        post: Post,
        watch: Watch,
        opened: asyncio.Event,
        life: asyncio.Lock,
    ) -> list[Cue]:
        assert self._happenings is not None
        cues: list[Cue] = []
        for row in self.script.fault:
            number = sum(cue.row.fault is row.fault for cue in cues)
            rng = self._rng(f"{row.fault} {number}")
            room = RowRoom(theatre, disk, post.broker, rng, self._happenings)
            fault = self._faults[row.fault](room, row)
            cues.append(Cue(row, fault, room, watch, opened, life))
        return cues

    def _rng(self, name: str) -> Random:
        return Random(f"soak {self.script.seed} {name}")

    def _sum_up(self) -> None:
        self.verdict.sha256 = self._trace.digest
        if self._loop is not None:
            self.verdict.virtual_s = self._loop.time() - START_S
        if self._happenings is not None:
            cells = self._happenings.cells
            self.verdict.cells = {"|".join(cell): count for cell, count in sorted(cells.items())}


def _tail_s(row: FaultRow) -> float:
    """How long after its end a fault still lasts: a commit that began slow ends slow."""
    return (row.value or FSYNC_S) if row.fault is FaultId.H13 else 0.0


def _single(error: BaseException) -> list[BaseException]:
    """The errors of a group, or the one error."""
    if isinstance(error, BaseExceptionGroup):
        return [single for each in error.exceptions for single in _single(each)]
    return [error]


def _told(error: BaseException) -> str:
    """What and where: the end of the traceback, where the reason is."""
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join([f"{type(error).__name__}: {error}", *lines[-MOST_LINES:]])


def _over(work: "asyncio.Task[Any]", person: Person, cues: list[Cue]) -> bool:
    aftermath = [cue for cue in cues if cue.in_aftermath]
    at_the_end = work.done() or (person.is_done and bool(aftermath))
    return at_the_end and all(cue.is_done for cue in aftermath)
