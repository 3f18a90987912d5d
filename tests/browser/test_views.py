"""Every view at both sizes can be seen, touched with gloves, heard, and leaves STOP where it is."""

import pytest

from tests.browser import scenes
from tests.browser.checks import problems, serious, stop_box
from tests.browser.chromium import LARGE, SMALL, Page
from tests.browser.gallery import ROOMS, visit

pytestmark = pytest.mark.real_time("a browser has no virtual time")

STOP_MM = 20
SCREEN_IN = 7
MM_AN_INCH = 25.4
EXPECTED = ("status of 4", "status of 5")
"""The browser notes refusals that a scene asks for."""


def millimetres(px: float, size: tuple[int, int]) -> float:
    """Length on a 7 inch screen."""
    px_an_inch = (size[0] ** 2 + size[1] ** 2) ** 0.5 / SCREEN_IN
    return float(px / px_an_inch * MM_AN_INCH)


@pytest.mark.hazard("H47")
@pytest.mark.parametrize("name", ROOMS)
async def test_a_view_is_fit_for_use(browser: str, name: str) -> None:
    """At both sizes, in German, whose words are longer."""

    async def look(page: Page) -> None:
        for size in (SMALL, LARGE):
            await page.resize(size)
            assert await problems(page) == []
            box = await stop_box(page)
            assert (box["right"], box["bottom"]) == (8, 8)
            assert millimetres(box["width"], size) >= STOP_MM
            assert millimetres(box["height"], size) >= STOP_MM
            assert await marked(page) is ROOMS[name][0]().simulated
        assert await serious(page) == []
        complaints = [c for c in page.complaints() if not any(word in c for word in EXPECTED)]
        assert complaints == []

    await visit(browser, SMALL, name, look, language="de")


async def marked(page: Page) -> bool:
    """Whether the mark of a simulated pen is seen."""
    return bool(await page.run("document.getElementById('mark').getClientRects().length"))


async def test_what_is_wrong_is_noticed(browser: str) -> None:
    """A button that is small, cut off or without a name, pale text, a cover over STOP."""

    async def look(page: Page) -> None:
        await page.run(
            """(() => {
            const bad = document.createElement('div');
            const small = document.createElement('button');
            small.textContent = 'cut off';
            small.style.whiteSpace = 'nowrap';
            small.style.overflow = 'hidden';
            for (const [name, value] of Object.entries({ minHeight: '20px', minWidth: '20px',
                width: '20px', height: '20px' })) small.style[name] = value;
            const nameless = document.createElement('button');
            const pale = document.createElement('p');
            pale.textContent = 'pale';
            pale.style.color = '#ccc';
            const cover = document.createElement('div');
            for (const [name, value] of Object.entries({ position: 'fixed', right: '0', bottom: '0',
                width: '300px', height: '300px', zIndex: '2000' })) cover.style[name] = value;
            bad.append(small, nameless, pale);
            document.getElementById('main').prepend(bad);
            document.body.append(cover);
            })()"""
        )
        kinds = {line.split(":")[0] for line in await problems(page)}
        assert {"targets", "contrast", "labels", "covered", "clipped"} <= kinds
        assert "button-name" in str(await serious(page))

    await visit(browser, SMALL, "01_first_run", look)


async def test_every_region_of_the_limits_is_on_the_face(browser: str) -> None:
    async def look(page: Page) -> None:
        drawn = await page.run(
            "[...document.querySelectorAll('.face [data-region]')].map((g) => g.dataset.region)"
        )
        assert scenes.regions() <= set(drawn)

    await visit(browser, SMALL, "02_plan", look)
