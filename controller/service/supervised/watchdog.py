"""Signs of life, while there are any: READY, WATCHDOG and STATUS for the service manager.

One task on the loop that drives the pen: when that loop hangs, nothing is sent. It is no timer that
pings whatever happens: each ping needs a fresh token of every witness (`evidence`). When one is
missing the lease is not renewed any more either, so the pen rests long before the manager acts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

import structlog

from controller.notify import Notifier
from controller.service.app import Service
from controller.session.engine import Engine

TURN_S: Final = 1.0
"""How often witnesses are asked when the manager does not want it more often."""

log = structlog.get_logger("watchdog")


class Looks(Protocol):
    """Who is asked; see `Evidence`."""

    def missing(self) -> dict[str, str]:
        """What is missing, by the name of who misses it."""
        ...


class Watchdog:
    """Feeds the manager's watchdog for one process.

    present: the service of this moment, None between two. A manager that wants no watchdog gets
    READY and STATUS only; without any manager the witnesses are asked all the same.
    """

    def __init__(
        self, notifier: Notifier, evidence: Looks, present: Callable[[], Service | None]
    ) -> None:
        self._notifier = notifier
        self._evidence = evidence
        self._present = present
        self._period_s = min(TURN_S, (notifier.watchdog_s or 3 * TURN_S) / 3)
        self._is_ready = False
        self._said = ""  # what the manager knows
        self._shown = ""  # what it would know if it had listened
        self._missing: dict[str, str] = {}

    async def run(self) -> None:
        """Say that the service is up, then feed until cancelled."""
        while True:
            self.turn()
            await self._pause()

    def turn(self) -> None:
        """Ask every witness, and send what they allow to send."""
        missing = self._evidence.missing()
        self._note(missing)
        self._shown = status = self.status()
        lines = [] if self._is_ready else ["READY=1"]
        if status != self._said:
            lines.append(f"STATUS={status}")
        if self._notifier.watchdog_s is not None and not missing:
            lines.append("WATCHDOG=1")
        if lines and self._notifier.tell(*lines):
            self._is_ready, self._said = True, status

    def stopping(self) -> None:
        """The service lets go of the pen: the manager waits for its end from here on."""
        self._notifier.tell("STOPPING=1", "STATUS=stopping")

    def status(self) -> str:
        """One line for `systemctl status`, without names of people."""
        if self._missing:
            hung = "; ".join(f"{name} {said}" for name, said in self._missing.items())
            return f"not alive: {hung}"
        service = self._present()
        return "changing pens" if service is None else status_of(service.engine)

    def _note(self, missing: dict[str, str]) -> None:
        for name in missing.keys() - self._missing.keys():
            log.error("no sign of life", witness=name, said=missing[name])
        for name in self._missing.keys() - missing.keys():
            log.warning("alive again", witness=name)
        self._missing = missing
        service = self._present()
        if missing and service is not None:
            service.engine.halt()

    async def _pause(self) -> None:
        """Until the next turn; sooner when the pen becomes ready, which somebody waits for."""
        service = self._present()
        if service is None or service.engine.reconciled or self._missing:
            await asyncio.sleep(self._period_s)
        else:
            engine = service.engine
            await engine.changes.until(lambda: status_of(engine) != self._shown, self._period_s)


@asynccontextmanager
async def watched(watchdog: Watchdog) -> AsyncIterator[None]:
    """Feed the manager inside; then tell it that the end has come."""
    feeding = asyncio.create_task(watchdog.run(), name="watchdog")
    feeding.add_done_callback(_ended)
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        watchdog.stopping()


def _ended(feeding: "asyncio.Task[None]") -> None:
    error = None if feeding.cancelled() else feeding.exception()
    if error is not None:  # nothing is fed from here on, and the manager starts the service again
        log.critical("the watchdog met a defect", exc_info=error)


def status_of(engine: Engine) -> str:
    """Where the pen is, and what is open with it."""
    work = "" if engine.book is None else f"; session {engine.state.value}"
    if engine.reconciled:
        return f"pen ready{work}"
    if engine.pen is not None and engine.link_error is None:
        return f"pen connected, its record is read{work}"
    why = "" if engine.link_error is None else f": {engine.link_error.what}"
    return f"waiting for the pen{why}{work}"
