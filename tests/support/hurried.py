"""A loop in virtual time beside real threads: time jumps while it may, else it passes as a wall's.

For rooms in which an hour shall take seconds, but into which a real browser reaches through a
thread of its own. Other threads may call into the loop at any time.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple

from tests.support.lean_loop import LeanLoop
from tests.support.virtual import VirtualLoop

Ts = TypeVarTuple("Ts")

LOOK_S = 0.05
"""How long real waiting lasts at most until `may_hurry` is asked again."""


class HurriedLoop(VirtualLoop):
    """`may_hurry` is asked whenever nothing is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.may_hurry: Callable[[], bool] = lambda: True

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return LeanLoop.call_soon_threadsafe(self, callback, *args, context=context)

    def _jump(self, to_s: float | None) -> None:
        if to_s is not None and (to_s <= self.time() or self.may_hurry()):
            super()._jump(to_s)
            return
        left_s = LOOK_S if to_s is None else min(LOOK_S, to_s - self.time())
        began_s = time.monotonic()
        self._process_events(self._files.select(left_s))
        if to_s is not None:
            super()._jump(min(to_s, self.time() + time.monotonic() - began_s))

    def _may_jump(self, to_s: float) -> bool:
        return self.may_hurry() and super()._may_jump(to_s)
