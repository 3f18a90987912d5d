"""H1-H5, H10-H12, H14, H15: what happens to the computer and its process.

H4 and H5 fall between any two lines of the controller's code, wherever it runs: a task or a
callback of the loop. `Tripwire` says how.
"""

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from controller.errors import AlreadyRunning, LinkError, MicropenError, PenError
from controller.pen.driver import Pen, PenLine
from controller.pen.strokes import PenStroke
from controller.record.journal import Journal
from protocol.messages import Health, Status, Stopped
from tests.soak.catalogue import FaultId
from tests.soak.descriptors import current
from tests.soak.faults.common import BaseFault, once, start_again
from tests.support.bills import CONFIG
from tests.support.theatre import INJECTED, OPERATORS
from tests.support.tripwire import Tripwire
from tests.support.tty import Happening
from tests.support.virtual import VirtualLoop

__all__ = ["HOST", "INJECTED"]

STALL_S = (0.001, 60.0)
MOST_LINES = 3_000
"""So many lines of the controller run within about 0.2 s of an arm."""
STEPS_S = (1.0, 3_600.0, 86_400.0, 31_557_600.0, 315_576_000.0)
SECOND_HOST_ID = 0x5EC0
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Kill(BaseFault):
    """SIGKILL; the process is started again `lasts_s` later."""

    id = FaultId.H1

    async def begin(self) -> None:
        if self.theatre.is_running:
            self.happened()
            await self.theatre.crash()

    async def end(self) -> None:
        await start_again(self.theatre)


class Stop(BaseFault):
    """SIGSTOP: between two callbacks the process stands still while the world goes on.

    For `value` seconds; 0 = drawn from 1 ms to 60 s.
    """

    id = FaultId.H2

    async def begin(self) -> None:
        if self.theatre.is_running:
            self.happened()
            _stall(self, _stall_s(self))


class LoopStall(BaseFault):
    """In the middle of its code the controller stands still, as `Stop` says; once."""

    id = FaultId.H3

    async def begin(self) -> None:
        for_s = _stall_s(self)

        def stall() -> None:
            self.happened()
            _stall(self, for_s)

        wire = Tripwire(_lines(self), stall, lambda task: _is_ours(self, task))
        self.later(wire.lift)
        wire.lay()


class _Error(BaseFault):
    """An error is raised in the middle of the controller's code, once.

    The process must end by it, or go on without whatever needs the broken part. It is started
    again at the end. With `value` 1 the error may also meet who asks for an act.
    """

    kinds: ClassVar[Sequence[type[Exception]]]

    async def begin(self) -> None:
        kind = self.room.rng.choice(self.kinds)

        def fail() -> None:
            self.happened()
            raise kind(INJECTED)

        wire = Tripwire(_lines(self), fail, self._may_fail)
        self.later(wire.lift)
        wire.lay()

    def _may_fail(self, task: "asyncio.Task[Any] | None") -> bool:
        is_spared = task is not None and task.get_name() in OPERATORS and not self.row.value
        return _is_ours(self, task) and not is_spared

    async def end(self) -> None:
        await super().end()
        await start_again(self.theatre)


class OutOfMemory(_Error):
    id = FaultId.H4
    kinds = (MemoryError,)


class ExceptionInATask(_Error):
    id = FaultId.H5
    kinds = (
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        AssertionError,
        ZeroDivisionError,
        OSError,
        RecursionError,
        asyncio.InvalidStateError,
    )


class WallClockStep(BaseFault):
    """Somebody sets the wall clock: by a second up to ten years, or `value` seconds; then back."""

    id = FaultId.H10

    async def begin(self) -> None:
        rng = self.room.rng
        step_s = self.row.value or rng.choice(STEPS_S) * rng.uniform(0.5, 1.0) * rng.choice((-1, 1))
        clock = self.theatre.clock
        clock.step_wall(step_s)
        self.later(lambda: clock.step_wall(-step_s))
        self.happened()


class NoTimeSource(BaseFault):
    """The host boots without a time source: it is 1970 until the end, and then the clock is set."""

    id = FaultId.H11

    async def begin(self) -> None:
        theatre, clock = self.theatre, self.theatre.clock
        if theatre.is_running:
            await theatre.crash()
        back_s = (EARLIEST - clock.now_wall()).total_seconds()
        clock.step_wall(back_s)
        theatre.clock_synced = False
        self.later(lambda: setattr(theatre, "clock_synced", True))
        self.later(lambda: clock.step_wall(-back_s))
        await start_again(theatre)
        self.happened()


