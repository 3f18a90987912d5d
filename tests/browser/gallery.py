"""Pictures of every view at both sizes, to be looked at: python -m tests.browser.gallery FOLDER."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from controller.console import views
from controller.console.calibration_views import CalibrationView
from tests.browser import answers, calibrate_scenes, scenes
from tests.browser.chromium import LARGE, SMALL, Page, chromium, open_page
from tests.browser.mock_controller import MockController, mock_controller

LANGUAGE = os.environ.get("MICROPEN_GALLERY_LANGUAGE", "en")
Steps = Callable[[Page, MockController], Awaitable[None]]


async def nothing(page: Page, mock: MockController) -> None:
    """The view as it opens."""


async def choose_plan(page: Page, mock: MockController) -> None:
    await page.tap("[data-plan=lower_face_one_side]")
    await page.until("document.querySelector('.planned')")


async def to_product(page: Page, mock: MockController) -> None:
    await choose_plan(page, mock)
    await page.tap("[data-step=product]")
    await page.until("document.body.innerText.includes('24')")


async def fill_vial(page: Page, mock: MockController) -> None:
    await to_product(page, mock)
    vial = {"lot": "C1234", "expiry": "2027-06-30", "reconstituted_at_wall": scenes.wall(-5400)}
    await page.run(f"Object.assign(micropen.app.draft.vial, {vial})")
    await page.run("micropen.app.draft.patient = 'demo-0001'")


async def to_product_filled(page: Page, mock: MockController) -> None:
    await fill_vial(page, mock)
    await page.tap("[data-step=plan]")
    await page.tap("[data-step=product]")
    await page.until("document.body.innerText.includes('C1234')")


async def to_keypad(page: Page, mock: MockController) -> None:
    await to_product(page, mock)
    await page.tap("button.field")


async def to_patient(page: Page, mock: MockController) -> None:
    await to_product(page, mock)
    await page.tap("[data-step=patient]")
    await page.until("document.body.innerText.includes('demo-0001')")


async def to_checks(page: Page, mock: MockController) -> None:
    await page.tap("[data-step=checks]")


async def to_limits(page: Page, mock: MockController) -> None:
    mock.on["/api/sessions/preview"] = lambda _: (200, answers.preview(over=True))
    await fill_vial(page, mock)
    await page.tap("[data-step=limits]")
    await page.until("document.querySelector('.measures')")


async def to_login(page: Page, mock: MockController) -> None:
    await page.tap("#doors button")
    await page.until("document.querySelector('[data-person]')")
    await page.tap("[data-person]")
    await page.tap_key("5")


async def to_prime(page: Page, mock: MockController) -> None:
    await page.tap("[data-act=prime]")


async def to_arm(page: Page, mock: MockController) -> None:
    await page.tap("[data-act=treat]")


async def to_syringe(page: Page, mock: MockController) -> None:
    await page.tap("[data-act=swap]")


async def to_close(page: Page, mock: MockController) -> None:
    await page.tap("[data-act=close]")


async def draw_strip(page: Page, mock: MockController) -> None:
    points = [
        {
            "mono_s": 1000 + i / 10,
            "dose_nl": max(0, (i - 60) // 3) * 900.0,
            "cadence_hz": 3.0 if i > 60 and not 150 < i < 170 else 0.0,
            "protrusion_um": 690,
            "contact": i > 50,
            "trigger": i > 60 and not 150 < i < 170,
        }
        for i in range(300)
    ]
    mock.strip(points)
    await page.until("micropen.app.recent.points.length > 200")


async def to_place(page: Page, place: str) -> None:
    await page.tap(f"[data-place={place}]")


async def to_alarms(page: Page, mock: MockController) -> None:
    await to_place(page, "alarms")


async def to_history(page: Page, mock: MockController) -> None:
    await to_place(page, "history")
    await page.until("document.querySelectorAll('.list .choice').length > 3")


async def to_session(page: Page, mock: MockController) -> None:
    await to_history(page, mock)
    await page.tap(".list .choice")
    await page.until("document.querySelector('a[download]')")


async def to_foot(page: Page, mock: MockController) -> None:
    await to_session(page, mock)
    await page.run("document.querySelector('.view > .scroll').scrollTo(0, 10000)")


async def to_calibrate(page: Page, mock: MockController) -> None:
    await to_place(page, "calibrate")
    await page.until("document.querySelector('.begin')")


async def hear(page: Page, mock: MockController, heard: CalibrationView) -> None:
    await to_calibrate(page, mock)
    await page.run(f"micropen.app.hearCalibration({heard.model_dump_json()})")
    await page.until("document.querySelector('.calibrate-body')")


async def calibrating(page: Page, mock: MockController) -> None:
    await hear(page, mock, calibrate_scenes.opened())


async def calibration_asks(page: Page, mock: MockController) -> None:
    await hear(page, mock, calibrate_scenes.asking())


async def calibration_stands(page: Page, mock: MockController) -> None:
    await hear(page, mock, calibrate_scenes.standing())


async def calibration_redo(page: Page, mock: MockController) -> None:
    await calibrating(page, mock)
    await page.tap(".calibrate .acts button:not(.main)")


async def prepare_measuring(page: Page, mock: MockController) -> None:
    await page.run(f"micropen.app.hearCalibration({calibrate_scenes.opened().model_dump_json()})")
    await page.until("document.querySelector('.welcome')")


async def to_approval(page: Page, mock: MockController) -> None:
    await to_calibrate(page, mock)
    await page.tap("[data-act=certify]")
    await page.until("document.querySelector('[data-person]')")


async def go_stale(page: Page, mock: MockController) -> None:
    await draw_strip(page, mock)
    mock.is_silent = True
    await page.until("document.body.hasAttribute('data-stale')")
    await page.until("document.getElementById('stale-since').innerText.includes('2')")


async def be_refused(page: Page, mock: MockController) -> None:
    refused = answers.refusal(
        4030,
        "The pen is not linked.",
        "The pen is off, unplugged, or its record is still being read.",
        "Check cable and power; the program connects by itself.",
    )
    mock.on["/api/sessions/current/treat"] = lambda _: (503, refused)
    await page.tap("[data-act=treat]")
    await page.tap("#panel [data-act=treat]")
    await page.until("!document.getElementById('notice').hidden")


async def press_stop(page: Page, mock: MockController) -> None:
    await page.tap("#stop")
    await page.until("document.getElementById('stop').dataset.state === 'confirmed'")


ROOMS: dict[str, tuple[Callable[[], views.View], Steps]] = {
    "01_first_run": (scenes.first_run, nothing),
    "02_plan": (scenes.prepared, choose_plan),
    "03_product": (scenes.prepared, to_product_filled),
    "04_keypad": (scenes.prepared, to_keypad),
    "05_patient": (scenes.prepared, to_patient),
    "06_checks": (lambda: _with(scenes.prepared(), scenes.checks(bad=True)), to_checks),
    "07_limits": (scenes.prepared, to_limits),
    "08_login": (lambda: scenes.view(pen=scenes.pen(), logged_in=False), to_login),
    "09_unprimed": (scenes.unprimed, nothing),
    "10_prime": (scenes.unprimed, to_prime),
    "11_ready": (scenes.ready, nothing),
    "25_arm": (scenes.ready, to_arm),
    "12_running": (lambda: scenes.running((24, 17, 0)), draw_strip),
    "13_stopped": (scenes.stopped, press_stop),
    "14_unplugged": (scenes.unplugged, nothing),
    "15_back": (scenes.back_again, nothing),
    "16_syringe": (lambda: scenes.ready((9, 0, 0)), to_syringe),
    "17_close": (lambda: scenes.ready((24, 36, 40)), to_close),
    "18_alarms": (scenes.many_alarms, to_alarms),
    "19_history": (scenes.prepared, to_history),
    "20_session": (scenes.prepared, to_session),
    "26_session_foot": (scenes.prepared, to_foot),
    "21_stale": (scenes.running, go_stale),
    "22_refused": (scenes.ready, be_refused),
    "23_collagen": (scenes.collagen, nothing),
    "30_calibrate": (calibrate_scenes.room, to_calibrate),
    "31_calibrating": (calibrate_scenes.room, calibrating),
    "32_calibration_asks": (calibrate_scenes.room, calibration_asks),
    "33_calibration_stands": (calibrate_scenes.room, calibration_stands),
    "34_calibration_redo": (calibrate_scenes.room, calibration_redo),
    "35_approval": (calibrate_scenes.room, to_approval),
    "37_calibrate_operator": (scenes.prepared, to_calibrate),
    "36_prepare_measuring": (calibrate_scenes.room, prepare_measuring),
    "24_interrupted_dose": (scenes.uncertain, nothing),
}


def _with(view: views.View, checks: list[views.CheckView]) -> views.View:
    return view.model_copy(update={"checklist": checks})


async def visit(
    address: str,
    size: tuple[int, int],
    name: str,
    look: Callable[[Page], Awaitable[None]],
    language: str = "en",
) -> None:
    """Go to one view and look at it there."""
    scene, steps = ROOMS[name]
    async with mock_controller(scene()) as mock, open_page(address, size) as page:
        chosen = f"localStorage.setItem('micropen-language', '{language}')"
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=chosen)
        await page.goto(mock.address)
        await page.until("window.micropen?.app?.view")
        await steps(page, mock)
        await look(page)


async def _pictures(address: str, folder: Path, names: list[str]) -> None:
    for size in (SMALL, LARGE):
        for name in ROOMS:
            if not names or any(part in name for part in names):
                path = folder / f"{name}_{size[0]}.png"
                await visit(address, size, name, partial(_take, path), LANGUAGE)


async def _take(path: Path, page: Page) -> None:
    await page.picture(path)
    for complaint in page.complaints():
        sys.stderr.write(f"{path.name}: {complaint}\n")


def main(folder: Path, names: list[str]) -> None:
    """Every view, or those whose names hold one of `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place,
        chromium(Path(place)) as address,
    ):
        asyncio.run(_pictures(address, folder, names))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
