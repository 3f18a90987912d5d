"""Tells every listening page what is true now: ten times a second while a pen is linked, else two.

Runs on the controller's loop and never waits for a page: each has a bounded mailbox.
"""

import asyncio
from collections import deque

from controller.console.errors import TooManyPages
from controller.console.mailbox import MOST_POINTS, STRIP_HZ, Mailbox
from controller.console.picture import Picture
from controller.console.views import StripPoint
from controller.session.states import Act, State

PERIOD_S = 1 / STRIP_HZ
AT_LEAST_EVERY_S = 0.5
MOST_PAGES = 4
"""A browser holds six connections to one address: two stay free, for an act and for STOP."""


UNWATCHED_S = 5.0
"""A page that is loaded again is back by then on a slow machine (engineering estimate)."""


class Publisher:
    """The pages that listen, and the strip of the last 30 s.

    When the last one goes while an arm runs, nobody sees what is given and nobody can press STOP
    here: the arm is paused, as a terminal that is gone stops the pen (`controller/service/keys`).
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._boxes: list[Mailbox] = []
        self._strip: deque[StripPoint] = deque(maxlen=MOST_POINTS)
        self._told_mono_s = float("-inf")
        self._watched_mono_s: float | None = None
        self.turns = 0

    @property
    def boxes(self) -> tuple[Mailbox, ...]:
        """One for each page that listens."""
        return tuple(self._boxes)

    def listen(self, box: Mailbox) -> None:
        """Send to this page from now on. Raises TooManyPages."""
        self._boxes = [each for each in self._boxes if not each.is_closed]
        if len(self._boxes) >= MOST_PAGES:
            raise TooManyPages(f"{MOST_PAGES} pages listen already.")
        box.add(*self._strip)
        self._boxes.append(box)
        self._picture.renew()
        box.put_calibration(self._calibration())
        self._tell(box)

    def leave(self, box: Mailbox) -> None:
        """This page is gone."""
        box.close()
        self._boxes = [each for each in self._boxes if each is not box]

    def close(self) -> None:
        """The service ends: every page's stream ends too."""
        for box in self._boxes:
            box.close()
        self._boxes = []

    def soon(self) -> None:
        """Something changed that a person waits for: the next turn tells it."""
        self._told_mono_s = float("-inf")

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self.turn()
            await asyncio.sleep(PERIOD_S)

    def turn(self) -> None:
        """One tick: the strip goes on, and whoever listens is told when it is time."""
        self.turns += 1
        self._pause_unwatched()
        point = self._picture.point()
        if point is not None:
            self._strip.append(point)
        now_mono_s = self._picture.parts.room.clock.mono_s()
        is_live = point is not None
        if not self._boxes or not (is_live or now_mono_s - self._told_mono_s >= AT_LEAST_EVERY_S):
            return
        self._told_mono_s = now_mono_s
        self._picture.renew()
        calibration = self._calibration()
        for box in self._boxes:
            box.put_calibration(calibration)
            if point is not None:
                box.add(point)
            self._tell(box)

    def _calibration(self) -> bytes:
        return self._picture.parts.room.calibration.view().model_dump_json().encode()

    def _pause_unwatched(self) -> None:
        room = self._picture.parts.room
        now_mono_s = room.clock.mono_s()
        if any(not box.is_closed for box in self._boxes):
            self._watched_mono_s = now_mono_s
        elif self._watched_mono_s is not None and now_mono_s - self._watched_mono_s > UNWATCHED_S:
            self._watched_mono_s = None
            if room.engine.state is State.RUNNING:
                room.engine.finish(Act.PAUSE, "no page of the screen listens any more")

    def _tell(self, box: Mailbox) -> None:
        box.put(self._picture.view(box.token).model_dump_json().encode())
