"""Tells the person at the terminal what happens, in sentences and one live line."""

import asyncio
import sys
from typing import TextIO

from controller.session.acts import Acts
from controller.session.engine import Engine
from controller.session.states import State
from controller.session.summary import rounded

REFRESH_S = 0.25
_CLEAR_LINE = "\r\x1b[K"

NEXT_STEP = {
    State.READY: "ENTER goes on.",
    State.LATCHED: "Stopped. Find the reason, then c clears it and ENTER goes on.",
    State.INTERRUPTED: "The pen is lost. Connect the same pen; its own record is read first.",
    State.BLOCKED: "Blocked: pen and record do not agree. See the alarm; call service.",
}


class Narrator:
    """Prints each change of state and each alarm once, and keeps a live line up to date."""

    def __init__(self, engine: Engine, acts: Acts, out: TextIO = sys.stderr) -> None:
        self._engine = engine
        self._acts = acts
        self._out = out
        self._state = engine.state
        self._told: set[str] = set()

    def say(self, text: str) -> None:
        """A sentence on a line of its own."""
        self._out.write(f"{_CLEAR_LINE}{text}\n")
        self._out.flush()

    async def run(self) -> None:
        """Narrate until cancelled."""
        while True:
            self._changes()
            self._out.write(_CLEAR_LINE + self._live())
            self._out.flush()
            await asyncio.sleep(REFRESH_S)

    def _changes(self) -> None:
        engine = self._engine
        if engine.state is not self._state:
            self._state = engine.state
            sentence = NEXT_STEP.get(engine.state)
            if sentence is not None:
                self.say(sentence)
        for alarm_id, alarm in list(engine.alarms.active.items()):
            if alarm_id not in self._told:
                self.say(f"{alarm.priority.upper()}: {alarm.sentence} {alarm.cause} {alarm.action}")
        self._told = set(engine.alarms.active)

    def _live(self) -> str:
        if self._engine.book is None:
            return ""
        progress = self._acts.progress
        zone = progress.next_zone()
        if zone is None:
            return f"[{self._engine.state}] all zones complete"
        account = progress.account_of(zone)
        text = f"[{self._engine.state}] {zone.name}: {account.punctures_certain}/{zone.punctures}"
        if not zone.dose_nl:
            return text
        text += f"  {rounded(account.dose.certain_nl / 1000)} uL"
        product = progress.terms.product
        if product is not None and product.unit is not None:
            text += f"  {rounded(product.units_of(account.dose.certain_nl))} {product.unit}"
        return text + "  SPACE = STOP"
