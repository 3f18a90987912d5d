"""Calibrations from the screen, in virtual time: the page's answers, reloads, refusals, a kill."""

import asyncio
from pathlib import Path
from typing import Any

from controller.calibration.certificate.report import CalibrationReport
from controller.calibration.face import Kind
from controller.errors import PortMissing
from controller.link.port import BytePort, LineSettings
from controller.record.calibration_events import (
    CalibrationDiscarded,
    CalibrationOpened,
    CalibrationWeighed,
)
from tests.support.screen import PIN, PLAN, VIAL, Screen, answer, bodies_in, refused, three_people
from tests.support.virtual import advance
from tests.support.workshop import Workshop, workshop
from tests.support.workshop_screen import screen_of

LOOK_S = 0.5
ANSWERS = {Kind.ROOM.value: "20.0 20.0 1013 50", Kind.TACHOMETER.value: "-"}


async def begin(screen: Screen, procedure: str = "dose") -> dict[str, Any]:
    engine = screen.theatre.engine
    await engine.changes.until(lambda: engine.reconciled)
    return answer(await screen.post("/api/calibration/start", {"procedure": procedure}))


async def look(screen: Screen) -> dict[str, Any]:
    return answer(await screen.get("/api/calibration"))


async def answer_question(screen: Screen, room: Workshop, question: dict[str, Any]) -> None:
    texts = dict(ANSWERS)
    if question["kind"] == Kind.INDICATOR.value:
        texts[question["kind"]] = room.face.answers[Kind.INDICATOR](None)  # type: ignore[arg-type]  # it looks at the pen, not at the question
    body = {"question": question["id"], "text": texts.get(question["kind"], "")}
    answer(await screen.post("/api/calibration/answer", body))


async def go_on_until(screen: Screen, room: Workshop, is_so: Any) -> dict[str, Any]:
    """A technician who reads the page and answers, until the page shows something."""
    while True:
        page = await look(screen)
        if is_so(page):
            return page
        assert page["open"] is not None, page["last"]
        assert page["open"]["trouble"] is None, page["open"]["trouble"]
        if page["open"]["question"]:
            await answer_question(screen, room, page["open"]["question"])
        await advance(LOOK_S)


def weighings(page: dict[str, Any]) -> int:
    return 0 if not page["open"] else len(page["open"]["plot"]["points"])


