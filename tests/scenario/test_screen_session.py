"""A treatment by the screen's API alone, on a simulated pen in virtual time."""

from pathlib import Path

import pytest

from controller.record.events import ArmOpened, SessionClosed, SessionOpened
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import PLAN, VIAL, Screen, answer, bodies_in, refused
from tests.support.theatre import Theatre

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


async def test_a_whole_session_by_the_screen(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        opened = await screen.open()
        assert opened["simulated"]
        assert opened["session"]["patient"] == "p-1"
        assert opened["session"]["syringe"]["needs_prime"]
        assert "prime" in opened["allowed"]
        assert "treat" not in opened["allowed"]
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        for zone in ("cheek", "neck"):
            view = await screen.act("treat")
            assert (view["session"]["state"], view["session"]["zone"]) == ("running", zone)
            await theatre.until(lambda: theatre.state == "ready")
        view = await screen.state()
        assert [each["punctures"] for each in view["session"]["zones"]] == [4, 4]
        assert all(each["is_complete"] for each in view["session"]["zones"])
        assert view["session"]["last_delivered"]["zone"] == "neck"
        assert view["session"]["last_delivered"]["puncture"] == 4
        assert view["pen"]["punctures"] == 8
        closed = await screen.act("close")
        assert closed["session"] is None
        theatre.check()
    kinds = [type(body) for body in bodies_in(tmp_path / "j")]
    assert kinds.count(SessionOpened) == kinds.count(SessionClosed) == 1
    by = {body.actor.name for body in bodies_in(tmp_path / "j") if isinstance(body, ArmOpened)}
    assert by == {"trainee"}


async def test_pause_ends_the_arm_and_the_rest_goes_on_with_another(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        await screen.act("treat")
        await theatre.until(lambda: theatre.stage.moves)
        await screen.act("pause")
        await theatre.until(lambda: theatre.state == "ready")
        first = (await screen.state())["session"]["zones"][0]
        assert 0 < first["punctures"] < 4
        await screen.act("treat")
        await theatre.until(lambda: theatre.state == "ready")
        assert (await screen.state())["session"]["zones"][0]["punctures"] == 4
        theatre.check()


async def test_every_act_out_of_place_is_refused_by_number(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        acts = "/api/sessions/current/"
        for act in ("prime", "treat", "close", "pause"):
            refused(await screen.post(acts + act), 409, 4001)
        refused(await screen.post(acts + "purge", {"volume_nl": 1_000}), 409, 4001)
        refused(await screen.post(acts + "swap"), 409, 4033)
        await screen.open()
        refused(await screen.post(acts + "clear"), 409, 4001)
        for wrong in (0, -1, 10_000_001, 10**300, 1.5, "much", True):
            refused(await screen.post(acts + "swap", {"fill_nl": wrong}), 422, 8034)
            refused(await screen.post(acts + "purge", {"volume_nl": wrong}), 422, 8034)
        body = {"plan": PLAN, "patient": "p-2", "vial": VIAL}
        refused(await screen.post("/api/sessions", body), 409, 4001)
        assert (await screen.state())["pen"]["punctures"] == 0


async def test_a_syringe_is_swapped_and_purged_by_the_screen(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        theatre.stage.fit_syringe()
        view = await screen.act("swap")
        assert view["session"]["syringe"]["fill_nl"] == 100_000
        view = await screen.act("purge", {"volume_nl": 2_000})
        assert view["session"]["state"] == "running"
        await theatre.until(lambda: theatre.state == "ready")
        left_nl = (await screen.state())["session"]["syringe"]["left_nl"]
        assert 90_000 < left_nl < 98_100
        theatre.check()


async def test_a_lost_cable_is_told_with_the_last_puncture_and_goes_on(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        await screen.act("treat")
        await theatre.until(lambda: theatre.engine.seen.cadence_hz(theatre.clock.mono_s()) > 0)
        theatre.unplug()
        await theatre.until(lambda: theatre.acts.progress.book.lost_wall is not None)
        view = await screen.state()
        assert view["session"]["state"] == "interrupted"
        assert view["session"]["lost"]["wall"]
        assert view["session"]["lost"]["reason"]
        assert view["session"]["last_delivered"]["zone"] == "cheek"
        assert view["pen"]["connected"] is False
        assert view["alarms"][0]["id"] == "uncertain-delivery"
        theatre.replug()
        await theatre.until(lambda: theatre.state == "ready")
        assert (await screen.state())["session"]["lost"] == view["session"]["lost"]
        await screen.act("treat")
        await theatre.until(lambda: theatre.state == "ready")
        view = await screen.state()
        assert view["session"]["zones"][0]["punctures"] == 4
        assert view["session"]["lost"] is None
        theatre.check()


@pytest.mark.hazard("H28")
async def test_a_page_that_shows_another_patient_or_zone_arms_nothing(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open(patient="p-9")
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        for wrong in ({"patient": "p-8"}, {"zone": "neck"}, {"patient": "p-9", "zone": "x"}):
            refused(await screen.post("/api/sessions/current/treat", wrong), 409, 8045)
            assert theatre.state == "ready"
        view = await screen.act("treat", {"patient": "p-9", "zone": "cheek"})
        assert view["session"]["zone"] == "cheek"
        await theatre.until(lambda: theatre.state == "ready")
        refused(await screen.post("/api/sessions/current/treat", {"zone": "cheek"}), 409, 8045)


@pytest.mark.hazard("H27")
async def test_another_total_than_the_one_that_was_confirmed_opens_nothing(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        body = {"plan": PLAN, "patient": "p-1", "vial": VIAL}
        preview = answer(await screen.post("/api/sessions/preview", {"plan": PLAN, "vial": VIAL}))
        units = sum(zone["total_units"] for zone in preview["plan"]["zones"])
        for wrong in (units * 10, units / 10, units + 0.0011, 73_600.0, 0.0):
            told = await screen.post("/api/sessions", body | {"confirmed_total": wrong})
            refused(told, 409, 8045)
        assert theatre.engine.book is None
        for word in (b"NaN", b"Infinity", b"-1e999", b"1e400"):
            raw = b'{"plan": "short_check", "patient": "p-1", "confirmed_total": ' + word + b"}"
            kind = {"content-type": "application/json"}
            told = await screen.client.post("/api/sessions", content=raw, headers=kind)
            refused(told, 422, 8034)
        shown = round(units, 3)
        answer(await screen.post("/api/sessions", body | {"confirmed_total": shown}))


async def test_preview_shows_each_zone_against_its_limits(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        told = answer(await screen.post("/api/sessions/preview", {"plan": PLAN, "vial": VIAL}))
        assert told["possible"]
        assert [zone["name"] for zone in told["plan"]["zones"]] == ["cheek", "neck"]
        dose = [each for each in told["measures"] if each["name"] == "dose"]
        assert {each["subject"] for each in dose} == {"cheek", "neck"}
        assert all(each["value"] <= each["limit"] and each["holds"] for each in dose)
        bare = answer(await screen.post("/api/sessions/preview", {"plan": PLAN}))
        assert not bare["possible"]
        assert "NO_VIAL" in [each["code"] for each in bare["findings"]]


async def test_plans_and_products_are_there_to_choose_but_not_while_an_arm_is_open(
    tmp_path: Path,
) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        (screen.config / "plans" / "broken.toml").write_text("name = <b>", "utf-8")
        (screen.config / "products" / "broken.toml").write_text("name = <b>", "utf-8")
        lines = {line["name"]: line for line in (await screen.get("/api/plans")).json()}
        assert lines[PLAN]["problem"] is None
        assert "TOML" in lines["broken"]["problem"]
        plan = answer(await screen.get(f"/api/plans/{PLAN}"))
        assert (plan["unit"], plan["syringe_fill_nl"]) == ("ona_u", 100_000.0)
        assert plan["zones"][0]["total_units"] == 0.8832
        refused(await screen.get("/api/plans/broken"), 422, 1002)
        refused(await screen.get("/api/plans/no_such"), 404, 1004)
        products = {each["name"]: each for each in (await screen.get("/api/products")).json()}
        assert products["microbotox_24"]["units_a_ml"] == 24.0
        assert products["nutrients_plain"]["unit"] is None
        assert "broken" not in products
        await screen.open()
        await screen.act("prime")
        for path in ("/api/plans", f"/api/plans/{PLAN}", "/api/products"):
            refused(await screen.get(path), 409, 4001)
        body = {"plan": PLAN, "vial": VIAL}
        refused(await screen.post("/api/sessions/preview", body), 409, 4001)


async def test_what_training_refuses_is_told(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        for way in ("start", "end"):
            refused(await screen.post(f"/api/training/{way}"), 409, 8040)
        assert theatre.is_running


WRONG: list[tuple[object, int, int]] = [
    ({"plan": "no_such_plan", "patient": "p-1"}, 404, 1004),
    ({"plan": "../plans/short_check", "patient": "p-1"}, 404, 1004),
    ({"plan": PLAN, "patient": "p-1"}, 422, 1005),
    ({"plan": PLAN, "patient": "Mr. O'Neil <b>", "vial": VIAL}, 422, 1011),
    ({"plan": PLAN, "patient": "p-1", "vial": VIAL | {"expiry": "soon"}}, 422, 1005),
    ({"plan": PLAN, "patient": "p-1", "vial": VIAL | {"more": 1}}, 422, 8034),
    ({"plan": PLAN}, 422, 8034),
    ([], 422, 8034),
]


async def test_what_cannot_be_opened_is_refused_by_number(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        body = {"plan": PLAN, "patient": "p-1", "vial": VIAL}
        refused(await screen.post("/api/sessions", body), 503, 4030)  # no pen yet
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        for wrong, status, number in WRONG:
            refused(await screen.post("/api/sessions", wrong), status, number)
        product = {"plan": PLAN, "vial": VIAL, "product": "nutrients_plain"}
        refused(await screen.post("/api/sessions/preview", product), 422, 8034)
        assert theatre.engine.book is None
