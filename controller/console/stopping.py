"""STOP from the screen: the bytes leave first, then everything else is asked.

Called in the thread that speaks HTTP. Needs no login and no answer of the controller's loop: when
that is blocked, the bytes are out all the same and only the latency stays unknown.
"""

import asyncio
from functools import partial

from controller.console.bridge import Bridge
from controller.console.requests import (
    StopAnswer,
)
from controller.console.room import Room
from controller.link.stopline import ConfirmedStop
from controller.record.events import Actor, hex_id

REASON = "STOP on the screen"
CONFIRMED_WITHIN_S = 1.0
"""How long the answer waits for the pen's echo; the STOP itself goes on being repeated.
Engineering estimate: fifty repeats, by when the page itself would look stale."""
ANSWER_WITHIN_S = 1.5
"""How long the answer waits when the controller's loop does not answer (engineering estimate)."""
_MILLI = 1000


class StopDoor:
    """Presses STOP and measures it. `last_latency_ms`: from request to the pen's echo."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.last_latency_ms: float | None = None

    async def press(
        self, bridge: Bridge, actor: Actor | None, asked_mono_s: float, reason: str = REASON
    ) -> StopAnswer:
        """STOP now. `asked_mono_s`: when the request came, by the controller's clock."""
        stop_id = self._room.stop(reason, actor)
        sent_mono_s = self._room.clock.mono_s()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                confirmed = await bridge.ask(partial(self._echo, stop_id))
        except TimeoutError:
            confirmed = None
        if confirmed is None:
            return StopAnswer(stop_id=hex_id(stop_id), latency_ms=None)
        latency_ms = (sent_mono_s - asked_mono_s + confirmed.latency_s) * _MILLI
        self.last_latency_ms = latency_ms
        return StopAnswer(stop_id=hex_id(stop_id), latency_ms=round(latency_ms, 3))

    async def _echo(self, stop_id: int) -> ConfirmedStop | None:
        line = self._room.stop_line

        def confirmed() -> bool:
            last = line.last_confirmed
            return last is not None and last.stop_id == stop_id

        await self._room.engine.changes.until(confirmed, CONFIRMED_WITHIN_S)
        return line.last_confirmed if confirmed() else None
