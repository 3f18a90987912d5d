"""A person at the terminal: one key an act, STOP on its own thread.

Keys are read by a thread of their own, so that STOP leaves even while the event loop is blocked;
everything else is handed to the loop. Nothing here starts needles: the trigger on the pen does.
"""

import asyncio
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable

from controller.errors import MicropenError, ServiceError
from controller.record.events import Actor
from controller.service.narrator import Narrator
from controller.session.acts import Acts
from controller.session.engine import Engine
from controller.session.states import State
from controller.session.units import microlitres

STOP_KEYS = frozenset({" ", "s", "S"})
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


def require_terminal() -> None:
    """Raises NoTerminal when nobody could press a key here."""
    if not sys.stdin.isatty():
        raise NoTerminal("Standard input is not a terminal, so nobody could arm or stop.")


class KeyThread:
    """Reads single keys from a terminal until it is closed.

    STOP keys call `stop` at once from this thread; other keys are put on the loop's queue.
    """

    def __init__(self, stop: Callable[[], None], keys: "asyncio.Queue[str]") -> None:
        self._stop = stop
        self._keys = keys
        self._loop = asyncio.get_running_loop()
        self._fd = sys.stdin.fileno()
        self._wake_read, self._wake_write = os.pipe()
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the terminal back as it was."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._fd, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            for key in os.read(self._fd, 64).decode(errors="ignore"):
                if key in STOP_KEYS:
                    self._stop()
                else:
                    self._loop.call_soon_threadsafe(self._keys.put_nowait, key)


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
        except MicropenError as error:
            self._say(str(error))

    async def _act(self, key: str) -> None:
        acts, actor = self._acts, self._actor
        match key:
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
