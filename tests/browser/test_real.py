"""The page against the real controller and the simulated pen: first run, a whole session, STOP,
a pulled cable, a controller that hangs, the record."""

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from controller.service.demo.children import free_port
from tests.browser.chromium import LARGE, SMALL, Page, open_page
from tests.browser.test_session import type_keys
from tests.support.bills import CONFIG
from tests.support.processes import started

pytestmark = pytest.mark.real_time("a browser, processes and sockets have no virtual time")

SLOWLY_S = 30.0
PLAN = """
name = "screen_check"
kind = "micro_dosing"
patient = "demo-0009"
operator = "Demo Operator"
product = "microbotox_24"
cartridge = "single_32g"
syringe_fill_nl = 200_000
prime_nl = 5_000

[[zones]]
name = "left-cheek"
region = "cheek"
punctures = 12
dose_nl = 9_200
protrusion_um = 700
cadence_hz = 3
dwell_us = 100_000

[[zones]]
name = "neck"
region = "neck"
punctures = 2
dose_nl = 9_200
protrusion_um = 750
cadence_hz = 3
dwell_us = 100_000
"""
CABLE = "\n[cable]\nreplug_after_s = 1.0\n"
SESSION = "micropen.app.view.session"


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, psutil.Process]]:
    """`micropen serve` without a pen: the page's address, and the process."""
    config, port = folder / "config", free_port()
    shutil.copytree(CONFIG, config)
    (config / "plans" / "screen_check.toml").write_text(PLAN)
    with (config / "simulator" / "training.toml").open("a") as scenario:
        scenario.write(CABLE)
    line = (sys.executable, "-m", "controller.service", "serve", "--state", str(folder / "state"))
    where = ("--config", str(config), "--port", str(folder / "no-pen"))
    door = ("--listen", f"127.0.0.1:{port}")
    async with started(*line, *where, *door, ready=b"The screen is at") as child:
        process = psutil.Process(child.pid)
        yield f"http://127.0.0.1:{port}/", process
        child.terminate()
        await child.wait()


def pen_of(service: psutil.Process) -> psutil.Process:
    """The simulated pen, a child of the service."""
    (pen,) = (each for each in service.children() if "simulator" in each.cmdline())
    return pen


async def prepare(page: Page) -> None:
    """From the list of plans to the open session."""
    expiry = datetime.now(UTC) + timedelta(days=30)
    await page.tap("[data-plan=screen_check]")
    await page.tap_text("Next")
    await page.tap_text("Lot of the vial")
    await type_keys(page, "T1")
    await page.tap_text("Done")
    await page.tap_text("Expiry date")
    await type_keys(page, f"{expiry:%Y%m%d}")
    await page.tap_text("Done")
    await page.tap_text("When was it mixed?")
    await page.tap_text("just now")
    await page.tap_text("1 h earlier")
    await page.tap_text("Done")
    await page.tap_text("Next")
    await page.tap_text("demo-0009 is in the chair")
    await page.tap("[data-step=checks]")
    await page.until("document.querySelectorAll('.check[data-ok=true]').length >= 4", SLOWLY_S)
    await page.tap("[data-step=limits]")
    await page.tap_text("open the session", SLOWLY_S)
    await page.until(f"{SESSION}?.state === 'ready'", SLOWLY_S)


async def given(page: Page, punctures: int) -> None:
    """Wait until the first zone has got so many punctures, as the screen shows it."""
    await page.until(f"{SESSION}.zones[0].punctures >= {punctures}", SLOWLY_S)
    shown = "Number(document.querySelectorAll('.figure .value')[1].firstChild.data)"
    await page.until(f"{shown} >= {punctures}")


class Both:
    """One controller, a small screen and a large one: what one does, the other one shows."""

    def __init__(self, small: Page, large: Page) -> None:
        self.pages = (small, large)

    async def see(self, condition: str, within_s: float = 10.0) -> None:
        """Wait until both show it."""
        await asyncio.gather(*(page.until(condition, within_s) for page in self.pages))

    async def texts(self, selector: str) -> list[str]:
        """What both say there."""
        return [await page.text(selector) for page in self.pages]