async def test_a_whole_calibration_and_its_certificate_by_the_screen(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room, screen_of(room, people=three_people()) as screen:
        await screen.log_in("Theo")
        opened = (await begin(screen))["open"]
        assert (opened["led_by"], opened["procedure"]) == ("Theo", "dose")
        assert opened["simulated"]
        assert opened["step"]["title"] == "Check the balance"
        page = await go_on_until(screen, room, lambda page: weighings(page) == 2)
        plot = page["open"]["plot"]
        assert plot["fail_low"] < plot["points"][0]["value"] < plot["fail_high"]
        assert page["open"]["readings"][0]["by"] == "Theo"
        assert page["open"]["live"]["mass_mg"] is not None
        await go_on_until(screen, room, lambda page: page["open"] is None)
        await begin(screen, "protrusion")
        page = await go_on_until(screen, room, lambda page: page["open"] is None)
        assert page["last"]["outcome"] == "measured"
        (due,) = page["due"]
        assert due["wants"] == []
        theatre = room.theatre
        theatre.engine.pump_head = screen.room.catalogue.pump_head
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        for person, status, number in (("Theo", 409, 7090), ("Olga", 403, 4031)):
            body = {"person": person, "pin": PIN}
            refused(await screen.post("/api/certificates/issue", body), status, number)
        wrong = {"person": "Ada", "pin": "000000"}
        refused(await screen.post("/api/certificates/issue", wrong), 401, 8031)
        right = {"person": "Ada", "pin": PIN}
        issued = answer(await screen.post("/api/certificates/issue", right))
        (line,) = issued["certificates"]
        assert (line["measured_by"], line["approved_by"]) == ("Theo", "Ada")
        assert line["in_force"]
        assert line["simulated"]
        (due,) = issued["due"]
        assert due["certificate_id"] == line["id"]
        assert due["days_left"] > 1
        assert {each["name"] for each in due["ends"]} >= {"doses", "hours"}
        assert (await screen.state())["login"]["person"] == "Theo", "approving is no login"
        theatre.check()
        for form, kind in (("json", "application/json"), ("pdf", "application/pdf")):
            got = await screen.get(f"/api/certificates/{line['id']}.{form}")
            assert (got.status_code, got.headers["content-type"]) == (200, kind)
            if form == "json":
                report = CalibrationReport.model_validate_json(got.content)
                assert report.certificate_id == line["id"]
            else:
                assert got.content.startswith(b"%PDF")


async def test_it_is_not_seen_before_somebody_leads_it(tmp_path: Path) -> None:
    """A page that saw it stand still would offer to go on with what has just begun."""
    async with workshop(tmp_path) as room, screen_of(room) as screen:
        beginning = asyncio.create_task(begin(screen))
        leads = []
        while not beginning.done():
            opened = screen.room.calibration.view().open
            leads += [] if opened is None else [opened.led_by]
            await advance(0.001)
        assert (await beginning)["open"]["led_by"] == "trainee"
        assert None not in leads


async def test_what_is_wrong_of_the_person_or_the_moment_is_refused(tmp_path: Path) -> None:
    async with (
        workshop(tmp_path) as room,
        screen_of(room, people=three_people(), realm="treatment") as screen,
    ):
        dose = {"procedure": "dose"}
        refused(await screen.post("/api/calibration/start", dose), 401, 8030)
        refused(await screen.get("/api/certificates/00.pdf"), 401, 8030)
        await screen.log_in("Olga")
        assert "calibrate" not in (await screen.state())["allowed"]
        refused(await screen.post("/api/calibration/start", dose), 403, 4031)
        await screen.log_in("Theo")
        await room.theatre.engine.changes.until(lambda: room.theatre.engine.reconciled)
        assert "calibrate" in (await screen.state())["allowed"]
        refused(await screen.get("/api/certificates/00.pdf"), 404, 8035)
        asked = {"question": 1, "text": ""}
        refused(await screen.post("/api/calibration/answer", asked), 409, 8046)
        await begin(screen)
        refused(await screen.post("/api/calibration/answer", asked), 409, 8047)
        refused(await screen.post("/api/calibration/start", {"procedure": "cadence"}), 409, 7084)
        refused(await screen.post("/api/calibration/redo", {"reason": " "}), 422, 8034)
        refused(
            await screen.post("/api/certificates/issue", {"person": "Ada", "pin": PIN}), 409, 7090
        )
        await screen.log_in("Ada")
        refused(await screen.post("/api/calibration/vessel-moved"), 409, 8046)
        refused(await screen.post("/api/calibration/abort", {"reason": "mine"}), 409, 8046)
        assert (await begin(screen))["open"]["led_by"] == "Ada", "taken over in so many words"
        answer(await screen.post("/api/calibration/vessel-moved"))


async def test_after_stop_the_page_asks_before_it_is_cleared(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room, screen_of(room) as screen:
        await begin(screen)
        await go_on_until(screen, room, lambda _: room.theatre.engine.arm_is_open)
        assert (await screen.post("/api/stop")).status_code == 200
        await room.theatre.until(lambda: bool(asked_of(screen)))
        assert asked_of(screen) == Kind.CLEAR.value
        assert room.theatre.state == "latched", "nothing clears it by itself"
        await go_on_until(screen, room, lambda page: weighings(page) == 1)
        answer(await screen.post("/api/calibration/abort", {"reason": "seen enough"}))
        await go_on_until(screen, room, lambda page: page["open"] is None)
        room.theatre.check()


def asked_of(screen: Screen) -> str:
    view = screen.room.calibration.view().open
    return "" if view is None or view.question is None else view.question.kind


async def no_balance(path: str, line: LineSettings) -> BytePort:
    raise PortMissing(f"{path} is not there.")


async def test_without_its_balance_it_stands_still_and_says_why(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room, screen_of(room) as screen:
        screen.room.calibration.open_port = no_balance
        await begin(screen)
        while (page := await look(screen))["open"]["led_by"] is not None:
            await advance(LOOK_S)
        assert page["open"]["trouble"]["number"] == 7052
        screen.room.calibration.open_port = room.open_port
        assert (await begin(screen))["open"]["trouble"] is None
        page = await go_on_until(screen, room, lambda page: bool(page["open"]["live"]))
        assert page["open"]["led_by"] == "trainee"
        await screen.console.close()
        page = await look(screen)
        assert (page["open"]["led_by"], page["open"]["trouble"]) == (None, None)
        answer(await screen.post("/api/calibration/abort", {"reason": "nobody leads it"}))
        page = await look(screen)
        assert (page["open"], page["last"]["reason"]) == (None, "nobody leads it")


async def test_a_session_and_a_calibration_are_never_open_at_once(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room, screen_of(room) as screen:
        await screen.open()
        assert "calibrate" not in (await screen.state())["allowed"]
        refused(await screen.post("/api/calibration/start", {"procedure": "dose"}), 409, 4001)
        await screen.act("close")
        await begin(screen)
        plan = {"plan": PLAN, "patient": "p-1", "vial": VIAL}
        refused(await screen.post("/api/sessions", plan), 409, 4001)
        assert (await screen.state())["session"] is None


async def test_redo_keeps_the_reading_with_its_reason_and_abort_closes(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room, screen_of(room) as screen:
        assert (await begin(screen))["open"]["led_by"] == "trainee"
        await go_on_until(screen, room, lambda page: weighings(page) == 1)
        assert (await screen.state())["alarms"] == [], "a burst that is whole reached no limit"
        answer(await screen.post("/api/calibration/redo", {"reason": "a drop hung"}))
        refused(await screen.post("/api/calibration/redo", {"reason": "again"}), 409, 8048)
        page = await go_on_until(screen, room, lambda page: weighings(page) == 2)
        assert [each["counts"] for each in page["open"]["plot"]["points"]] == [False, True]
        assert page["open"]["plot"]["points"][0]["reason"] == "a drop hung"
        answer(await screen.post("/api/calibration/vessel-moved"))
        await go_on_until(screen, room, lambda page: weighings(page) == 3)
        answer(await screen.post("/api/calibration/abort", {"reason": "enough for today"}))
        page = await go_on_until(screen, room, lambda page: page["open"] is None)
        assert (page["last"]["outcome"], page["last"]["reason"]) == ("aborted", "enough for today")
        room.theatre.check()
    bodies = bodies_in(tmp_path / "j")
    taken_back = [body.reason for body in bodies if isinstance(body, CalibrationDiscarded)]
    assert taken_back[0] == "a drop hung"
    weighed = [b for b in bodies if isinstance(b, CalibrationWeighed) and b.step == "weighing"]
    assert len(weighed) >= 3
    assert "the vessel was moved" in taken_back
    (opened,) = (body for body in bodies if isinstance(body, CalibrationOpened))
    assert opened.actor.role == "technician"


async def test_a_page_hears_how_it_goes_and_another_one_finds_it_as_it_stands(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path) as room, screen_of(room) as screen:
        async with screen.listening() as page:
            began_s = room.theatre.clock.mono_s()
            await begin(screen)
            await advance(3.0)
            heard = page.events("calibration")
            took_s = room.theatre.clock.mono_s() - began_s
        assert heard[0]["open"] is None
        assert heard[-1]["open"]["live"]["stable"] in (True, False)
        assert 10 < len(heard) <= 10 * took_s + 2
        async with screen.listening() as again:
            await advance(0.3)
            first = again.events("calibration")[0]
        assert first["open"]["id"] == heard[-1]["open"]["id"]
        assert first["open"]["step"] == heard[-1]["open"]["step"]
        assert first["open"]["led_by"] == "trainee"


async def test_a_killed_service_leaves_it_standing_until_somebody_goes_on(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        people = three_people()
        async with screen_of(room, people=people) as screen:
            await screen.log_in("Theo")
            await begin(screen)
            before = await go_on_until(screen, room, lambda page: weighings(page) == 1)
            await room.theatre.crash()
        await room.theatre.start()
        async with screen_of(room, people=people) as screen:
            page = await look(screen)
            assert page["open"]["id"] == before["open"]["id"]
            assert page["open"]["plot"] == before["open"]["plot"]
            assert (page["open"]["led_by"], page["open"]["question"]) == (None, None)
            await screen.log_in("Ada")
            taken = await begin(screen)
            assert taken["open"]["led_by"] == "Ada"
            page = await go_on_until(screen, room, lambda page: weighings(page) == 2)
            assert page["open"]["readings"][0]["by"] == "Ada"
        room.theatre.check()
