"""The treatment-room screen: `python -m tests.benchmark.screen`. Needs Chromium.

`micropen serve` as it ships, a simulated pen on a pty, the page in a real Chromium at 800x480.
STOP from the touch to the pty, to the pen's echo and to the eye, at rest and while the needles run
at 150 Hz; floor: a touch that fetches a small file. Then processor time and memory of controller
and page at 150 Hz; floor: the same with no page open.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import psutil

from tests.benchmark.clicks import Finger, Touch
from tests.benchmark.figures import Meter, Usage, percentile, show
from tests.benchmark.room import Room, room
from tests.browser.chromium import SMALL, chromium, open_page

SETTLE_S: Final = 2.0
PAGES: Final = (0, 1, 3)
STAGES: Final = 5
TRIES: Final = 6
BYTES_A_MB: Final = 1_048_576
LIVE: Final = "window.micropen?.app?.view && !document.body.hasAttribute('data-stale')"


class Load(msgspec.Struct, frozen=True):
    """What one count of open pages costs. `renderers` and `browser`: sums over their processes.

    Memory of the browser is proportional (PSS): its processes share most of their pages.
    """

    pages: int
    controller: Usage
    renderers: tuple[float, float]
    browser: tuple[float, float]
    strokes_a_second: float


# --- STOP --------------------------------------------------------------------------------------


async def stops(where: Room, browser: str, idle: int, running: int) -> list[tuple[str, ...]]:
    """Rows: floor and STOP, at rest and at 150 Hz."""
    found: dict[str, list[Touch]] = {}
    async with open_page(browser, SMALL) as page:
        await page.goto(f"{where.address}/")
        await page.call("Network.disable")  # DevTools' own copy of every event
        await page.until(LIVE, 30)
        finger = Finger(page, where)
        await finger.start()
        found["floor, at rest"] = [await finger.bare() for _ in range(idle)]
        clear = _in_thread(where.clear)
        found["STOP, at rest"] = await _often(idle, _nothing, finger.stop, clear)
        await asyncio.to_thread(where.start_session)
        treat = _in_thread(where.treat)
        found["STOP at 150 Hz"] = await _often(running, treat, finger.stop, clear)
        await treat()
        found["floor at 150 Hz"] = [await finger.bare() for _ in range(running)]
        complaints = page.complaints()
    if complaints:
        raise RuntimeError(f"The page complained: {complaints}")
    sys.stdout.write(f"page's clock known to {finger.clock_error_ms:.2f} ms\n")
    return [_row(name, touches) for name, touches in sorted(found.items(), key=_by_load)]


async def _often(
    count: int,
    before: Callable[[], Awaitable[None]],
    touch: Callable[[], Awaitable[Touch]],
    after: Callable[[], Awaitable[None]],
) -> list[Touch]:
    touches = []
    for _ in range(count):
        await before()
        touches.append(await touch())
        await after()
    return touches


def _in_thread(work: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    return lambda: asyncio.to_thread(work)


async def _nothing() -> None:
    """At rest a stop needs no preparation."""


def _by_load(item: tuple[str, list[Touch]]) -> tuple[bool, bool]:
    return "150" in item[0], "STOP" in item[0]


def _row(name: str, touches: list[Touch]) -> tuple[str, ...]:
    stages: list[list[float]] = [[each.felt_ms for each in touches]]
    stages.append([each.answered_ms - each.felt_ms for each in touches])
    if any(each.sent_ms for each in touches):
        stages.append([each.sent_ms - each.felt_ms for each in touches])
        stages += [[each.echoed_ms for each in touches], [each.shown_ms for each in touches]]
    cells = [f"{percentile(stage, share):.1f}" for stage in stages for share in (0.5, 0.99)]
    return name, str(len(touches)), *cells, *[""] * (2 * STAGES - len(cells))


# --- processor and memory ----------------------------------------------------------------------


async def load(where: Room, browser: str, count: int, seconds: float) -> Load:
    """Controller and browser with `count` pages open, in one treatment at 150 Hz."""
    await asyncio.to_thread(where.start_session)
    async with AsyncExitStack() as pages:
        for _ in range(count):
            page = await pages.enter_async_context(open_page(browser, SMALL))
            await page.goto(f"{where.address}/")
            await page.call("Network.disable")  # DevTools' own copy of every event
            await page.until(f"{LIVE} && micropen.app.place === 'treat'", 30)
        for _ in range(TRIES):
            await asyncio.to_thread(where.treat)
            await asyncio.sleep(SETTLE_S)
            found, why = await _load(where, count, seconds)
            if not why:
                return found
            sys.stdout.write(f"measured again, the arm had ended: {', '.join(why)}\n")
    raise RuntimeError(f"The needles did not run for {seconds:.0f} s; see above.")


async def _load(where: Room, count: int, seconds: float) -> tuple[Load, list[str]]:
    """The load, and what ended the arm meanwhile: on a busy machine its lease lapses."""
    before = where.ask("/api/state")
    controller = Meter(where.controller_pid)
    renderers, browser = _meters(is_renderer=True), _meters(is_renderer=False)
    await asyncio.sleep(seconds)
    usage = controller.usage()
    sums = _sum(renderers), _sum(browser)
    after = where.ask("/api/state")
    ended = after["session"]["state"] != "running"
    why = [alarm["sentence"] for alarm in after["alarms"]] or ["no alarm says why"]
    strokes = after["session"]["zones"][0]["punctures"] - before["session"]["zones"][0]["punctures"]
    return Load(count, usage, *sums, strokes / seconds), why if ended else []


def _meters(*, is_renderer: bool) -> dict[psutil.Process, Meter]:
    """Of the browser's processes, those that render pages, or all others."""
    children = [(each, each.cmdline()) for each in psutil.Process().children(recursive=True)]
    browser = [(each, line) for each, line in children if line and "chrom" in line[0]]
    return {
        each: Meter(each.pid)
        for each, line in browser
        if ("--type=renderer" in line) is is_renderer
    }


