"""The real service with a simulated pen, whatever operator, hand, cable, pen and process do.

Rules are what can happen; after each one: every state came by an allowed way, nothing moved but
under an arm and a pressed trigger, certain <= truth <= possible, no ceiling was passed, and books
folded anew from the journal are the live ones.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from controller.errors import MicropenError
from controller.record.events import Actor
from controller.service.program import PROGRAM
from controller.session.states import State
from simulator.line import LineSettings, WireSettings
from simulator.ports import Chip
from simulator.practitioner import HandSettings
from simulator.scenario import Scenario
from tests.property.session_judge import REST_S, Judge, commits_done
from tests.property.virtual_machine import VirtualMachine, budget
from tests.support.bills import dosing, pen_for, stamping, usb
from tests.support.theatre import Theatre
from tests.support.virtual import advance

TECHNICIAN = Actor(name="Tech", role="technician")
PLANS = {"dosing": dosing(6, 4), "stamping": stamping(120, 60)}
LINES = {
    "usb": usb(),
    "quiet": LineSettings(),
    "bad": LineSettings(
        to_pen=WireSettings(latency_us=1_000, lose_frame=0.2, duplicate_frame=0.2),
        to_host=WireSettings(
            latency_us=1_000, lose_frame=0.2, duplicate_frame=0.2, flip_byte=0.001
        ),
    ),
    "late": LineSettings(
        to_pen=WireSettings(delay_frame=0.1, delay_us=1_500_000, reorder_frame=0.1),
        to_host=WireSettings(delay_frame=0.1, delay_us=1_500_000, reorder_frame=0.1),
    ),
}
ACT_S = 30.0
"""Longer than every deadline inside an act together."""


class SessionMachine(VirtualMachine):
    """See the module."""

    theatre: Theatre

    @initialize(
        plan=st.sampled_from(sorted(PLANS)),
        line=st.sampled_from(sorted(LINES)),
        seed=st.integers(1, 10_000),
        opened=st.sampled_from((True, True, True, False)),
    )
    def begin(self, plan: str, line: str, seed: int, opened: bool) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.plan, self.seed, self.chips = PLANS[plan], seed, 1_000
        self.judge = Judge()
        self.refusals: Counter[int] = Counter()
        self.play(self._set_up(LINES[line]))
        if opened and self.is_ready():
            self.open()

    async def _set_up(self, line: LineSettings) -> None:
        self.theatre = Theatre(self.folder / "journal", self._pen(line), seed=self.seed)
        await self.theatre.start()
        self.judge.watch(self.theatre)
        await advance(1.5)

    def _pen(self, line: LineSettings) -> Scenario:
        return pen_for(self.plan, line=line, hand=HandSettings(enabled=False))

    async def end(self) -> None:
        if hasattr(self, "theatre"):
            await self.theatre.__aexit__()
            assert self.theatre.referee().problems == []
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def is_up(self) -> bool:
        """Whether a controller runs."""
        return hasattr(self, "theatre") and self.theatre._service is not None

    def is_ready(self) -> bool:
        """Whether a controller runs and knows its pen."""
        return self.is_up() and self.theatre.engine.reconciled

    # --- the operator ------------------------------------------------------------------------

    def act(self, work: Coroutine[Any, Any, Any]) -> None:
        """Try an act: it succeeds, or is refused with one of the numbered errors."""
        self.play(self._act(work))

    async def _act(self, work: Coroutine[Any, Any, Any]) -> None:
        began_s = self.now_s
        try:
            await work
        except MicropenError as refused:
            self.refusals[refused.number] += 1
        assert self.now_s - began_s <= ACT_S, "an act that does not end"

    @precondition(lambda self: self.is_ready())
    @rule()
    def open(self) -> None:
        self.fit_a_new_cartridge()
        self.theatre.stage.fit_syringe()
        self.act(self.theatre.begin(self.plan))

    @precondition(lambda self: self.is_up())
    @rule()
    def prime(self) -> None:
        self.act(self.theatre.acts.prime(PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule()
    def treat(self) -> None:
        self.act(self.theatre.acts.treat(PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule()
    def purge(self) -> None:
        self.act(self.theatre.acts.purge(3_000, PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule()
    def pause(self) -> None:
        self.act(self.theatre.acts.pause(PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule()
    def clear(self) -> None:
        self.act(self.theatre.acts.clear(PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule()
    def swap_syringe(self) -> None:
        self.act(self.theatre.acts.swap_syringe(800_000, PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule(actor=st.sampled_from((PROGRAM, TECHNICIAN)))
    def seal(self, actor: Actor) -> None:
        still = self.theatre.engine.books.ledger.open_intervals()
        arm_id = still[0].opened.arm_id if still else 1
        self.act(self.theatre.acts.seal(arm_id, actor, "a rule"))

    @precondition(lambda self: self.is_up())
    @rule()
    def close(self) -> None:
        self.act(self.theatre.acts.close(PROGRAM))

    @precondition(lambda self: self.is_up())
    @rule()
    def stop(self) -> None:
        """Works in every state: the pen rests in time, and no arm goes on."""
        self.play(self._stop())

    async def _stop(self) -> None:
        theatre = self.theatre
        theatre.engine.stop("a rule")
        await theatre.rest(REST_S + 0.05)
        device = theatre.stage.world.device
        assert device is None or device._core.open_arm is None
        assert theatre.engine.state is not State.RUNNING or theatre.engine.pen is None

    @precondition(lambda self: self.is_ready())
    @rule(seconds=st.sampled_from((0.1, 0.4, 1.0, 3.0)))
    def begin_an_arm(self, seconds: float) -> None:
        """Whatever comes next then, so that the rest happens in the middle of something."""
        if self.theatre.engine.state in (State.NONE, State.CLOSED):
            self.open()
        self.clear()
        needs_prime = self._needs_prime()
        (self.prime if needs_prime else self.treat)()
        self.hand(True, on_skin=not needs_prime)
        self.wait(seconds)

    @precondition(lambda self: self.is_ready())
    @rule()
    def work_for_a_while(self) -> None:
        """Two arms in a row."""
        self.begin_an_arm(1.0)
        self.begin_an_arm(1.0)

    def _needs_prime(self) -> bool:
        try:
            return self.theatre.acts.needs_prime
        except MicropenError:
            return False

    # --- the hand ------------------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule(pressed=st.booleans(), on_skin=st.booleans())
    def hand(self, pressed: bool, on_skin: bool) -> None:
        self.play(self._hand(pressed, on_skin))

    async def _hand(self, pressed: bool, on_skin: bool) -> None:
        stage = self.theatre.stage
        self.judge.note_hands(self.now_s)
        stage._now_us()
        stage.world.touch(touching=on_skin)
        stage.world.press(held=False)
        stage.driver.run()
        await advance(0.06)
        stage._now_us()
        if pressed:
            stage.world.press(held=True)
        self.judge.note_hands(self.now_s)
        stage.driver.run()

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule()
    def fit_a_new_cartridge(self) -> None:
        self.chips += 1
        own = self.theatre.stage.world.scenario.cartridge
        chip = Chip(self.chips, own.type_code, own.needles, own.max_protrusion_um, used=False)
        self.play(self._fit(chip))

    async def _fit(self, chip: Chip | None) -> None:
        self.theatre.stage.fit_cartridge(chip)

    # --- time, cable, pen, process ---------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule(seconds=st.sampled_from((0.005, 0.03, 0.2, 1.0, 4.0)))
    def wait(self, seconds: float) -> None:
        self.play(advance(seconds))

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule()
    def pull_the_cable(self) -> None:
        self.theatre.unplug()
        self.settle()

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule()
    def put_it_back(self) -> None:
        self.theatre.replug()
        self.wait(1.0)

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule()
    def pen_resets(self) -> None:
        self.play(self._reset())

    async def _reset(self) -> None:
        self.theatre.reset_pen()

    @precondition(lambda self: hasattr(self, "theatre") and len(self.theatre.stages) == 1)
    @rule()
    def another_pen(self) -> None:
        self.play(self._another())

    async def _another(self) -> None:
        self.theatre.plug_in_other(self._pen(usb()), self.seed + 20_000)
        self.judge.watch(self.theatre)
        await advance(1.5)

    @precondition(lambda self: hasattr(self, "theatre") and len(self.theatre.stages) == 2)
    @rule()
    def the_first_pen_again(self) -> None:
        self.play(self._first_again())

    async def _first_again(self) -> None:
        self.theatre.plug_in_first_again()
        await advance(1.5)

    @precondition(lambda self: hasattr(self, "theatre"))
    @rule(to_pen=st.sampled_from(sorted(LINES)))
    def line_changes(self, to_pen: str) -> None:
        line = self.theatre.stage.world.line
        line.to_pen.settings = LINES[to_pen].to_pen
        line.to_host.settings = LINES[to_pen].to_host

    @rule(slow=st.sampled_from(((0.001, 0.02), (0.02, 0.08), (0.1, 0.3))))
    def disk_changes(self, slow: tuple[float, float]) -> None:
        self.theatre.disk_s = slow

    @precondition(lambda self: self.is_up())
    @rule(after_s=st.sampled_from((0.0, 0.02, 0.5)))
    def process_is_killed(self, after_s: float) -> None:
        self.play(self._kill(after_s))

    async def _kill(self, after_s: float) -> None:
        await self.theatre.crash()
        await self.theatre.rest(REST_S + 0.05)
        await advance(after_s)
        await self.theatre.start()

    @precondition(lambda self: self.is_up())
    @rule()
    def service_restarts(self) -> None:
        self.play(self._restart())

    async def _restart(self) -> None:
        await self.theatre.stop()
        await self.theatre.start()

    # --- what holds after each rule ----------------------------------------------------------

    @invariant()
    def all_holds(self) -> None:
        if not hasattr(self, "theatre"):
            return
        self.play(commits_done(self.theatre))
        assert self.problems == []
        self.judge.look(self.theatre, self.now_s)


TestSession = SessionMachine.TestCase
TestSession.settings = budget(40, 40)
