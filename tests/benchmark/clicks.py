"""A finger on the page: what a touch of STOP takes to the pty, to the pen's echo, to the eye.

The touch is an input event of the browser (DevTools `Input.dispatchTouchEvent`), sent from outside;
its time is the moment before it is sent. The page's clock and ours are brought together by asking
the page for its own: it answered between the question and the answer.
"""

import asyncio
import random
import time
from typing import Any, Final

import msgspec

from tests.benchmark.room import Arrival, Room
from tests.browser.chromium import Page
from tests.support.processes import until

BETWEEN_S: Final = (0.05, 0.25)
ECHO_WITHIN_S: Final = 2.0
QUESTIONS: Final = 200

_WATCH: Final = """(() => {
    const stop = document.getElementById('stop');
    const mark = document.getElementById('mark');
    window.seen = {};
    addEventListener('pointerdown', () => { seen.felt_ms = performance.now(); }, true);
    mark.addEventListener('pointerdown', async () => {
        const answer = await fetch('/icon.svg', { cache: 'no-store' });
        await answer.text();
        seen.answered_ms = performance.now();
        seen.done();
    });
    new MutationObserver(() => {
        if (stop.dataset.state !== 'confirmed') return;
        seen.answered_ms = performance.now();
        requestAnimationFrame(() => setTimeout(() => {
            seen.shown_ms = performance.now();
            seen.said = document.getElementById('stop-said').innerText;
            seen.done();
        }, 0));
    }).observe(stop, { attributes: true, attributeFilter: ['data-state'] });
})()"""
_EXPECT: Final = "seen.wait = new Promise((done) => { seen.done = done; }); 1"
_TAKE: Final = "seen.wait.then(() => ({ ...seen, wait: 0 }))"


class Touch(msgspec.Struct, frozen=True):
    """Milliseconds after one touch. A bare request has no pen and shows nothing."""

    felt_ms: float
    answered_ms: float
    sent_ms: float = 0.0
    echoed_ms: float = 0.0
    shown_ms: float = 0.0


class Finger:
    """Touches one page of a room that is tapped. `start` comes first."""

    def __init__(self, page: Page, room: Room) -> None:
        assert room.tapped is not None
        self._page = page
        self._tapped = room.tapped
        self._chance = random.Random(1)
        self.clock_error_ms = 0.0
        self._page_began_ms = 0.0

    async def start(self) -> None:
        """Watch the page, and find out what its clock says."""
        await self._page.run(_WATCH)
        earliest_ms, latest_ms = float("-inf"), float("inf")
        for _ in range(QUESTIONS):
            before_ms = time.monotonic_ns() / 1e6
            page_ms = await self._page.run("performance.now()")
            latest_ms = min(latest_ms, time.monotonic_ns() / 1e6 - page_ms)
            earliest_ms = max(earliest_ms, before_ms - page_ms)
        self._page_began_ms = (earliest_ms + latest_ms) / 2
        self.clock_error_ms = (latest_ms - earliest_ms) / 2

    async def bare(self) -> Touch:
        """Touch what does nothing but fetch a small file: the floor."""
        touched_ms, seen = await self._touch("mark")
        return Touch(*(self._since(touched_ms, seen[key]) for key in ("felt_ms", "answered_ms")))

    async def stop(self) -> Touch:
        """Touch STOP. Raises TimeoutError when the pen does not echo it."""
        known = set(self._tapped.arrivals)
        touched_ms, seen = await self._touch("stop")
        arrival = await self._arrival(known)
        return Touch(
            felt_ms=self._since(touched_ms, seen["felt_ms"]),
            answered_ms=self._since(touched_ms, seen["answered_ms"]),
            sent_ms=arrival.sent_ns / 1e6 - touched_ms,
            echoed_ms=arrival.echoed_ns / 1e6 - touched_ms,
            shown_ms=self._since(touched_ms, seen["shown_ms"]),
        )

    # --- inside --------------------------------------------------------------------------------

    async def _touch(self, element: str) -> tuple[float, dict[str, Any]]:
        """When it was touched, by our clock, and what the page saw of it, by its own."""
        place = await self._page.run(
            f"(() => {{ const box = document.getElementById('{element}').getBoundingClientRect();"
            " return { x: box.x + box.width / 2, y: box.y + box.height / 2 }; })()"
        )
        await self._page.run(_EXPECT)
        await asyncio.sleep(self._chance.uniform(*BETWEEN_S))
        touched_ms = time.monotonic_ns() / 1e6
        await self._page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[place])
        await self._page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        return touched_ms, await self._page.run(_TAKE)

    def _since(self, touched_ms: float, page_ms: float) -> float:
        return self._page_began_ms + page_ms - touched_ms

    async def _arrival(self, known: set[int]) -> Arrival:
        arrivals = self._tapped.arrivals
        await until(lambda: len(arrivals) > len(known), ECHO_WITHIN_S)
        return arrivals[(arrivals.keys() - known).pop()]
