"""Who tidies up while a trial lasts, so that its states come again: clears, seals, brings a pen.

A program at the operator's place clears what is latched within a session. Nobody does outside of
one, and no program can go on with a pen that has lost its memory.
"""

from random import Random

from controller.errors import MicropenError
from controller.service.program import PROGRAM
from controller.session.engine import Engine
from controller.session.states import State
from simulator.scenario import Scenario
from tests.soak.liveness import REFUSALS
from tests.soak.person import TECHNICIAN, Person
from tests.soak.trace import Trace
from tests.support.theatre import Theatre
from tests.support.virtual import advance

LOOK_S = 0.15
PATIENCE = 4
"""Looks in a row that show a pen as unusable before another one is brought."""
MOST_PENS = 40
_AT_PEACE = (State.INTERRUPTED, State.BLOCKED, State.NONE, State.CLOSED)


class Housekeeper:
    """Beside one trial, by the hands of `person`; `spare` is what another pen is like."""

    def __init__(
        self, theatre: Theatre, person: Person, spare: Scenario, trace: Trace, seed: int
    ) -> None:
        self._theatre = theatre
        self._person = person
        self._spare = spare
        self._trace = trace
        self._pens = Random(f"soak {seed} pens")
        self._brought = 0
        self._useless = 0

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await advance(LOOK_S)
            if not self._theatre.is_running or self._theatre.engine.recorder.failed:
                continue
            try:
                await self._look()
            except MicropenError as error:
                self._say(f"is refused by {type(error).__name__}")

    async def _look(self) -> None:
        engine = self._theatre.engine
        is_refused = isinstance(engine.link_error, REFUSALS) and not engine.reconciled
        self._useless = self._useless + 1 if engine.pen is not None and is_refused else 0
        if self._useless >= PATIENCE and self._brought < MOST_PENS:
            await self._bring()
        elif engine.reconciled and engine.state in _AT_PEACE:
            await self._tidy(engine)

    async def _tidy(self, engine: Engine) -> None:
        acts = self._theatre.acts
        if engine.is_latched and engine.state in (State.NONE, State.CLOSED):
            self._say("clears")
            await self._person.alone(acts.clear(PROGRAM))
        elif arms := engine.books.ledger.open_intervals():
            self._say(f"seals {arms[0].opened.arm_id}")
            await self._person.alone(acts.seal(arms[0].opened.arm_id, TECHNICIAN, "trial"))

    async def _bring(self) -> None:
        self._useless = 0
        self._brought += 1
        async with self._person.life:
            self._say("brings another pen")
            self._theatre.plug_in_other(self._spare, self._pens.getrandbits(31))

    def _say(self, what: str) -> None:
        self._trace.say(self._theatre.clock.mono_s(), f"the housekeeper {what}")