def _sum(meters: dict[psutil.Process, Meter]) -> tuple[float, float]:
    """Percent of a core, and proportional memory in MB."""
    percent = sum(meter.usage().cpu_percent for meter in meters.values())
    return percent, sum(each.memory_full_info().pss for each in meters) / BYTES_A_MB


# --- all ---------------------------------------------------------------------------------------


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.screen")
    parser.add_argument("--idle", type=int, default=100, help="touches at rest")
    parser.add_argument("--running", type=int, default=50, help="touches at 150 Hz, <= 80")
    parser.add_argument("--no-stops", action="store_true", help="only the loads")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each load, <= 50")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="micropen-bench-") as name:
        folder = Path(name)
        with chromium(folder) as browser:
            _show_load_average()
            if not given.no_stops:
                with room(folder / "stops", tapped=True) as where:
                    rows = asyncio.run(stops(where, browser, given.idle, given.running))
                _show_stops(rows)
                _show_load_average()
            found = []
            for count in PAGES:
                with room(folder / f"pages-{count}", tapped=False) as where:
                    found.append(asyncio.run(load(where, browser, count, given.seconds)))
            _show_loads(found)
            _show_load_average()


def _show_load_average() -> None:
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    sys.stdout.flush()


def _show_stops(rows: list[tuple[str, ...]]) -> None:
    marks = ("felt", "felt to answer", "felt to pty", "touch to pen's echo", "touch to shown")
    headings = [f"{mark} {p}" for mark in marks for p in ("p50", "p99")]
    show("STOP, milliseconds", ("", "touches", *headings), rows)


def _show_loads(found: list[Load]) -> None:
    floor = found[0].controller.cpu_percent
    headings = ("pages", "controller %", "x floor", "RSS MB", "renderers %", "PSS MB")
    show(
        "At 150 Hz, % of a core",
        (*headings, "rest of the browser %", "PSS MB", "strokes/s"),
        [
            (
                str(load.pages),
                f"{load.controller.cpu_percent:.1f}",
                f"{load.controller.cpu_percent / floor:.2f}",
                f"{load.controller.rss_mb:.0f}",
                *(f"{figure:.1f}" for figure in (*load.renderers, *load.browser)),
                f"{load.strokes_a_second:.0f}",
            )
            for load in found
        ],
    )


if __name__ == "__main__":
    main()
