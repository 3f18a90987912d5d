"""Alarms are seen at the lawful rates and heard in the lawful bursts, until acknowledged."""

from itertools import pairwise

import pytest

from controller.console import views
from tests.browser import scenes
from tests.browser.chromium import SMALL, Page, open_page
from tests.browser.mock_controller import MockController, mock_controller
from tests.browser.test_session import load

pytestmark = pytest.mark.real_time("a browser has no virtual time")

PRIORITIES: tuple[views.Priority, ...] = ("high", "medium", "low")
RATES_HZ = {"high": (1.4, 2.8), "medium": (0.4, 0.8)}
"""domain.md 4.1: flash rates of IEC 60601-1-8."""


@pytest.mark.hazard("H44")
@pytest.mark.parametrize("reduced", [False, True], ids=["plain", "reduced-motion"])
async def test_alarms_flash_at_the_lawful_rate(browser: str, reduced: bool) -> None:
    """Also where motion is to be reduced; low does not flash at all, and nor does what was seen."""
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        if reduced:
            wish = [{"name": "prefers-reduced-motion", "value": "reduce"}]
            await page.call("Emulation.setEmulatedMedia", features=wish)
        await load(page, mock)
        for priority in PRIORITIES:
            alarm = scenes.alarm(priority)
            mock.show(scenes.ready().model_copy(update={"alarms": [alarm]}))
            bar = "document.getElementById('alarm-bar')"
            await page.until(f"{bar}.dataset.priority === '{priority}' && !{bar}.hidden")
            period_s = await flash_period_s(page)
            if priority == "low":
                assert period_s is None
            else:
                slowest, fastest = RATES_HZ[priority]
                assert period_s is not None
                assert slowest <= 1 / period_s <= fastest
            seen = scenes.alarm(priority, acknowledged=True)
            mock.show(scenes.ready().model_copy(update={"alarms": [seen]}))
            await page.until("!document.querySelector('#alarm-bar.flashing')")
            assert await flash_period_s(page) is None


async def flash_period_s(page: Page) -> float | None:
    """Of the alarm bar; None when it shines steadily."""
    style = "getComputedStyle(document.getElementById('alarm-bar'))"
    if await page.run(f"{style}.animationName") == "none":
        return None
    return float((await page.run(f"{style}.animationDuration")).rstrip("s"))


PULSES = {"high": 10, "medium": 3, "low": 1}


@pytest.mark.hazard("H44")
async def test_bursts_have_the_lawful_pulses(browser: str) -> None:
    """domain.md 4.1: high 3+2 and 3+2 pulses, medium 3, low 1; the highest sounds, once touched."""
    async with mock_controller(scenes.many_alarms()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        for priority, pulses in PULSES.items():
            script = f"import('/alarm_sound.js').then((m) => m.burst('{priority}'))"
            burst = await page.run(script)
            assert len(burst) == pulses
            assert all(end > start for start, end in burst)
        high = await page.run("import('/alarm_sound.js').then((m) => m.burst('high'))")
        gaps = [later[0] - earlier[1] for earlier, later in pairwise(high)]
        assert max(gaps) == gaps[4]
        assert gaps[2] > gaps[0]
        assert await page.run("micropen.sound.priority") == "high"
        await page.tap("[data-place=alarms]")
        await page.until("micropen.sound.bursts === 1")
        await page.tap_text("Test the alarm sound")
        await page.until("micropen.sound.bursts === 2")


async def test_a_paused_sound_is_silent(browser: str) -> None:
    paused = scenes.many_alarms().model_copy(update={"audio_paused_until_wall": scenes.wall(60)})
    async with mock_controller(paused) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        assert await page.run("micropen.sound.priority") is None
        await silence(page, mock)


async def silence(page: Page, mock: MockController) -> None:
    """Two more views without a burst, though somebody has touched the page."""
    await page.tap("[data-place=alarms]")
    seq = await page.run("micropen.app.view.seq")
    await page.until(f"micropen.app.view.seq > {seq} + 2")
    assert await page.run("micropen.sound.bursts") == 0
