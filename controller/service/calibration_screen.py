"""The technician at the screen, as the guide sees a person (`Face`): what is shown, asked, wished.

Holds only what the page is to show and what the page said; knows no HTTP and no engine. Everything
runs on the controller's loop. An answer names its question, so that a page that is older than the
step never answers another one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count

import msgspec

from controller.calibration.balance.words import Discard, Heard, Reading
from controller.calibration.face import Kind, Question, Wish
from controller.calibration.procedure.steps import Step
from controller.clock import Clock
from controller.console.calibration_errors import NotAsked, WishWaits

TOLD_LINES = 6
FRESH_S = 2.0
"""A balance that said nothing for so long is not live (engineering estimate: it answers several
times a second)."""


class Asked(msgspec.Struct, frozen=True):
    """A question with the id that its answer names."""

    id: int
    question: Question
    answer: "asyncio.Future[str]"


class ScreenFace:
    """One person's lead of one calibration. `on_step` is called after each step that is shown."""

    def __init__(self, clock: Clock, ids: "count[int]", on_step: Callable[[], None]) -> None:
        self._clock = clock
        self._ids = ids
        self._on_step = on_step
        self._wishes: asyncio.Queue[Wish] = asyncio.Queue()
        self._reason: str | None = None
        self._heard: tuple[Heard, float] | None = None
        self.step: Step | None = None
        self.told: deque[str] = deque(maxlen=TOLD_LINES)
        self.asked: Asked | None = None

    # --- the guide's side ----------------------------------------------------------------------

    def show(self, step: Step) -> None:
        """A step begins; what was told in the one before is of no use any more."""
        if self.step is not None and self.step.number != step.number:
            self.told.clear()
        self.step = step
        self._on_step()

    def live(self, heard: Heard) -> None:
        """The balance said something."""
        if isinstance(heard, Reading | Discard):
            self._heard = heard, self._clock.mono_s()

    def tell(self, sentence: str) -> None:
        """Something happened; the same sentence is not said twice in a row."""
        if not self.told or self.told[-1] != sentence:
            self.told.append(sentence)

    async def ask(self, question: Question) -> str:
        """What the page answers; a reason that came with the wish is the answer already."""
        if question.kind is Kind.REASON and self._reason is not None:
            reason, self._reason = self._reason, None
            return reason
        asked = Asked(next(self._ids), question, asyncio.get_running_loop().create_future())
        self.asked = asked
        try:
            return (await asked.answer).strip()
        finally:
            self.asked = None

    async def wish(self) -> Wish:
        """The next thing that the person wants."""
        return await self._wishes.get()

    # --- the page's side -----------------------------------------------------------------------

    @property
    def heard(self) -> Reading | Discard | None:
        """What the balance says now; None when it is silent."""
        if self._heard is None or self._clock.mono_s() - self._heard[1] > FRESH_S:
            return None
        heard = self._heard[0]
        return heard if isinstance(heard, Reading | Discard) else None

    def answer(self, question: int, text: str) -> None:
        """Answer the question of this id. Raises NotAsked."""
        asked = self.asked
        if asked is None or asked.id != question or asked.answer.done():
            raise NotAsked("This is not asked any more.")
        asked.answer.set_result(text)

    def want(self, wish: Wish, reason: str | None = None) -> None:
        """Wish for something, with its reason. Raises WishWaits while another one waits."""
        if not self._wishes.empty() or self._reason is not None:
            raise WishWaits("What was wished before is not done yet.")
        self._reason = reason
        self._wishes.put_nowait(wish)
