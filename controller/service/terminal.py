"""A person at the terminal: one key an act, STOP on its own thread.

Keys are read by a thread of their own, so that STOP leaves even while the event loop is blocked;
everything else is handed to the loop. Nothing here starts needles: the trigger on the pen does.
"""

import asyncio
import sys
from collections.abc import Callable

from controller.errors import MicropenError, ServiceError
from controller.record.events import Actor
from controller.service.keys import KeyThread
from controller.service.narrator import Narrator
from controller.session.acts import Acts
from controller.session.engine import Engine
from controller.session.states import State
from controller.session.units import microlitres

HELP = (
    "Keys:  SPACE or s = STOP    ENTER = next step (prime, arm the zone, go on)    "
    "p = pause    c = clear a stop or fault    x = syringe swapped    g = purge    "
    "q = end the session"
)
CONFIRMED = {
    "x": "Press x again: the syringe was taken out and one with {fill} uL is fitted.",
    "g": "Press g again: {purge} uL are discarded through the needle, off the skin.",
}


class NoTerminal(ServiceError):
    """A person was to operate, but there is no terminal."""

    number = 8011
    cause = "It was started by a script or a service, without --program."
    action = "Start it in a terminal; a program may operate simulated pens only (--program)."


class TerminalGone(ServiceError):
    """The operator's terminal was closed in mid-session."""

    number = 8012
    cause = "The window was closed, or the connection to this computer broke."
    action = "Open a terminal and go on with `micropen run --resume`; nothing is lost."


def require_terminal() -> None:
    """Raises NoTerminal when nobody could press a key here."""
    if not sys.stdin.isatty():
        raise NoTerminal("Standard input is not a terminal, so nobody could arm or stop.")


class TerminalOperator:
    """Turns keys into acts and says in words what happened and what may be done next."""

    def __init__(
        self, engine: Engine, acts: Acts, actor: Actor, stop: Callable[[str], int]
    ) -> None:
        self._engine = engine
        self._acts = acts
        self._actor = actor
        self._stop_line = stop
        self._loop = asyncio.get_running_loop()
        self._narrator = Narrator(engine, acts)
        self._asked = ""

    async def run(self) -> None:
        """Serve the terminal until the session is closed.

        Raises NoTerminal when standard input is not one.
        """
        require_terminal()
        keys: asyncio.Queue[str] = asyncio.Queue()
        thread = KeyThread(self._stop_now, keys)
        self._say(HELP)
        narrating = asyncio.create_task(self._narrator.run())
        try:
            while self._engine.book is not None:
                await self._key(await keys.get())
        finally:
            narrating.cancel()
            await asyncio.gather(narrating, return_exceptions=True)
            thread.close()

    def _stop_now(self) -> None:
        # Runs on the key thread: the bytes leave first, the loop hears of it afterwards.
        stop_id = self._stop_line("operator")
        self._loop.call_soon_threadsafe(
            self._engine.stop_was_sent, stop_id, "operator", self._actor
        )

    async def _key(self, key: str) -> None:
        try:
            await self._act(key)
        except TerminalGone:
            raise
        except MicropenError as error:
            self._say(str(error))

    async def _act(self, key: str) -> None:
        acts, actor = self._acts, self._actor
        match key:
            case "":
                raise TerminalGone("The terminal is gone; the pen was stopped.")
            case "\n" | "\r":
                await self._next()
            case "p":
                await acts.pause(actor)
                self._say("Pausing: the pen finishes its stroke and rests.")
            case "c":
                await acts.clear(actor)
                self._say("Cleared. ENTER arms again.")
            case "q":
                await acts.close(actor)
                self._say("Session closed.")
            case "x" | "g":
                await self._twice(key)
            case _:
                self._say(HELP)
        self._asked = key if key in CONFIRMED and self._asked != key else ""

    async def _twice(self, key: str) -> None:
        plan = self._acts.progress.terms.plan
        fill, purge = microlitres(plan.syringe_fill_nl), microlitres(plan.prime_nl)
        if self._asked != key:
            self._say(CONFIRMED[key].format(fill=fill, purge=purge))
        elif key == "x":
            await self._acts.swap_syringe(plan.syringe_fill_nl, self._actor)
            self._say(f"Syringe swapped: {fill} uL loaded, the old rest discarded. ENTER primes.")
        else:
            await self._acts.purge(plan.prime_nl, self._actor)
            self._say(f"Armed to purge {purge} uL: hold the pen off the skin, press its trigger.")

    async def _next(self) -> None:
        acts, engine = self._acts, self._engine
        if engine.state is State.READY and acts.progress.next_zone() is None:
            await acts.close(self._actor)
            self._say("All zones complete; session closed.")
        elif acts.needs_prime:
            await acts.prime(self._actor)
            self._say("Armed for priming: hold the pen off the skin and press its trigger.")
        else:
            zone = await acts.treat(self._actor)
            self._say(f"Armed for zone '{zone}': the pen's trigger starts the needle.")

    def _say(self, text: str) -> None:
        self._narrator.say(text)
