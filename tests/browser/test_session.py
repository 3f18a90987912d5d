"""What a person does at the screen, against a controller made of paper: asked for and shown."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from controller.console import views
from tests.browser import answers, scenes
from tests.browser.chromium import LARGE, SMALL, Page, open_page
from tests.browser.mock_controller import Answer, MockController, mock_controller

pytestmark = pytest.mark.real_time("a browser has no virtual time")

CURRENT = "/api/sessions/current"
LATE_PLAN = """
const fetched = window.fetch;
window.fetch = (path, ...rest) => !String(path).includes("/api/plans/") ? fetched(path, ...rest)
    : new Promise((done) => { window.letPlanCome = () => done(fetched(path, ...rest)); });
"""
BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["800", "1280"])


async def load(page: Page, mock: MockController) -> None:
    """Open the page and wait until it is live."""
    await page.goto(mock.address)
    await page.until("window.micropen?.app?.view && !document.body.hasAttribute('data-stale')")


def then(mock: MockController, view: views.View) -> Callable[[Any], Answer | None]:
    """The act happens: pages hear `view`."""

    def act(_: Any) -> None:
        mock.show(view)

    return act


async def type_keys(page: Page, keys: str) -> None:
    """Touch keys of the keypad, one after the other."""
    for key in keys:
        await page.tap_key(key)


async def prepare(page: Page) -> None:
    """Plan, vial and patient, all by touch."""
    await page.tap("[data-plan=lower_face_one_side]")
    await page.tap_text("Next")
    await page.tap_text("Lot of the vial")
    await type_keys(page, "C12")
    await page.tap_text("Done")
    await page.tap_text("Expiry date")
    await type_keys(page, "20270630")
    await page.tap_text("Done")
    await page.tap_text("When was it mixed?")
    await page.tap_text("just now")
    await page.tap_text("1 h earlier")
    await page.tap_text("15 min earlier")
    await page.tap_text("Done")
    await page.tap_text("Next")
    await page.tap_text("demo-0001 is in the chair")
    await page.tap("[data-step=limits]")


@BOTH
@pytest.mark.hazard("H27", "H28")
async def test_a_whole_session_by_touch(browser: str, size: tuple[int, int]) -> None:
    """Plan, vial, patient, limits, open, prime, treat, pause, next zone, close, report."""
    async with mock_controller(scenes.prepared()) as mock, open_page(browser, size) as page:
        mock.on = {
            "/api/sessions/preview": lambda _: (200, answers.preview()),
            "/api/sessions": then(mock, scenes.unprimed()),
            f"{CURRENT}/prime": then(mock, scenes.ready()),
            f"{CURRENT}/treat": then(mock, scenes.running((7, 0, 0))),
            f"{CURRENT}/pause": then(mock, scenes.ready((24, 36, 48))),
            f"{CURRENT}/close": then(mock, scenes.prepared()),
        }
        await load(page, mock)
        await prepare(page)
        await page.tap_text("open the session")
        await page.tap_text("Prime …")
        assert mock.asked(f"{CURRENT}/prime") == []
        await page.tap_text("Yes, it is off the skin")
        await page.tap_text("Arm the pen")
        asked = await page.text("#panel")
        assert all(words in asked for words in ("demo-0001", "993\u202f600", "23.85", "ona-U"))
        assert mock.asked(f"{CURRENT}/treat") == []
        await page.tap_text("Yes, and the amounts are right")
        await page.until("document.querySelector('.dose').innerText.startsWith('64\\u202f400')")
        assert "1.55" in await page.text(".units")
        await page.tap_text("Pause")
        await page.tap_text("Close session …")
        await page.tap_text("Yes, close")
        await page.until("document.querySelector('.list, .card')")
        vial = {
            "lot": "C12",
            "expiry": "2027-06-30",
            "reconstituted_at_wall": scenes.wall(-4_500).replace("+00:00", ".000Z"),
        }
        wish = {"plan": "lower_face_one_side", "patient": "demo-0001", "vial": vial}
        assert mock.asked("/api/sessions/preview") == [wish]
        assert wish in mock.asked("/api/sessions")
        for act in ("prime", "treat", "pause", "close"):
            assert mock.asked(f"{CURRENT}/{act}") == [{}], act
        assert page.complaints() == [c for c in page.complaints() if "404" in c]


@pytest.mark.hazard("H27")
async def test_a_plan_over_a_limit_cannot_be_opened(browser: str) -> None:
    async with mock_controller(scenes.prepared()) as mock, open_page(browser, SMALL) as page:
        mock.on["/api/sessions/preview"] = lambda _: (200, answers.preview(over=True))
        await load(page, mock)
        await prepare(page)
        await page.until("document.body.innerText.includes('OVER')")
        assert await page.run("document.querySelector('[data-act=open]').disabled") is True


async def test_prime_is_refused_on_contact(browser: str) -> None:
    async with mock_controller(scenes.unprimed()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.tap_text("Prime …")
        touching = scenes.unprimed().model_copy(update={"pen": scenes.pen(contact=True)})
        mock.show(touching)
        await page.until("document.querySelector('#panel [data-act=prime]').disabled")
        assert "touches skin" in await page.text("#panel")
        mock.show(scenes.unprimed())
        await page.until("!document.querySelector('#panel [data-act=prime]').disabled")


async def test_swap_and_purge_take_two_touches(browser: str) -> None:
    async with mock_controller(scenes.ready((9, 0, 0))) as mock, open_page(browser, SMALL) as page:
        mock.on[f"{CURRENT}/purge"] = mock.on[f"{CURRENT}/swap"] = lambda _: None
        await load(page, mock)
        await page.tap("[data-act=swap]")
        await page.tap_text("Purge")
        await page.tap_text("Purge 5")
        await page.until("document.getElementById('panel').hidden")
        await page.tap("[data-act=swap]")
        await page.tap_text("Another syringe")
        await page.tap_text("A full syringe is fitted")
        await page.until("document.getElementById('panel').hidden")
        assert mock.asked(f"{CURRENT}/purge") == [{"volume_nl": 5_000}]
        assert mock.asked(f"{CURRENT}/swap") == [{}]


@BOTH
@pytest.mark.hazard("H10")
async def test_after_a_lost_cable_one_touch_goes_on(browser: str, size: tuple[int, int]) -> None:
    """When it was lost, the last delivered puncture; nothing to touch until the pen is back."""
    async with (
        mock_controller(scenes.running((9, 0, 0))) as mock,
        open_page(browser, size) as page,
    ):
        mock.on[f"{CURRENT}/treat"] = then(mock, scenes.running((10, 0, 0)))
        await load(page, mock)
        mock.show(scenes.unplugged())
        await page.until("document.querySelector('.lost').getClientRects().length")
        shown = await page.text(".lost")
        assert "puncture 9 in cheek" in shown
        assert await page.run("micropen.app.view.session.lost.wall") == scenes.wall(-1)
        assert not await page.run(
            "document.querySelector('[data-act=treat]').getClientRects().length"
        )
        mock.show(scenes.back_again())
        await page.tap_text("Go on where it stopped")
        await page.until("!document.querySelector('.lost').getClientRects().length")
        assert mock.asked(f"{CURRENT}/treat") == [{}]


@pytest.mark.hazard("H28")
async def test_the_patient_of_the_plan_is_confirmed_by_hand(browser: str) -> None:
    """It is offered, never taken over; another plan asks anew."""
    async with mock_controller(scenes.prepared()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.tap("[data-plan=lower_face_one_side]")
        await page.tap("[data-step=limits]")
        await page.until('document.body.innerText.includes("Enter the patient\'s pseudonym first")')
        await page.tap("[data-step=patient]")
        assert "still missing" in await page.text("main")
        await page.tap_text("Yes, demo-0001 is in the chair")
        assert await page.run("micropen.app.draft.patient") == "demo-0001"


async def test_a_plan_that_comes_late_is_seen_by_the_step_that_was_gone_to(browser: str) -> None:
    async with mock_controller(scenes.prepared()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.run(LATE_PLAN)
        await page.tap("[data-plan=lower_face_one_side]")
        await page.until("window.letPlanCome")
        await page.tap("[data-step=patient]")
        assert "demo-0001" not in await page.text("main")
        await page.run("letPlanCome()")
        await page.tap_text("Yes, demo-0001 is in the chair")


@pytest.mark.hazard("H47")
async def test_the_first_run_needs_no_hardware(browser: str) -> None:
    async with mock_controller(scenes.first_run()) as mock, open_page(browser, SMALL) as page:
        mock.on["/api/training/start"] = then(mock, scenes.prepared())
        await load(page, mock)
        assert await page.run("document.getElementById('mark').hidden") is True
        await page.tap_text("Start training")
        await page.until("!document.getElementById('mark').hidden")
        assert "SIMULATED" in await page.text("#mark")
        for place in ("treat", "alarms", "history", "prepare"):
            await page.tap(f"[data-place={place}]")
            assert "SIMULATED" in await page.text("#mark")


@pytest.mark.hazard("H38")
async def test_an_act_without_login_asks_for_the_pin(browser: str) -> None:
    """The PIN goes out in one request, and the stream is opened anew for this person."""
    nobody = scenes.ready().model_copy(update={"login": None, "allowed": ["login"]})
    async with mock_controller(nobody) as mock, open_page(browser, SMALL) as page:
        mock.on["/api/login"] = then(mock, scenes.ready())
        await load(page, mock)
        await page.tap_text("Arm the pen")
        await page.tap("[data-person]")
        await type_keys(page, "4711")
        await page.tap_key("✓")
        await page.until("document.getElementById('panel').hidden")
        assert mock.asked("/api/login") == [{"person": "A. Practitioner", "pin": "4711"}]
        assert mock.asked(f"{CURRENT}/treat") == []
        await page.until("micropen.app.stream.source.readyState === EventSource.OPEN")
        assert mock.streams == 2


async def test_alarms_are_acknowledged_and_the_sound_pauses(browser: str) -> None:
    async with mock_controller(scenes.many_alarms()) as mock, open_page(browser, SMALL) as page:
        mock.on["/api/alarms/stop-latched/acknowledge"] = lambda _: None
        mock.on["/api/alarms/pause-audio"] = lambda _: None
        await load(page, mock)
        await page.tap("#alarm-bar button")
        first = await page.text(".alarm-card")
        assert "The pen was stopped." in first
        assert "Find the reason" in first
        await page.tap_text("Seen")
        await page.tap_text("Sound off")
        await page.until("!document.querySelector('[data-act=pause_audio]').disabled")
        assert mock.asked("/api/alarms/stop-latched/acknowledge") == [{}]
        await page.tap_text("Alarm log")
        await page.until("document.querySelectorAll('.alarm-log tr').length === 2")
        assert "by T. Technician" in await page.text(".alarm-log")
        assert mock.asked("/api/alarms/pause-audio") == [{}]


@pytest.mark.hazard("H38")
async def test_what_comes_from_people_is_only_letters(browser: str) -> None:
    """Markup in a plan's, pen's or person's text is shown as it is, and never runs."""
    hostile = scenes.session(title=scenes.HOSTILE)
    view = scenes.ready().model_copy(update={"session": hostile})
    async with mock_controller(view) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        assert scenes.HOSTILE in await page.text("h1")
        await page.tap("[data-place=history]")
        await page.until("document.querySelectorAll('.list .choice').length > 3")
        assert scenes.HOSTILE in await page.text(".list")
        assert await page.run("document.querySelectorAll('main img').length") == 0


