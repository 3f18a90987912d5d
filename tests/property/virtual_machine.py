"""A hypothesis state machine whose rules run in one stretch of virtual time per example.

Between two rules nothing moves; whatever a rule left running goes on in the next one. An error in
a callback of the loop, which asyncio would only log, is kept in `problems`.
"""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine

from tests.support.virtual import VirtualLoop

T = TypeVar("T")


def budget(examples: int, steps: int) -> settings:
    """So many examples of so many rules; MICROPEN_MACHINE_EXAMPLES says another number."""
    return settings(
        max_examples=int(os.environ.get("MICROPEN_MACHINE_EXAMPLES", str(examples))),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


async def _and_what_is_due(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        for _ in range(6):
            await asyncio.sleep(0)


class VirtualMachine(RuleBasedStateMachine):
    """`play` runs a coroutine to its end; `end` is what a subclass does before the loop closes."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.problems: list[str] = []
        self._runner.get_loop().set_exception_handler(self._note)

    @property
    def now_s(self) -> float:
        """Virtual time."""
        return self._runner.get_loop().time()

    def play(self, work: Coroutine[Any, Any, T]) -> T:
        """Let time run until `work` and all that is due at that instant is done.

        Raises what `work` raises.
        """
        return self._runner.run(_and_what_is_due(work))

    def settle(self) -> None:
        """Let everything run that is due at this instant."""
        self.play(asyncio.sleep(0))

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.problems.append(f"{context.get('message')}: {context.get('exception')!r}")

    async def end(self) -> None:
        """Bring down what the example has set up."""

    def teardown(self) -> None:
        try:
            self.play(self.end())
        finally:
            self._runner.close()
        assert self.problems == []
