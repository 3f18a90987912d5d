"""Whether a task still turns: a coroutine that counts how often the loop has resumed it.

A task that waits for ever for what never comes is alive to asyncio and dead to everybody else. At
the bottom of the controller, because every process of ours is watched by it. Touches nothing.
"""

from collections.abc import Coroutine, Generator
from types import CodeType, FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class Turning(Coroutine[Any, Any, T]):
    """`work`, made for `create_task`; behaves as `work` alone would."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self.__qualname__: str = getattr(work, "__qualname__", "work")
        self.turns = 0

    def send(self, value: Any) -> Any:
        """One turn."""
        self.turns += 1
        return self._work.send(value)

    def throw(self, *error: Any) -> Any:
        """One turn, begun by an error such as a cancellation."""
        self.turns += 1
        return self._work.throw(*error)

    def close(self) -> None:
        """End it without a further turn."""
        self._work.close()

    def __await__(self) -> Generator[Any, Any, T]:
        raise TypeError("a task is its only user")

    # What asyncio and debuggers read of a coroutine: that of the work.

    @property
    def cr_code(self) -> CodeType:
        """The work's code."""
        code: CodeType = self._work.cr_code  # type: ignore[attr-defined]  # of every `async def`
        return code

    @property
    def cr_frame(self) -> FrameType | None:
        """Where the work stands; None when it has ended."""
        frame: FrameType | None = getattr(self._work, "cr_frame", None)
        return frame

    @property
    def cr_await(self) -> Any:
        """What the work waits for."""
        return getattr(self._work, "cr_await", None)

    @property
    def cr_running(self) -> bool:
        """Whether the work is in a turn at this moment."""
        return bool(getattr(self._work, "cr_running", False))