async def test_a_refusal_says_what_why_and_what_to_do(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        refused = answers.refusal(4030, "No pen.", "It is unplugged.", "Plug it in.")
        mock.on[f"{CURRENT}/treat"] = lambda _: (503, refused)
        await load(page, mock)
        await page.tap_text("Arm the pen")
        await page.tap_text("Yes, and")
        await page.until("!document.getElementById('notice').hidden")
        said = await page.text("#notice")
        assert all(word in said for word in ("E4030", "No pen.", "unplugged", "Plug it in."))


async def test_the_other_language_is_one_touch_away_and_stays(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.tap("#language")
        assert "Stift scharf schalten" in await page.text("main")
        assert await page.run("document.documentElement.lang") == "de"
        await load(page, mock)
        assert "Stift scharf schalten" in await page.text("main")


async def test_a_refused_browser_hears_why_and_may_show_its_token(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        mock.stream_refusal = (401, answers.refusal(8033, "This address needs its token."))
        await page.goto(mock.address)
        await page.until("document.querySelector('#panel input')")
        mock.stream_refusal = None
        mock.on["/api/enter"] = lambda _: (200, {})
        await page.run("document.querySelector('#panel input').value = ' abc '")
        await page.tap_text("Done")
        await page.until("!document.body.hasAttribute('data-stale')")
        assert mock.asked("/api/enter") == [{"token": "abc"}]


async def test_a_page_too_many_is_told_so(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        mock.stream_refusal = (503, answers.refusal(8036, "Four pages listen already."))
        await page.goto(mock.address)
        await page.until("document.getElementById('notice').innerText.includes('E8036')")


async def test_a_panel_gives_the_focus_back(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.run("document.querySelector('[data-act=swap]').focus()")
        await page.run("document.querySelector('[data-act=swap]').click()")
        await page.until("document.activeElement.closest('#panel')")
        await page.key("Escape")
        await page.until("document.activeElement.dataset.act === 'swap'")
        assert await page.run("document.getElementById('panel').hidden") is True


async def test_a_sentence_with_numbers_in_it_is_said_in_german(browser: str) -> None:
    async with mock_controller(scenes.ready()) as mock, open_page(browser, SMALL) as page:
        await load(page, mock)
        await page.tap("#language")
        said = "import('/texts.js').then((m) => m.inTongue({}))"
        near = "cheek: zone volume is 900000 nl, over 80 % of 1000000 nl."
        german = "cheek: Volumen der Zone ist 900000 nl, über 80 % von 1000000 nl."
        assert await page.run(said.format(json.dumps(near))) == german
        assert await page.run(said.format('"Nobody ever said this."')) == "Nobody ever said this."
        gone = "The line to the balance went away: the cable was pulled"
        whole = f"This reading does not count: {gone}. It is taken again."
        assert await page.run(said.format(json.dumps(whole))) == (
            "Diese Ablesung zählt nicht: Die Leitung zur Waage ist weg: das Kabel wurde gezogen. "
            "Sie wird wiederholt."
        )
