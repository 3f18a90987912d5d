"""A running pen line on a fake pen, and a listener that writes down what it is told."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from controller.clock import Clock
from controller.errors import LinkError, PenError
from controller.pen.driver import Pen, PenLine
from controller.pen.strokes import PenStroke
from protocol.messages import Health, Status, Stopped
from tests.support.fake_pen import HOST_ID, FakePen, FakePort


class FakeOpener:
    """Plugs the pen in at each `open`, unless `error` is set."""

    def __init__(self, pen: FakePen) -> None:
        self.pen = pen
        self.error: LinkError | None = None
        self.opened_mono_s: list[float] = []

    async def open(self) -> FakePort:
        self.opened_mono_s.append(asyncio.get_running_loop().time())
        if self.error is not None:
            raise self.error
        return self.pen.plug_in()


class PenDiary:
    """A `PenListener` that writes down what it is told, as (what, details)."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, Any]] = []
        self.on_up: Callable[[Pen], None] = lambda _: None
        self.is_up = asyncio.Event()

    def all(self, what: str) -> list[Any]:
        return [details for entry, details in self.entries if entry == what]

    @property
    def indexes(self) -> list[int]:
        """Indexes of all strokes, as told."""
        return [stroke.index for _, strokes in self.all("strokes") for stroke in strokes]

    def pen_up(self, pen: Pen) -> None:
        self.entries.append(("up", pen))
        self.is_up.set()
        self.on_up(pen)

    def pen_failed(self, error: LinkError | PenError) -> None:
        self.entries.append(("failed", error))

    def pen_lost(self, pen: Pen, reason: str) -> None:
        self.entries.append(("lost", (pen, reason)))
        self.is_up.clear()

    def pen_status(self, pen: Pen, status: Status) -> None:
        self.entries.append(("status", status))

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None:
        self.entries.append(("strokes", (arm_id, strokes)))

    def pen_health(self, pen: Pen, health: Health) -> None:
        self.entries.append(("health", health))

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None:
        self.entries.append(("stopped", stopped))

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None:
        self.entries.append(("gap", (first_missing, first_present)))


class Bench:
    """A running PenLine on a fake pen: `async with Bench(clock) as bench`."""

    def __init__(self, clock: Clock) -> None:
        self.fake = FakePen()
        self.opener = FakeOpener(self.fake)
        self.diary = PenDiary()
        self.line = PenLine(self.opener, clock, HOST_ID, self.diary, random.Random(1))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Bench":
        self._task = asyncio.create_task(self.line.run(), name="pen line")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def end(self) -> None:
        """Cancel the line and wait until it is gone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                raise error
        self.fake.unplug()

    async def pen(self) -> Pen:
        """The pen, once it is up."""
        await self.diary.is_up.wait()
        assert self.line.pen is not None
        return self.line.pen
