"""Where a mass comes from: a balance on a port, or a person who reads a display.

A weigher gives one stable reading when it is asked, and says what is wrong otherwise. It knows no
procedure. A balance that was lost is opened again at the next question.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from controller.calibration.balance.reader import Balance
from controller.calibration.balance.words import Heard, Reading
from controller.calibration.errors import BalanceLost, BalanceTrouble
from controller.calibration.face import Face, Kind, NotUnderstood, Question, mass_ug
from controller.clock import Clock

READ_WITHIN_S = 30.0
"""A balance that did not become stable in it is told to the technician (E7054)."""
TYPED_LOOKS = 5
"""A person reads so many times while the balance is watched."""


class OtherBalance(BalanceTrouble):
    """The balance does not show what the setup says of it."""

    number = 7082
    cause = "Another balance than the setup file's, or its display was switched to fewer digits."
    action = "Put the balance of the setup file under the pen, with all of its digits shown."


class Weigher(Protocol):
    """What is weighed with. typed: whether a person reads it."""

    typed: bool

    async def read(self) -> Reading:
        """One stable reading. Raises BalanceTrouble (E7050 to E7061, E7082)."""
        ...

    async def watch(self, seconds: int) -> list[int]:
        """What it shows meanwhile, in micrograms, oldest first. Raises as `read`."""
        ...

    def close(self) -> None:
        """Give the port back."""
        ...


@dataclass(slots=True)
class PortWeigher:
    """A balance on a port. `connect` opens it anew and hands its words to what it is given."""

    connect: Callable[[Callable[[Heard], None]], Awaitable[Balance]]
    clock: Clock
    resolution_ug: int
    live: Callable[[Heard], None]
    typed: bool = False
    _balance: Balance | None = None
    _shown: list[int] = field(default_factory=list)

    async def read(self) -> Reading:
        """One stable reading; waits up to 30 s for it."""
        if self._balance is None:
            self._balance = await self.connect(self._hear)
        try:
            reading = await self._balance.stable_reading(self.clock.mono_s() + READ_WITHIN_S)
        except BalanceLost:
            self.close()
            raise
        if reading.digit_ug != self.resolution_ug:
            raise OtherBalance(
                f"The balance shows steps of {reading.digit_ug / 1000:g} mg; the setup says "
                f"{self.resolution_ug / 1000:g} mg."
            )
        return reading

    async def watch(self, seconds: int) -> list[int]:
        """Everything that it shows from its first stable reading on, settled or not."""
        await self.read()
        until_mono_s = self.clock.mono_s() + seconds
        self._shown.clear()
        while self.clock.mono_s() < until_mono_s:
            await self.read()
        return list(self._shown)

    def close(self) -> None:
        """Give the port back; the next reading opens it anew."""
        balance, self._balance = self._balance, None
        if balance is not None:
            balance.close()

    def _hear(self, heard: Heard) -> None:
        if isinstance(heard, Reading):
            self._shown.append(heard.mass_ug)
        self.live(heard)


@dataclass(slots=True)
class TypedWeigher:
    """A person who types what the balance shows."""

    face: Face
    resolution_ug: int
    typed: bool = True

    async def read(self) -> Reading:
        """Asks until the answer is a mass with all of the balance's digits."""
        while True:
            text = await self.face.ask(
                Question(
                    Kind.MASS, "What does the balance show, now that it is stable?", "3.5412 g"
                )
            )
            try:
                return Reading(mass_ug(text, self.resolution_ug), self.resolution_ug, stable=True)
            except NotUnderstood as error:
                self.face.tell(str(error))

    async def watch(self, seconds: int) -> list[int]:
        """Five readings, evenly over the time."""
        shown = [(await self.read()).mass_ug]
        for _ in range(TYPED_LOOKS - 1):
            await asyncio.sleep(seconds / (TYPED_LOOKS - 1))
            shown.append((await self.read()).mass_ug)
        return shown

    def close(self) -> None:
        """There is no port."""
