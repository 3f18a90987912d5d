"""STOP on the screen: by touch and key, when all else is broken, and with a page that is stale."""

import re

import pytest

from tests.browser import scenes
from tests.browser.chromium import SMALL, open_page
from tests.browser.mock_controller import mock_controller
from tests.browser.test_session import BOTH, load

pytestmark = pytest.mark.real_time("a browser has no virtual time")

SOON_MS = 2_000
"""A touch and its answer on one machine, however busy."""
STATE = "document.getElementById('stop').dataset.state"


@BOTH
@pytest.mark.hazard("H34")
async def test_a_touch_stops_and_says_how_fast(browser: str, size: tuple[int, int]) -> None:
    async with mock_controller(scenes.running()) as mock, open_page(browser, size) as page:
        await load(page, mock)
        await page.tap("#stop")
        await page.until(f"{STATE} === 'confirmed'")
        shown = re.search(r"(\d+) ms", await page.text("#stop"))
        assert shown is not None
        assert int(shown[1]) < SOON_MS
        assert mock.asked("/api/stop") == [{}]


@pytest.mark.parametrize("key", [" ", "s"])
async def test_a_key_stops(browser: str, key: str) -> None:
    async with mock_controller(scenes.running()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.run("document.querySelector('[data-place=history]').focus()")
        await page.key(key, key)
        await page.until(f"{STATE} === 'confirmed'")
        assert mock.asked("/api/stop") == [{}]
        assert await page.run("micropen.app.place") == "treat"


async def test_the_keys_are_letters_in_a_text_field(browser: str) -> None:
    async with mock_controller(scenes.prepared()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.tap("[data-step=patient]")
        await page.tap_text("Patient's pseudonym")
        await page.key("s", "s")
        await page.until("document.querySelector('#panel input').value === 's'")
        assert mock.asked("/api/stop") == []


@pytest.mark.hazard("H34")
@pytest.mark.parametrize("missing", ["main.js", "texts/en.json", "frame.css"])
async def test_it_works_when_the_rest_of_the_page_is_broken(browser: str, missing: str) -> None:
    broken = mock_controller(scenes.running(), missing=frozenset({missing}))
    async with broken as mock, open_page(browser, SMALL) as page:
        await page.goto(mock.address)
        await page.tap("#stop")
        await page.until(f"{STATE} === 'confirmed'")
        assert mock.asked("/api/stop") == [{}]


async def test_it_works_with_a_stale_page_and_every_panel_open(browser: str) -> None:
    async with mock_controller(scenes.running()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.tap("#doors button")
        mock.is_silent = True
        await page.until("document.body.hasAttribute('data-stale')")
        await page.tap("#stop")
        await page.until(f"{STATE} === 'confirmed'")


@pytest.mark.hazard("H35")
async def test_what_did_not_leave_is_sent_again(browser: str) -> None:
    """The controller is gone, and comes back: the STOP that was pressed meanwhile arrives."""
    async with mock_controller(scenes.running()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        await page.tap("#stop")
        await page.until(f"{STATE} === 'failed'")
        assert "NOT SENT" in await page.text("#stop")
        assert mock.asked("/api/stop") == []
        await page.call(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )
        await page.until(f"{STATE} === 'confirmed'")
        assert len(mock.asked("/api/stop")) == 1


@pytest.mark.hazard("H35")
async def test_a_stop_that_the_pen_did_not_confirm_says_so(browser: str) -> None:
    async with mock_controller(scenes.running()) as mock, open_page(browser, SMALL) as page:
        mock.stop_answer = (200, {"stop_id": "00" * 8, "latency_ms": None})
        await load(page, mock)
        await page.tap("#stop")
        await page.until(f"{STATE} === 'waiting'")
        assert "not confirmed" in await page.text("#stop")


@pytest.mark.hazard("H34")
async def test_stop_finds_a_free_connection_while_requests_hang(browser: str) -> None:
    """A browser opens six connections to one address; the page leaves STOP some of them."""
    async with mock_controller(scenes.prepared()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        mock.hangs = True
        await page.run("for (let i = 0; i < 20; i += 1) micropen.app.read('/api/plans'); 1")
        await mock.until_hanging(2)
        await page.tap("#stop")
        await page.until(f"{STATE} === 'confirmed'")
        mock.hangs = False


@BOTH
@pytest.mark.hazard("H44")
async def test_no_event_for_a_second_makes_the_page_stale(
    browser: str, size: tuple[int, int]
) -> None:
    """A banner over the full width; what was live is greyed out and cannot be acted on."""
    async with mock_controller(scenes.ready()) as mock, open_page(browser, size) as page:
        await load(page, mock)
        mock.is_silent = True
        await page.until("document.body.hasAttribute('data-stale')", within_s=3)
        box = "document.getElementById('stale').getBoundingClientRect()"
        assert [await page.run(f"{box}.{side}") for side in ("left", "right")] == [0, size[0]]
        assert "NOTHING HEARD" in await page.text("#stale")
        grey = await page.run("getComputedStyle(document.querySelector('.dose')).color")
        assert grey == "rgb(90, 102, 110)"
        assert await page.run("document.querySelector('[data-act=treat]').disabled") is True
        mock.is_silent = False
        mock.show(scenes.ready((3, 0, 0)))
        await page.until("!document.body.hasAttribute('data-stale')")
        await page.until("!document.querySelector('[data-act=treat]').disabled")


async def test_the_same_view_again_is_no_news(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        mock.is_frozen = True
        await page.until("document.body.hasAttribute('data-stale')", within_s=3)


async def test_a_page_that_never_heard_anything_is_stale(browser: str) -> None:
    async with mock_controller() as mock, open_page(browser, SMALL) as page:
        mock.is_silent = True
        await page.goto(mock.address)
        await page.until("window.micropen")
        assert await page.run("document.body.hasAttribute('data-stale')") is True