class NoDescriptors(BaseFault):
    """No file and no port can be opened; the cable is tugged at (1), or the process restarted (2).

    The limit of this very process is lowered, so every opening in it is refused by the kernel.
    """

    id = FaultId.H12

    async def begin(self) -> None:
        theatre, way = self.theatre, int(self.row.value) or self.room.rng.randint(1, 2)
        if way == 2 and theatre.is_running:
            await theatre.crash()
        self.later(_no_descriptor_left())
        if way == 2:
            try:
                await theatre.start()
            except MicropenError:
                self.happened()
        else:
            told = once(self.happened)
            self.later(theatre.cable.ears.listen(Happening.NO_DESCRIPTOR, told))
            theatre.opener.hang_up("the port hung up")

    async def end(self) -> None:
        await super().end()
        await start_again(self.theatre)


class ConfigEdited(BaseFault):
    """Somebody edits the config folder: every number of limits, products and certificates.

    Or they leave a file that cannot be read. All is as before at the end.
    """

    id = FaultId.H14

    async def begin(self) -> None:
        folder, rng = self.theatre.config, self.room.rng
        spoil: Callable[[str], str] = rng.choice((_doubled, _tenth, _garbled, _emptied))
        for file in sorted(folder.glob("*/*.toml")):
            shipped = (CONFIG / file.relative_to(folder)).read_text("utf-8")
            self.later(partial(file.write_text, shipped, "utf-8"))
            file.write_text(spoil(file.read_text("utf-8")), "utf-8")
        self.happened()


class SecondInstance(BaseFault):
    """A second service on the same folder (1), or a second computer on the same pen (2)."""

    id = FaultId.H15
    _second: "asyncio.Task[None] | None" = None

    async def begin(self) -> None:
        way = int(self.row.value) or self.room.rng.randint(1, 2)
        if way == 2:
            self._take_the_pen()
        elif self.theatre.is_running:
            self._open_the_folder()

    def _open_the_folder(self) -> None:
        theatre = self.theatre
        try:
            Journal.open(
                theatre.folder, theatre.clock, realm="training", vfs=theatre.vfs, min_free_bytes=0
            ).close()
        except AlreadyRunning:
            self.happened()
        else:
            raise AssertionError("a second service may write to the folder of the first")

    def _take_the_pen(self) -> None:
        theatre, listener = self.theatre, _Silent(self.happened)
        line = PenLine(theatre.opener, theatre.clock, SECOND_HOST_ID, listener, self.room.rng)
        self._second = asyncio.create_task(line.run(), name="second host")
        theatre.bystanders.add(self._second)

    async def end(self) -> None:
        await super().end()
        second, self._second = self._second, None
        if second is not None:
            second.cancel()
            await asyncio.wait({second})
            self.theatre.bystanders.discard(second)


class _Silent:
    """The listener of a computer that only takes the pen."""

    def __init__(self, linked: Callable[[], None]) -> None:
        self._linked = linked

    def pen_up(self, pen: Pen) -> None:
        self._linked()

    def pen_failed(self, error: LinkError | PenError) -> None: ...

    def pen_lost(self, pen: Pen, reason: str) -> None: ...

    def pen_status(self, pen: Pen, status: Status) -> None: ...

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None: ...

    def pen_health(self, pen: Pen, health: Health) -> None: ...

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None: ...

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None: ...


HOST: dict[FaultId, type[BaseFault]] = {
    fault.id: fault
    for fault in (
        Kill,
        Stop,
        LoopStall,
        OutOfMemory,
        ExceptionInATask,
        WallClockStep,
        NoTimeSource,
        NoDescriptors,
        ConfigEdited,
        SecondInstance,
    )
}


def _is_ours(fault: BaseFault, task: "asyncio.Task[Any] | None") -> bool:
    """Whether what runs is the process's own; a callback is, as long as there is a process."""
    return fault.theatre.is_running and task not in fault.theatre.bystanders


def _stall(fault: BaseFault, for_s: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.stall(for_s)
    fault.theatre.cable.was_not_read()


def _drawn_between(fault: BaseFault, low: float, high: float) -> float:
    """Small ones as often as large ones."""
    return math.exp(fault.room.rng.uniform(math.log(low), math.log(high)))


def _stall_s(fault: BaseFault) -> float:
    return fault.row.value or _drawn_between(fault, *STALL_S)


def _lines(fault: BaseFault) -> int:
    """Among the first MOST_LINES, or the share `rate` of them."""
    return round(_drawn_between(fault, 1, MOST_LINES * (fault.row.rate or 1.0)))


def _no_descriptor_left() -> Callable[[], None]:
    """Allow this process no further descriptor; returns what gives them back."""
    descriptors = current()
    descriptors.take()
    return descriptors.give_back


def _numbers(text: str, change: Callable[[int], int]) -> str:
    return re.sub(
        r"(?<= = )\d+(?=$)", lambda each: str(change(int(each[0]))), text, flags=re.MULTILINE
    )


def _doubled(text: str) -> str:
    return _numbers(text, lambda number: 2 * number)


def _tenth(text: str) -> str:
    return _numbers(text, lambda number: number // 10)


def _garbled(text: str) -> str:
    return text[: len(text) // 2] + "\x00["


def _emptied(text: str) -> str:
    del text
    return ""
