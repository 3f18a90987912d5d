"""A technician at the terminal: the step, the balance's words as they come, keys and typed values.

Keys are read by a thread of their own, so that STOP leaves even while the event loop is blocked.
While a value is typed nothing is armed, and the STOP keys are letters like any other.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import TextIO

from controller.calibration.balance.words import Discard, Heard, Reading
from controller.calibration.face import TYPED, Kind, Question, Wish
from controller.calibration.procedure.steps import Step
from controller.service.keys import GONE, KeyThread
from controller.service.terminal import TerminalGone, require_terminal
from controller.session.engine import Engine

HELP = (
    "Keys:  SPACE or s = STOP    ENTER = go on    c = clear a stop    r = take it again    "
    "m = the vessel was moved    a = give the calibration up"
)
REFRESH_S = 0.25
_CLEAR_LINE = "\r\x1b[K"
_WISHES = {"r": Wish.REDO, "a": Wish.ABORT, "m": Wish.MOVED}
_ESCAPE, _RUBOUT = "\x1b", ("\x7f", "\b")
_ENTER = ("\n", "\r")


class CalibrationTerminal:
    """A `Face` at standard input. `open` before the first question, `close` at the end."""

    def __init__(self, engine: Engine, stop: Callable[[], None], out: TextIO = sys.stderr) -> None:
        self._engine = engine
        self._stop = stop
        self._out = out
        self._step: Step | None = None
        self._shown = ""
        self._typed = ""
        self._told: set[str] = set()
        self._question: Question | None = None
        self._answer: asyncio.Future[str] | None = None
        self._wishes: asyncio.Queue[Wish | None] = asyncio.Queue()
        self._thread: KeyThread | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Begin to read keys. Raises NoTerminal."""
        require_terminal()
        keys: asyncio.Queue[str] = asyncio.Queue()
        self._thread = KeyThread(self._stop, keys, self._is_typing)
        self._tasks = [
            asyncio.create_task(self._read(keys), name="keys"),
            asyncio.create_task(self._refresh(), name="live line"),
        ]
        self.tell(HELP)

    async def close(self) -> None:
        """Give the terminal back as it was."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._thread is not None:
            self._thread.close()
        self._out.write(_CLEAR_LINE)

    # --- as a face ----------------------------------------------------------------------------

    def show(self, step: Step) -> None:
        """A heading and what to do."""
        self._step, self._shown = step, ""
        self.tell(f"\n[{step.number}/{step.total}] {step.title}\n{step.instruction}")

    def live(self, heard: Heard) -> None:
        """For the live line."""
        if isinstance(heard, Reading):
            grams = f"{heard.mass_ug / 1_000_000:.{_decimals(heard.digit_ug)}f} g"
            self._shown = grams + ("" if heard.stable else "  moving")
        elif isinstance(heard, Discard):
            self._shown = str(heard.why)

    def tell(self, sentence: str) -> None:
        """A sentence on a line of its own."""
        self._out.write(f"{_CLEAR_LINE}{sentence}\n")
        self._out.flush()

    async def ask(self, question: Question) -> str:
        """Asks on a line of its own. Raises TerminalGone."""
        self._require_thread()
        self.tell(question.text + (f"  (such as: {question.example})" if question.example else ""))
        if question.kind not in TYPED:
            self.tell("c = clear it" if question.kind is Kind.CLEAR else "ENTER = go on")
        self._question, self._typed = question, ""
        self._answer = asyncio.get_running_loop().create_future()
        try:
            return await self._answer
        finally:
            self._question = self._answer = None

    async def wish(self) -> Wish:
        """The next key that is a wish. Raises TerminalGone."""
        self._require_thread()
        wish = await self._wishes.get()
        if wish is None:
            raise _gone()
        return wish

    # --- keys ---------------------------------------------------------------------------------

    def _require_thread(self) -> None:
        if self._thread is None:
            raise _gone()

    def _is_typing(self) -> bool:
        # Runs on the key thread: it only looks.
        question = self._question
        return question is not None and question.kind in TYPED and not self._engine.arm_is_open

    async def _read(self, keys: "asyncio.Queue[str]") -> None:
        while True:
            self._key(await keys.get())

    def _key(self, key: str) -> None:
        if key == GONE:
            self._wishes.put_nowait(None)
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(_gone())
        elif key == _ESCAPE:
            self._escape()
        elif self._question is not None and self._question.kind in TYPED:
            self._edit(key)
        elif self._question is not None and self._agrees(key):
            self._reply("")
        elif key.lower() in _WISHES:
            self._wishes.put_nowait(_WISHES[key.lower()])
        else:
            self.tell(HELP)

    def _agrees(self, key: str) -> bool:
        clears = self._question is not None and self._question.kind is Kind.CLEAR
        return key in {"c", "C"} if clears else key in _ENTER

    def _escape(self) -> None:
        if self._question is not None and self._question.kind is Kind.REASON:
            self._reply("")
        else:
            self._wishes.put_nowait(Wish.ABORT)

    def _edit(self, key: str) -> None:
        if key in _ENTER:
            self.tell(f"> {self._typed}")
            self._reply(self._typed.strip())
        elif key in _RUBOUT:
            self._typed = self._typed[:-1]
        elif key.isprintable():
            self._typed += key
        self._draw()

    def _reply(self, text: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(text)

    # --- the live line ------------------------------------------------------------------------

    async def _refresh(self) -> None:
        while True:
            self._alarms()
            self._draw()
            await asyncio.sleep(REFRESH_S)

    def _alarms(self) -> None:
        active = dict(self._engine.alarms.active)
        for alarm_id, alarm in active.items():
            if alarm_id not in self._told:
                self.tell(
                    f"{alarm.priority.upper()}: {alarm.sentence} {alarm.cause} {alarm.action}"
                )
        self._told = set(active)

    def _draw(self) -> None:
        self._out.write(_CLEAR_LINE + self._line())
        self._out.flush()

    def _line(self) -> str:
        if self._question is not None and self._question.kind in TYPED:
            return f"> {self._typed}"
        step = self._step
        place = "" if step is None else f"[{step.number}/{step.total}]"
        pen = "needle working" if self._engine.arm_is_open else self._engine.state
        shown = f"  balance {self._shown}" if self._shown else ""
        return f"{place} {pen}{shown}  SPACE = STOP"


def _decimals(digit_ug: int) -> int:
    return max(0, 7 - len(str(digit_ug)))


def _gone() -> TerminalGone:
    return TerminalGone(
        "The terminal is gone; the pen was stopped.",
        action="Open a terminal and give the same command again; nothing is lost.",
    )
