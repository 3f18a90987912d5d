"""Does something in the middle of the controller's code: at the n-th of its lines that runs.

Only the interpreter's tracing can let an error or a pause fall between any two lines, as a failing
allocation or the scheduler would. It traces nothing but the controller's own modules, in the
thread that laid it, and only until it was tripped.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import controller

_ROOMS = ("link", "pen", "session", "service")
"""Not `record`: in service a thread of its own runs that, and its writer gives up by itself."""
_PREFIXES = tuple(f"{Path(controller.__file__).parent / room}/" for room in _ROOMS)


class Tripwire:
    """`act` is called at line `lines` from `lay` on, and may raise.

    Only code counts of which `counts` says True; it is asked with the task that runs, or None
    within a callback of the loop.
    """

    def __init__(
        self,
        lines: int,
        act: Callable[[], None],
        counts: Callable[["asyncio.Task[Any] | None"], bool],
    ) -> None:
        self._left = lines
        self._act = act
        self._counts = counts
        self._before: Any = None
        self.is_laid = False

    def lay(self) -> None:
        """Count from now on. Frames that run already are not counted."""
        self._before = sys.gettrace()
        self.is_laid = True
        sys.settrace(self._called)

    def lift(self) -> None:
        """Count no more. Safe to call twice."""
        if self.is_laid:
            self.is_laid = False
            sys.settrace(self._before)

    def _called(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_PREFIXES):
            return None
        return self._passed if self._counts(asyncio.current_task()) else None

    def _passed(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line" and self.is_laid:
            self._left -= 1
            if self._left <= 0:
                self.lift()
                self._act()
        return self._passed
