"""A working day of eight hours, played to one page as fast as it listens.

Each hour has a session with its own patient: prime, three zones, STOP, a lost cable, alarms, the
end. While needles run views come ten times a second as the controller sends them, at rest every
0.9 s (it sends them more often; a page is stale after 1 s). The page's clock (`clock.js`) jumps
before each view.
"""

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

import msgspec

from controller.console import views
from controller.console.mailbox import MOST_POINTS
from tests.browser import scenes
from tests.browser.mock_controller import MockController, event, head

HOURS = 8
HOUR_S = 3_600.0
AT_REST_S = 0.9
RUNNING_S = 0.1
RETRY_MS = 50
AT_ONCE = 100
"""Steps that are written before the page's reading is waited for."""
PLANNED = (24, 36, 48)
CLOCK = Path(__file__).with_name("clock.js").read_text()


class Step(msgspec.Struct, frozen=True):
    """`jump_s` later the page hears this; None: it hears nothing."""

    jump_s: float
    view: views.View | None


class Day(MockController):
    """Plays steps to the page that listens, then goes on in real time with the last view."""

    def __init__(self) -> None:
        super().__init__(scenes.prepared(), frozenset())
        self.at_s = 0.0
        self._steps: Iterator[Step] = iter(())
        self._played = asyncio.Event()
        self._strip: deque[dict[str, Any]] = deque(maxlen=MOST_POINTS)
        self._text: tuple[views.View, str] | None = None

    async def play(self, steps: Iterable[Step]) -> None:
        """Returns when the last step has been written."""
        self._played.clear()
        self._steps = iter(steps)
        self._changed.set()
        await self._played.wait()

    @property
    def seq(self) -> int:
        """The number of the newest view."""
        return self._seq

    async def stream(self, writer: asyncio.StreamWriter) -> None:
        """As the controller: whoever comes hears the strip of the last 30 s first."""
        self.streams += 1
        writer.write(head(200, "text/event-stream") + b"retry: %d\n\n" % RETRY_MS)
        writer.write(event("strip", {"points": list(self._strip)}))
        while not writer.transport.is_closing() and not self._ended.is_set():
            steps = list(islice(self._steps, AT_ONCE))
            if not steps and not self.is_silent:
                writer.write(self._said(0.0))
            for step in steps:
                self.view = step.view or self.view
                writer.write(self._said(step.jump_s, is_heard=step.view is not None))
            await writer.drain()
            if not steps:
                self._played.set()
                await self.next_turn()

    def _said(self, jump_s: float, *, is_heard: bool = True) -> bytes:
        self.at_s += jump_s
        said = event("clock", {"ms": jump_s * 1_000}) if jump_s else b""
        if not is_heard:
            return said
        pen = self.view.pen
        if pen is not None and pen.connected and jump_s:
            self._strip.append(self._point(pen))
            said += event("strip", {"points": [self._strip[-1]]})
        self._seq += 1
        wall = json.dumps(scenes.wall(self.at_s))
        text = f'{{"seq":{self._seq},"now_wall":{wall},{self._rest()}'
        return said + f"event: view\ndata: {text}\n\n".encode()

    def _rest(self) -> str:
        """All of the view but number and time; made once for each view."""
        if self._text is None or self._text[0] is not self.view:
            fields = self.view.model_dump(mode="json", exclude={"seq", "now_wall"})
            self._text = (self.view, json.dumps(fields)[1:])
        return self._text[1]

    def _point(self, pen: views.PenView) -> dict[str, Any]:
        session = self.view.session
        return views.StripPoint(
            mono_s=round(self.at_s, 3),
            dose_nl=0.0 if session is None else session.zones[0].certain_nl,
            cadence_hz=pen.cadence_hz,
            protrusion_um=pen.protrusion_reached_um,
            contact=pen.flags.contact,
            trigger=pen.flags.trigger,
        ).model_dump()


# --- the hours ---------------------------------------------------------------------------------


def between(seconds: float) -> Iterator[Step]:
    """Between two sessions, with the pen at rest."""
    yield from lasting(scenes.prepared(), seconds)


def first_half(hour: int) -> Iterator[Step]:
    """Prime, the first zone, and a stop in its middle; the alarm stays."""
    yield from lasting(of_hour(scenes.unprimed(), hour), 120)
    yield from lasting(of_hour(scenes.ready(), hour), 300)
    yield from strokes(hour, range(11))
    yield from lasting(of_hour(scenes.stopped((10, 0, 0)), hour), 90)


def second_half(hour: int) -> Iterator[Step]:
    """The cable is pulled and comes back; then all zones to their end."""
    yield from lasting(of_hour(scenes.ready((10, 0, 0)), hour), 60)
    yield from lasting(of_hour(scenes.unplugged((10, 0, 0)), hour), 45)
    yield from lasting(of_hour(scenes.back_again((10, 0, 0)), hour), 45)
    yield from strokes(hour, range(10, sum(PLANNED)))
    yield from lasting(of_hour(scenes.ready(PLANNED), hour), 300)


def strokes(hour: int, punctures: Iterable[int]) -> Iterator[Step]:
    """Three punctures a second; each is seen in three views."""
    for count in punctures:
        view = of_hour(scenes.running(_spread(count)), hour)
        yield from (Step(RUNNING_S, view) for _ in range(3))


def lasting(view: views.View, seconds: float) -> Iterator[Step]:
    """The same situation, again and again."""
    return (Step(AT_REST_S, view) for _ in range(ceil(seconds / AT_REST_S)))


def of_hour(view: views.View, hour: int) -> views.View:
    """The session of this hour: another patient, another number."""
    if view.session is None:
        return view
    names = {"id": f"s-hour-{hour}", "patient": f"demo-{hour:04}"}
    return view.model_copy(update={"session": view.session.model_copy(update=names)})


def _spread(count: int) -> tuple[int, int, int]:
    made, left = [], count
    for planned in PLANNED:
        made.append(min(planned, left))
        left -= made[-1]
    return made[0], made[1], made[2]
