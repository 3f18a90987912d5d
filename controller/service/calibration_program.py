"""A program at the technician's place: for demos, tests and training on simulated pens only.

It answers what needs no eyes; what must be read from an instrument it takes from the setup file,
or refuses. The engine refuses it any arm of a real pen (C4).
"""

import asyncio
import sys
from typing import TextIO

from controller.calibration.balance.words import Heard
from controller.calibration.face import Kind, Question, Wish
from controller.calibration.instruments import RoomTable
from controller.calibration.procedure.steps import Step
from controller.errors import ServiceError

MOST_TRIES = 10
"""What did not pass by itself after so many tries needs a person."""


class NeedsPerson(ServiceError):
    """Something was asked that only a person can do."""

    number = 8043
    cause = "A program has no eyes and no hands; --program is for simulated pens and balances."
    action = "Do it without --program, in a terminal."


class CalibrationProgram:
    """A `Face` that goes on by itself and says what happens, a line each."""

    def __init__(self, room: RoomTable | None, out: TextIO = sys.stdout) -> None:
        self._room = room
        self._out = out
        self._tries = 0

    def show(self, step: Step) -> None:
        """One line a step."""
        self._tries = 0
        self.tell(f"[{step.number}/{step.total}] {step.title}")

    def live(self, heard: Heard) -> None:
        """Nobody looks."""

    def tell(self, sentence: str) -> None:
        """One line."""
        self._out.write(f"{sentence}\n")
        self._out.flush()

    async def ask(self, question: Question) -> str:
        """The answer. Raises NeedsPerson (E8043)."""
        await asyncio.sleep(0)
        if question.kind in {Kind.GO_ON, Kind.CLEAR}:
            return ""
        if question.kind is Kind.TACHOMETER:
            return "-"
        if question.kind is Kind.TRY_AGAIN:
            return self._again(question)
        if question.kind is Kind.ROOM and self._room is not None:
            room = self._room
            return (
                f"{room.liquid_mdegc / 1000} {room.air_mdegc / 1000} {room.pressure_pa / 100} "
                f"{room.humidity_permille / 10}"
            )
        missing = " The setup file has no [room]." if question.kind is Kind.ROOM else ""
        raise NeedsPerson(f"Asked was: {question.text}{missing}")

    def _again(self, question: Question) -> str:
        self._tries += 1
        self.tell(question.text)
        if self._tries > MOST_TRIES:
            raise NeedsPerson(f"After {MOST_TRIES} tries still: {question.text.splitlines()[0]}")
        return ""

    async def wish(self) -> Wish:
        """It wishes for nothing, ever."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody sets this future")
