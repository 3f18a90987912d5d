"""Calibrating on the screen, in a real Chromium: whole, up to the certificate that a second person
approves; left, stopped and given up; and begun on the training pen of the real service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.console.calibration_views import CalibrationView
from controller.service.switching import SCENARIO
from tests.browser import calibrate_scenes
from tests.browser.bench_room import bench_room
from tests.browser.calibrate_scenes import QUESTION
from tests.browser.chromium import LARGE, SMALL, open_page
from tests.browser.gallery import hear
from tests.browser.mock_controller import mock_controller
from tests.browser.technician import CLOSED, LIVE, NO_PANEL, Technician
from tests.browser.test_real import SLOWLY_S, served
from tests.browser.test_session import load
from tests.support.screen import three_people
from tests.support.workshop import Workshop

pytestmark = pytest.mark.real_time("a browser, processes and sockets have no virtual time")

SCREENS = pytest.mark.parametrize(
    ("size", "language"), [(SMALL, "en"), (LARGE, "de")], ids=["800-en", "1280-de"]
)
QUICK = "seconds = 3"
HANDS = "after_us = 5_500_000\n"
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
            await theo.until(CLOSED)
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


@SCREENS
async def test_it_is_left_stopped_unplugged_taken_again_and_given_up(
    browser: str, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    async with at_the_bench(browser, tmp_path, size, language) as theo:
        page, room = theo.page, theo.room
        room.hold_when(gives_doses)
        await theo.begin("dose")
        await theo.until("micropen.app.view.pen.state === 'running'")
        await theo.look("burst")
        await page.tap("#stop")
        await page.until("document.getElementById('stop').dataset.state === 'confirmed'")
        room.is_held = False
        await theo.until(theo.offers("calibrate.clear"))

        await page.call("Page.reload")
        await page.until(LIVE)
        await page.tap("[data-place=calibrate]")
        await theo.touch("calibrate.record")
        await page.until("document.querySelector('#panel .list')")
        await theo.look("record")
        await page.key("Escape")
        room.hold_when(has_weighed)
        await theo.reply("calibrate.clear")
        await theo.until("document.querySelector('.plot .dot')")
        await theo.look("weighed")

        await theo.touch("calibrate.redo")
        await theo.look("why again")
        await theo.touch("reason.drop")
        room.is_held = False
        await theo.until("document.querySelector('.plot .cross')")
        await room.ask(balance_pulled)
        await theo.until(theo.offers("calibrate.try_again"))
        await room.ask(balance_back)
        await theo.reply("calibrate.try_again")
        await theo.until("document.querySelectorAll('.plot .dot').length > 1")

        await theo.touch("calibrate.abort")
        await theo.look("why given up")
        await theo.touch("reason.training")
        await page.until("document.querySelector('.begin')")
        await theo.sees("calibration_outcome.aborted", "reason.training")
        await theo.look("given up")


def gives_doses(room: Workshop) -> bool:
    return room.theatre.engine.arm_is_open and bool(room.weighed())


def has_weighed(room: Workshop) -> bool:
    return any(each.step == "weighing" for each in room.weighed())


async def balance_pulled(room: Workshop) -> None:
    room.cable.unplug()


async def balance_back(room: Workshop) -> None:
    room.cable.replug()


async def test_a_second_touch_answers_no_other_question(browser: str) -> None:
    """What was answered is no question any more, before the controller says what is next."""
    grey = "document.querySelector('.calibrate .acts .main').disabled"
    asking = calibrate_scenes.asking()
    assert asking.open is not None
    again = asking.open.model_copy(update={"question": QUESTION.model_copy(update={"id": 8})})
    async with mock_controller(calibrate_scenes.room()) as mock, open_page(browser, SMALL) as page:
        mock.on["/api/calibration/answer"] = lambda _: (200, {})
        await load(page, mock)
        await hear(page, mock, asking)
        for _ in range(2):
            await page.tap(".calibrate .acts .main")
            await page.until(f"{grey} && document.querySelector('.asked').hidden")
            await page.run(f"micropen.app.hearCalibration({asking.model_dump_json()})")
            assert await page.run(grey) is True
            asking = CalibrationView(open=again, last=None)
            await page.run(f"micropen.app.hearCalibration({asking.model_dump_json()})")
        assert [each["question"] for each in mock.asked("/api/calibration/answer")] == [7, 8]


async def test_in_training_the_simulated_bench_is_there(browser: str, tmp_path: Path) -> None:
    """The real service, its training pen and balance as processes, time as it is."""
    async with served(tmp_path) as (address, _service), open_page(browser, SMALL) as page:
        hurry(tmp_path / "config")
        await page.goto(address)
        await page.tap_text("Start training")
        await page.until("micropen.app.view.allowed.includes('calibrate')", SLOWLY_S)
        await page.tap("[data-place=calibrate]")
        await page.tap_text("Weigh doses")
        await page.until(
            "document.querySelector('.weight .badge').innerText === 'STABLE'", SLOWLY_S
        )
        assert "Check the balance" in await page.text("main h1")
        assert "SIMULATED" in await page.text("#mark")
        shown = "document.querySelector('.weight .mass').innerText"
        await page.until(f"{shown}.startsWith('23\u202f5')", SLOWLY_S)  # vessel and check weight
        await page.tap_text("Give up")
        await page.tap_text("It was for practice")
        await page.until("document.querySelector('.begin')", SLOWLY_S)
        assert "It was for practice" in await page.text("main")
        assert [c for c in page.complaints() if "ERR_" not in c] == []


def hurry(config: Path) -> None:
    """The check of the balance takes 3 s instead of 30."""
    setup = config / "calibration-setup.toml"
    setup.write_text(setup.read_text().replace("seconds = 30", QUICK))
    scenario = config / "simulator" / SCENARIO
    before, table, after = scenario.read_text().partition("[technician]\n")
    assert table
    scenario.write_text(before + table + HANDS + after)