@pytest.mark.hazard("H34")
async def test_training_from_the_first_touch_to_the_verified_record(
    browser: str, tmp_path: Path
) -> None:
    async with (
        served(tmp_path) as (address, service),
        open_page(browser, SMALL) as small,
        open_page(browser, LARGE) as large,
    ):
        both = Both(small, large)
        await asyncio.gather(*(page.goto(address) for page in both.pages))
        await large.tap_text("Start training")
        await both.see("micropen.app.view.allowed.includes('open')", SLOWLY_S)
        assert all("SIMULATED" in mark for mark in await both.texts("#mark"))
        await prepare(small)
        await prime(large)
        for page in both.pages:
            await armed_and_stopped(page, both, punctures=2 if page is small else 4)

        await small.tap_text("Arm the pen")
        await asyncio.gather(*(given(page, 7) for page in both.pages))
        pen_of(service).send_signal(signal.SIGHUP)
        await both.see("document.querySelector('.lost').getClientRects().length", SLOWLY_S)
        assert all("in left-cheek" in said for said in await both.texts(".lost"))
        await large.tap_text("Go on where it stopped", SLOWLY_S)
        await both.see(f"{SESSION}.state === 'ready' && {SESSION}.zones[0].is_complete", SLOWLY_S)

        await small.tap_text("next zone: neck", SLOWLY_S)
        await both.see(f"{SESSION}.zones[1].is_complete && {SESSION}.state === 'ready'", SLOWLY_S)
        service.suspend()
        await both.see("document.body.hasAttribute('data-stale')")
        assert all("NOTHING HEARD" in said for said in await both.texts("#stale"))
        service.resume()
        await both.see("!document.body.hasAttribute('data-stale')")

        await large.tap_text("Close session …")
        await large.tap_text("Yes, close")
        await large.tap_text("Verify the record", SLOWLY_S)
        await small.tap("[data-place=history]")
        await small.tap(".list .choice")
        await small.tap_text("Verify the record", SLOWLY_S)
        await both.see("document.querySelector('.badge.good')", SLOWLY_S)
        assert all("12 / 12" in table for table in await both.texts("table"))
        assert all("SIMULATED" in main for main in await both.texts("main"))
        for page in both.pages:
            await fetched(page, "pdf", "%PDF")
            assert [c for c in page.complaints() if "ERR_" not in c] == []


async def prime(page: Page) -> None:
    """Off the skin; the simulated hand presses the trigger."""
    await page.tap("[data-place=treat]")
    await page.tap_text("Prime …")
    await page.tap_text("Yes, it is off the skin")
    await page.until(f"{SESSION}.state === 'ready' && !{SESSION}.syringe.needs_prime", SLOWLY_S)


async def armed_and_stopped(page: Page, both: Both, punctures: int) -> None:
    """Arm, STOP by a touch in mid-zone, clear."""
    await page.tap_text("Arm the pen")
    if punctures == 2:
        await page.tap_text("Yes, and the amounts are right")
    await given(page, punctures)
    await page.tap("#stop")
    await page.until("document.getElementById('stop').dataset.state === 'confirmed'")
    await both.see(f"{SESSION}.state === 'latched'", SLOWLY_S)
    assert await page.run("micropen.app.view.stop.last_latency_ms") > 0
    assert all("The pen was stopped." in bar for bar in await both.texts("#alarm-bar"))
    await page.tap("[data-place=treat]")
    await page.tap_text("Clear the stop")
    await both.see(f"{SESSION}.state === 'ready'", SLOWLY_S)


async def fetched(page: Page, kind: str, start: str) -> None:
    """A report of the session that is shown can be taken along."""
    link = f"document.querySelector('a[download$={kind}]').href"
    text = await page.run(f"fetch({link}).then((answer) => answer.text())")
    assert text.startswith(start)
