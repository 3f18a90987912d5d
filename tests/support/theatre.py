"""The whole chain in virtual time: journal, engine, pen line, program operator, simulated pen.

Everything that a room can do to it is one call here (`unplug`, `reset_pen`, `crash`), and `check`
asserts the invariant against the oracle. The controller is put together by its own composition
root; only port, clock and disk are the test's.
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import msgspec

from controller.errors import PortMissing
from controller.record.entry import Draft
from controller.record.events import ArmOpened
from controller.service.opening import Wish, terms_with_pen
from controller.service.program import PROGRAM, ProgramOperator
from controller.session.plan import Plan
from simulator.attach import InProcessOpener
from simulator.scenario import Scenario
from tests.support.bills import CONFIG, wish_for
from tests.support.process import INJECTED, OPERATORS, Disk, Process
from tests.support.referee import Referee
from tests.support.stage import Stage
from tests.support.truth import CeilingWatch, arm_name
from tests.support.virtual import START_S, VirtualLoop, advance

__all__ = ["INJECTED", "OPERATORS", "Disk", "Process", "Theatre"]

REST_POLL_S = 0.002
QUICK_DISK_S = (0.001, 0.02)
PATIENCE_S = 1_200.0
"""Virtual seconds after which a session that was not brought to its end fails the test."""


def _expect_the_end_within(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "the theatre plays in virtual time"
    loop.limit_s = loop.time() - START_S + seconds


def _port_of(stage: Stage) -> InProcessOpener:
    return InProcessOpener(stage.driver, lambda: PortMissing("The cable is out."))


class Theatre(Process):
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
        _expect_the_end_within(PATIENCE_S)
        self.stages = [pen if isinstance(pen, Stage) else Stage(pen, seed)]
        super().__init__(folder, seed, disk_s, vfs, _port_of(self.stage), side_by_side=side_by_side)
        self.config = folder.parent / f"{folder.name}-config"
        self.ceilings = CeilingWatch()
        self._own_stages = [] if isinstance(pen, Stage) else list(self.stages)

    # --- parts -------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """The pen that is plugged in."""
        return self.stages[-1]

    def states(self) -> tuple[str, str]:
        """Where host and pen are now, in the words of `tests.soak.catalogue`."""
        return self.state, self.stage.phase

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
        self.plug_in_again(self.stages[0])

    def plug_in_again(self, stage: Stage) -> None:
        """Pull the present pen and put one back that was plugged in before."""
        self.unplug()
        self.stages.remove(stage)
        self.stages.append(stage)
        self.opener = _port_of(stage)

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

    def _submitted(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            if isinstance(draft.body, ArmOpened):
                self.ceilings.look(self.stage.truth)
                self.stage.truth.begin(arm_name(draft.body.pen_uid, draft.body.arm_id))

    def _before_commit(self, drafts: Sequence[Draft]) -> None:
        """Whatever the pen did up to now, it did under the ceilings that are durable already."""
        self.ceilings.look(self.stage.truth)
        self.ceilings.committed(drafts)
