"""An asyncio loop whose time jumps to the next timer, so that hours of a session take milliseconds.

Time moves only when nothing is ready, and then straight to the next timer. It stands still while
real work is under way: an executor call, or a block under `VirtualLoop.wait_for_real`. A loop on
which nothing can ever happen again raises `Deadlock` with the name and line of each waiting task.
Sockets and ptys do not know virtual time: tests on those are marked `real_time`.
"""

import asyncio
import contextlib
import selectors
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from types import CodeType
from typing import Any, Self, TypeVar, TypeVarTuple

from tests.support.lean_loop import LeanLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START_S = 1000.0
"""`loop.time()` of a new loop; not 0, so that a test of "unset" by truth shows itself."""
EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
"""Wall time of a new `VirtualClock`."""
LIMIT_S = 24 * 3600.0
"""Virtual seconds after which a test that never ends is stopped."""
REAL_PATIENCE_S = 20.0
"""Real seconds that real work (threads) may take while virtual time stands still."""


class Deadlock(AssertionError):
    """The loop can never go on: nothing is ready and no timer is set, or time ran out."""


class VirtualLoop(LeanLoop):
    """A loop in virtual time. `time()` starts at START_S."""

    def __init__(self) -> None:
        self._now_s = START_S
        self._own_threads = {threading.get_ident()}
        self.limit_s = LIMIT_S
        super().__init__()

    def time(self) -> float:
        return self._now_s

    def _jump(self, to_s: float | None) -> None:
        if to_s is None:
            raise Deadlock(f"nothing is ready and no timer is set; {self._waiting()}")
        if to_s > self._now_s:
            self._now_s += to_s - self._now_s
        if self._now_s - START_S > self.limit_s:
            raise Deadlock(f"still running after {self.limit_s:.0f} virtual s; {self._waiting()}")

    def stall(self, seconds: float) -> None:
        """Time passes and nothing runs: the process is stopped, or code is in its way."""
        self._jump(self._now_s + seconds)

    def _may_jump(self, to_s: float) -> bool:
        if to_s - START_S > self.limit_s:
            return False
        self._jump(to_s)
        return True

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        if not self._real_work:
            self._jump(self._timers[0][0] if self._timers else None)
            return []
        if ready := self._files.select(REAL_PATIENCE_S):
            return ready
        raise Deadlock(f"real work is not done after {REAL_PATIENCE_S:.0f} real seconds")

    def _waiting(self) -> str:
        lines = (f"\n  {t.get_name()} at {_suspended_at(t)}" for t in asyncio.all_tasks(self))
        return "waiting tasks:" + "".join(sorted(lines))

    @contextlib.contextmanager
    def wait_for_real(self) -> Iterator[None]:
        """While inside, virtual time stands still and real threads may call into the loop."""
        self._real_work += 1
        try:
            yield
        finally:
            self._real_work -= 1

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Any = None
    ) -> asyncio.Handle:
        if not self._real_work and threading.get_ident() not in self._own_threads:
            name = threading.current_thread().name
            raise RuntimeError(
                f"thread {name} called into a loop in virtual time, which does not wait for it: "
                "use `with loop.wait_for_real():` around the work"
            )
        return super().call_soon_threadsafe(callback, *args, context=context)

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As the real loop's; virtual time stands still until the call is done."""

        def known(*inner: *Ts) -> T:
            self._own_threads.add(threading.get_ident())
            return func(*inner)

        work = contextlib.ExitStack()
        work.enter_context(self.wait_for_real())
        future = super().run_in_executor(executor, known, *args)
        future.add_done_callback(lambda _: work.close())
        return future

    async def shutdown_default_executor(self) -> None:
        with self.wait_for_real():
            await super().shutdown_default_executor()


def _suspended_at(task: asyncio.Task[Any]) -> str:
    """The innermost `await` of the task, as `file:line function`."""
    place = "its first line"
    coro: Any = task.get_coro()
    while (frame := getattr(coro, "cr_frame", None)) is not None:
        code: CodeType = frame.f_code
        place = f"{code.co_filename}:{frame.f_lineno} {code.co_name}"
        coro = getattr(coro, "cr_await", None)
    return place


class VirtualClock:
    """A `controller.clock.Clock` in virtual time. Wall time can be set; monotonic time cannot."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._wall_offset_s = 0.0

    @classmethod
    def running(cls) -> Self:
        """The clock of the loop that runs now."""
        return cls(asyncio.get_running_loop())

    def mono_s(self) -> float:
        """Virtual seconds, from START_S."""
        return self._loop.time()

    def now_wall(self) -> datetime:
        """EPOCH plus the virtual seconds that passed plus all wall steps."""
        passed_s = self._loop.time() - START_S + self._wall_offset_s
        return EPOCH + timedelta(seconds=passed_s)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP or a person would."""
        self._wall_offset_s += seconds


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]] | Coroutine[Any, Any, T]) -> T:
    """Run `main` (a coroutine, or a function that makes it) on a new virtual loop.

    For synchronous tests (hypothesis); an `async def test_...` is in virtual time already. Raises
    AssertionError when `main` leaves a task behind, and whatever `main` raises.
    """
    coro = main if isinstance(main, Coroutine) else main()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_alone(coro))


async def _alone(coro: Coroutine[Any, Any, T]) -> T:
    result = await coro
    await assert_no_other_task()
    return result


async def assert_no_other_task() -> None:
    """Raise AssertionError naming every unfinished task but the present one."""
    for _ in range(3):  # a task that was cancelled needs a turn of the loop to end
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    names = sorted(f"{task.get_name()} at {_suspended_at(task)}" for task in left)
    assert not left, f"tasks left behind: {names}"


async def advance(seconds: float) -> None:
    """Let virtual time run on by `seconds`; refuses to wait in real time."""
    if not isinstance(asyncio.get_running_loop(), VirtualLoop):
        raise RuntimeError("advance() needs virtual time; wait for the event itself instead")
    await asyncio.sleep(seconds)
