"""Calibrating on the screen, in a real Chromium: whole, up to the certificate that a second person
approves; left, stopped and given up; and begun on the training pen of the real service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.bench_room import bench_room
from tests.browser.chromium import LARGE, SMALL, open_page
from tests.browser.technician import NO_PANEL, Technician
from tests.support.screen import three_people
from tests.support.workshop import Workshop

pytestmark = pytest.mark.real_time("a browser, processes and sockets have no virtual time")

SCREENS = pytest.mark.parametrize(
    ("size", "language"), [(SMALL, "en"), (LARGE, "de")], ids=["800-en", "1280-de"]
)
OPEN = "micropen.app.calibration.open"
REFUSED = "!document.getElementById('notice').hidden"


@asynccontextmanager
async def at_the_bench(
    browser: str, folder: Path, size: tuple[int, int], language: str
) -> AsyncIterator[Technician]:
    """Theo, logged in, at the view for calibrating."""
    async with (
        bench_room(folder, three_people()) as (room, address),
        open_page(browser, size) as page,
    ):
        theo = Technician(page, room, language, folder)
        await theo.arrive(address)
        await theo.log_in("Theo")
        await page.tap("[data-place=calibrate]")
        await page.until("document.querySelector('.begin')")
        yield theo
        assert [c for c in page.complaints() if "status of 4" not in c] == []


@SCREENS
async def test_a_whole_calibration_until_its_certificate_is_in_force(
    browser: str, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    async with at_the_bench(browser, tmp_path, size, language) as theo:
        page = theo.page
        await theo.look("idle")
        for procedure in ("dose", "protrusion", "cadence"):
            await theo.begin(procedure)
            await theo.until_closed()
            await theo.sees(f"calibration.{procedure}", "calibration_outcome.measured")
            await theo.look(f"closed-{procedure}")
        await theo.sees("due.can_issue")

        await theo.touch("certificate.approve")
        await page.until("document.querySelector('[data-person=Ada]')")
        await theo.look("approval")
        await theo.pin_of("Theo")
        await page.until(REFUSED)
        assert "E7090" in await page.text("#notice")
        await theo.look("who measured does not approve")
        await page.tap("#notice button")
        await theo.pin_of("Ada")
        await page.until(NO_PANEL)
        await theo.sees("certificate.last")
        await theo.look("in force")
        issued = await page.text(".list .card strong")
        assert await theo.room.ask(stored) == issued
        for form, start in (("pdf", "%PDF"), ("json", "{")):
            link = f"document.querySelector('a[download$={form}]').href"
            text = await page.run(f"fetch({link}).then((answer) => answer.text())")
            assert text.startswith(start)


async def stored(room: Workshop) -> str:
    """The certificate that the pen stores."""
    pen = room.theatre.engine.pen
    assert pen is not None
    return f"{pen.identity.certificate_id:016x}"
