"""A technician at the page: reads what it shows, and touches what it offers, in either language.

Buttons are found by their words. Values go in by the keys on the screen the first time, then by a
keyboard, which is quicker.
"""

import json
from functools import cache
from pathlib import Path

from controller.console.routes_page import PAGE
from tests.browser.bench_room import BenchRoom
from tests.browser.checks import problems, serious
from tests.browser.chromium import Page
from tests.support.screen import PIN

LIVE = "window.micropen?.app?.view && !document.body.hasAttribute('data-stale')"
PATIENCE_S = 40.0
CLOSED = "document.querySelector('.begin')"
MAIN = ".calibrate .acts .main:not(:disabled)"
ASKED = (
    f"(document.querySelector('{MAIN}') && "
    "[...document.querySelectorAll('.calibrate :is(.top, .asked:not([hidden]))')]"
    ".map((node) => node.innerText).join(' | '))"
)
"""Step, count and question; nothing while nothing is asked."""
NO_PANEL = "document.getElementById('panel').hidden"
ROOM: tuple[str, ...] = ("20.0", "20.0", "1013", "50")
ENGLISH = r"/\b(the|of|and|is|are|not|with|must|by|there|steps|doses)\b/"
"""Words that no German sentence has."""


@cache
def words(language: str) -> dict[str, str]:
    """Every text of the page."""
    found: dict[str, str] = {}
    for name in (f"{language}.json", f"calibrate.{language}.json"):
        found |= json.loads((PAGE / "texts" / name).read_text())
    return found


class Technician:
    """`pictures` is where each view that was looked at is kept."""

    def __init__(self, page: Page, room: BenchRoom, language: str, pictures: Path) -> None:
        self.page = page
        self.room = room
        self.say = words(language)
        self.asked: list[str] = []
        self._language = language
        self._pictures = pictures
        self._looked: set[str] = set()
        self._has_typed = False
        self._has_looked_twice = False

    # --- looking ---------------------------------------------------------------------------------

    async def arrive(self, address: str) -> None:
        """Open the page in this person's language."""
        chosen = f"localStorage.setItem('micropen-language', '{self._language}')"
        await self.page.call("Page.addScriptToEvaluateOnNewDocument", source=chosen)
        await self.page.goto(address)
        await self.page.until(LIVE)

    async def look(self, name: str) -> None:
        """Everything seen is fit for use, and in the language spoken. Once for each name."""
        if name in self._looked:
            return
        self._looked.add(name)
        await self.page.picture(self._pictures / f"{len(self._looked):02}_{name}.png")
        wrong = [*await problems(self.page), *await serious(self.page)]
        if self._language != "en":
            wrong += await self._left_in_english()
        assert wrong == [], f"{name}: {wrong}"

    async def _left_in_english(self) -> list[str]:
        lines = "document.body.innerText.split('\\n')"
        return list(await self.page.run(f"{lines}.filter((line) => {ENGLISH}.test(line))"))

    async def sees(self, *keys: str) -> None:
        """Wait until the view says all of this."""
        for key in keys:
            text = json.dumps(self.say.get(key, key))
            await self.page.until(f"document.getElementById('main').innerText.includes({text})")

    # --- touching --------------------------------------------------------------------------------

    async def touch(self, key: str, **values: str) -> None:
        """Touch the button with this text."""
        text = self.say[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        await self.page.tap_text(text)

    async def log_in(self, name: str) -> None:
        """By the button at the top."""
        await self.page.tap("#doors button")
        await self.pin_of(name)
        shown = f"document.getElementById('doors').innerText.includes('{name}')"
        await self.page.until(f"{shown} && {NO_PANEL}")

    async def pin_of(self, name: str) -> None:
        """A person and the own PIN on the pad that is open."""
        await self.page.tap(f"[data-person={name}]")
        for key in PIN:
            await self.page.tap_key(key)
        await self.page.tap_key("✓")

    async def begin(self, procedure: str) -> None:
        """Begin a calibration; returns once its guide is seen."""
        await self.touch(f"calibrate.begin_{procedure}")
        await self.page.until("document.querySelector('.calibrate-body')")

    async def until(self, condition: str) -> None:
        """Answer whatever is asked until something is so."""
        before = ""
        while True:
            asked = f"{ASKED} && {ASKED} !== {json.dumps(before)}"
            await self.page.until(f"({condition}) || ({asked})", PATIENCE_S)
            if await self.page.run(f"Boolean({condition})"):
                return
            before = await self.page.run(ASKED)
            await self.answer()

    def offers(self, key: str) -> str:
        """The condition that this is what to touch."""
        text = json.dumps(self.say[key])
        return f"document.querySelector('{MAIN}')?.innerText.includes({text})"

    async def reply(self, key: str) -> None:
        """Answer the question that offers this; returns once it is gone."""
        await self.until(self.offers(key))
        await self.look(f"asked {key}")
        await self.touch(key)
        await self.page.until(f"!({self.offers(key)})")

    async def answer(self) -> None:
        """Answer the question that is shown."""
        label = await self.page.text(MAIN)
        asked = await self.page.text(".asked")
        await self.look(f"asked-{len(set(self.asked) - {asked})}")
        self.asked.append(asked)
        await self.page.tap(MAIN)
        if label == self.say["calibrate.enter"]:
            await self._enter()

    async def _enter(self) -> None:
        values, unit = ROOM, "do.done"
        if await self.page.run("document.querySelectorAll('.named').length") == 1:
            await self._once_more()
            values, unit = (str(await self.room.indicated_um()),), "calibrate.send_unit"
        for index, value in enumerate(values):
            await self.page.tap(f".named:nth-child({index + 1}) input")
            if self._has_typed:
                await self.page.call("Input.insertText", text=value)
            for key in () if self._has_typed else value:
                await self.page.tap_key(key)
        self._has_typed = True
        await self.look(f"pad-{len(values)}")
        await self.touch(unit, unit="µm")
        await self.page.until(NO_PANEL)

    async def _once_more(self) -> None:
        """Have the needle come out again at the first point: the same is asked anew."""
        if self._has_looked_twice:
            return
        self._has_looked_twice = True
        question = "micropen.app.calibration.open.question?.id"
        before = await self.page.run(question)
        await self.touch("calibrate.touch_again")
        await self.page.until(f"{question} > {before}")
        await self.page.tap(MAIN)
