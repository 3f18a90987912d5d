"""Calibrating on the screen with the simulated pen and balance: guide, pad, reload, give up."""

from pathlib import Path

import pytest

from controller.service.switching import SCENARIO
from tests.browser.checks import problems, serious
from tests.browser.chromium import SMALL, Page, open_page
from tests.browser.test_real import SLOWLY_S, served

pytestmark = pytest.mark.real_time("a browser, processes and sockets have no virtual time")

OPEN = "micropen.app.calibration.open"
QUICK = "seconds = 3"
HANDS = "after_us = 5_500_000\n"


def hurry(config: Path) -> None:
    """The check of the balance takes 3 s instead of 30."""
    setup = config / "calibration-setup.toml"
    setup.write_text(setup.read_text().replace("seconds = 30", QUICK).replace("18_000", "2_000"))
    scenario = config / "simulator" / SCENARIO
    before, table, after = scenario.read_text().partition("[technician]\n")
    assert table
    scenario.write_text(before + table + HANDS + after)


async def fit_for_use(page: Page) -> None:
    assert await problems(page) == []
    assert await serious(page) == []


async def typed(page: Page, *values: str) -> None:
    """Values on the pad of digits, each in its own field."""
    for index, value in enumerate(values):
        await page.tap(f".named:nth-child({index + 1}) input")
        for key in value:
            await page.tap_key(key)


async def test_a_technician_in_training_is_guided_reloads_and_gives_up(
    browser: str, tmp_path: Path
) -> None:
    async with served(tmp_path) as (address, _service), open_page(browser, SMALL) as page:
        hurry(tmp_path / "config")
        await page.goto(address)
        await page.tap_text("Start training")
        await page.until("micropen.app.view.allowed.includes('calibrate')", SLOWLY_S)
        await page.tap("[data-place=calibrate]")
        await page.until("document.querySelector('.begin')")
        await page.picture(tmp_path / "idle.png")
        await fit_for_use(page)

        await page.tap_text("Weigh doses")
        await page.until(f"{OPEN}?.live?.stable", SLOWLY_S)
        assert "Check the balance" in await page.text("main h1")
        await page.until("document.querySelector('.weight .badge').innerText === 'STABLE'")
        await page.until(f"{OPEN}.step.kind === 'prime'", SLOWLY_S)
        await page.picture(tmp_path / "prime.png")
        if await page.run(f"Boolean({OPEN}.question)"):
            await page.tap_text("Done, go on")
        await page.until(f"{OPEN}.question?.kind === 'room'", SLOWLY_S)
        await page.tap_text("Enter the value")
        await fit_for_use(page)
        await typed(page, "20.0", "20.0", "1013", "50")
        await page.picture(tmp_path / "pad.png")
        await page.tap_text("Done")
        await page.until(f"{OPEN}.step.kind === 'weigh'", SLOWLY_S)

        await page.call("Page.reload")
        await page.until("window.micropen?.app?.view", SLOWLY_S)
        await page.tap("[data-place=calibrate]")
        await page.until(f"document.querySelector('.weight .mass') && {OPEN}.live", SLOWLY_S)
        await page.until("document.querySelector('.plot')")
        await page.until(f"{OPEN}.readings[0].kind === 'calibration_weighed'", SLOWLY_S)
        await page.picture(tmp_path / "weigh.png")
        await fit_for_use(page)
        assert "SIMULATED" in await page.text("#mark")

        await page.tap_text("Take again")
        await page.tap_text("A drop stayed")
        await page.until(f"{OPEN}.readings.some((r) => r.text.includes('drop'))", SLOWLY_S)
        await page.tap_text("Give up")
        await page.tap_text("It was for practice")
        await page.until("micropen.app.calibration.last?.outcome === 'aborted'", SLOWLY_S)
        await page.until("document.querySelector('.begin')")
        assert "It was for practice" in await page.text("main")
        await page.picture(tmp_path / "closed.png")
        await fit_for_use(page)
        assert [c for c in page.complaints() if "ERR_" not in c] == []
