"""Who may do what at the screen: PINs, roles, lock-out, time-out, and what of it is on record."""

from functools import partial
from pathlib import Path

import pytest

from controller.console.logins import WRONG_PINS
from controller.console.people import FILE, read_people, write_people
from controller.record.console_events import LockedOut, LoggedIn, LoggedOut, LoginRefused
from controller.record.events import SessionOpened
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import (
    PIN,
    PLAN,
    VIAL,
    Screen,
    answer,
    bodies_in,
    refused,
    three_people,
)
from tests.support.theatre import Theatre

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")
OPENING = {"plan": PLAN, "patient": "p-1", "vial": VIAL}


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


def guarded(theatre: Theatre) -> Screen:
    """As in treatment: nobody acts without a login, and each role has its own acts."""
    return Screen(theatre, people=three_people(), realm="treatment")


@pytest.mark.hazard("H38")
async def test_who_logs_in_is_who_acts_in_the_record(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, guarded(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        view = answer(await screen.get("/api/state"))
        assert view["login"] is None
        assert view["allowed"] == ["login", "training"]
        refused(await screen.post("/api/sessions", OPENING), 401, 8030)
        view = await screen.log_in("Olga")
        assert view["login"]["person"] == "Olga"
        assert view["login"]["role"] == "operator"
        assert "open" in view["allowed"]
        answer(await screen.post("/api/sessions", OPENING))
        view = answer(await screen.post("/api/logout"))
        assert view["login"] is None
        assert view["allowed"] == ["login"]
        refused(await screen.post("/api/sessions/current/prime"), 401, 8030)
    bodies = bodies_in(tmp_path / "j")
    (opened,) = [body for body in bodies if isinstance(body, SessionOpened)]
    assert (opened.operator.name, opened.operator.role) == ("Olga", "operator")
    assert [body.actor.name for body in bodies if isinstance(body, LoggedIn)] == ["Olga"]
    (out,) = [body for body in bodies if isinstance(body, LoggedOut)]
    assert (out.actor.name, out.reason) == ("Olga", "logout")


@pytest.mark.hazard("H38")
async def test_the_cookie_is_the_pages_alone(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, guarded(theatre) as screen:
        told = await screen.post("/api/login", {"person": "Olga", "pin": PIN})
        cookie = told.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert len(screen.client.cookies["micropen_login"]) >= 40
        assert theatre.is_running


@pytest.mark.hazard("H38")
async def test_each_role_has_its_acts(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, guarded(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        view = await screen.log_in("Theo")
        assert "open" not in view["allowed"]
        assert "self_test" in view["allowed"]
        refused(await screen.post("/api/sessions", OPENING), 403, 4031)
        answer(await screen.post("/api/self-test"))
        await screen.log_in("Ada")
        answer(await screen.post("/api/sessions", OPENING))
        await screen.log_in("Theo")
        for act in ("prime", "treat", "close"):
            refused(await screen.post(f"/api/sessions/current/{act}"), 403, 4031)
        assert theatre.state == "ready"


@pytest.mark.hazard("H38")
async def test_five_wrong_pins_lock_and_it_is_on_record(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, guarded(theatre) as screen:
        for _ in range(WRONG_PINS):
            refused(await screen.post("/api/login", {"person": "Olga", "pin": "0000"}), 401, 8031)
        right = {"person": "Olga", "pin": PIN}
        refused(await screen.post("/api/login", right), 429, 8032)
        answer(await screen.post("/api/login", {"person": "Theo", "pin": PIN}))
    bodies = bodies_in(tmp_path / "j")
    assert [body.person for body in bodies if isinstance(body, LockedOut)] == ["Olga"]
    reasons = [body.reason for body in bodies if isinstance(body, LoginRefused)]
    assert reasons == ["wrong_pin"] * WRONG_PINS + ["locked"]


@pytest.mark.hazard("H38")
async def test_a_name_that_nobody_has_is_not_told_apart_and_not_recorded(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, guarded(theatre) as screen:
        wrong = await screen.post("/api/login", {"person": "Olga", "pin": "0000"})
        for name in ("246810", "nobody", ""):
            told = await screen.post("/api/login", {"person": name, "pin": PIN})
            assert (told.status_code, told.json()) == (wrong.status_code, wrong.json())
    refusals = [body for body in bodies_in(tmp_path / "j") if isinstance(body, LoginRefused)]
    assert [body.person for body in refusals] == ["Olga", None, None, None]
    assert b"246810" not in b"".join(file.read_bytes() for file in (tmp_path / "j").iterdir())


@pytest.mark.hazard("H38")
async def test_one_screen_has_one_login(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, guarded(theatre) as screen:
        await screen.log_in("Olga")
        first = screen.client.cookies["micropen_login"]
        await screen.log_in("Ada")
        screen.client.cookies.clear()
        screen.client.cookies.set("micropen_login", first)
        assert (await screen.state())["login"] is None
    reasons = [body.reason for body in bodies_in(tmp_path / "j") if isinstance(body, LoggedOut)]
    assert reasons == ["replaced"]


@pytest.mark.hazard("H38")
async def test_in_training_nobody_needs_a_login_until_people_are_entered(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre:
        async with Screen(theatre) as screen:
            view = await screen.open()
            assert view["login"]["person"] == "trainee"
            assert answer(await screen.get("/api/state"))["simulated"]
        async with Screen(theatre, people=three_people()) as screen:
            refused(await screen.post("/api/sessions/current/prime"), 401, 8030)
            people = (await screen.get("/api/people")).json()
    assert people == [
        {"name": "Olga", "role": "operator"},
        {"name": "Theo", "role": "technician"},
        {"name": "Ada", "role": "administrator"},
    ]


@pytest.mark.hazard("H38")
async def test_people_are_read_at_each_login_and_a_damaged_file_lets_nobody_in(
    tmp_path: Path,
) -> None:
    async with room(tmp_path) as theatre:
        known = partial(read_people, tmp_path)
        async with Screen(theatre, people=known, realm="treatment") as screen:
            assert (await screen.get("/api/people")).json() == []
            write_people(tmp_path, three_people())
            assert len((await screen.get("/api/people")).json()) == 3
            await screen.log_in("Olga")
            write_people(tmp_path, three_people().without("Theo"))
            refused(await screen.post("/api/login", {"person": "Theo", "pin": PIN}), 401, 8031)
            (tmp_path / FILE).write_text("{", "utf-8")
            refused(await screen.post("/api/login", {"person": "Ada", "pin": PIN}), 503, 8041)
            refused(await screen.get("/api/people"), 503, 8041)
            assert (await screen.state())["login"]["person"] == "Olga"
