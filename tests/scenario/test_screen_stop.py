"""STOP from the screen: before everything else, in every state, measured to the pen's echo."""

import asyncio
import json
from pathlib import Path

import pytest

from controller.console.console import Console
from controller.record.console_events import AlarmAcknowledged, StopTested
from controller.record.events import StopConfirmed, StopSent
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import (
    PAGE_HEADERS,
    PLAN,
    Blocked,
    Screen,
    answer,
    bodies_in,
    refused,
    three_people,
    without,
)
from tests.support.theatre import Theatre
from tests.support.virtual import advance

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")
WITHIN_MS = 60.0
"""One frame out, one back, over an adapter of 1 ms and 16 ms: bills.usb(); twice that."""


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


async def linked(theatre: Theatre) -> None:
    await theatre.engine.changes.until(lambda: theatre.engine.reconciled)


@pytest.mark.hazard("H34")
async def test_stop_in_mid_dosing_is_measured_latched_and_on_record(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        await screen.act("treat")
        await theatre.until(lambda: theatre.stage.moves)
        told = answer(await screen.post("/api/stop"))
        assert 0 < told["latency_ms"] < WITHIN_MS
        assert await theatre.rest(1.0) < 0.2
        view = await screen.state()
        assert view["session"]["state"] == "latched"
        assert view["stop"] == {
            "under_way": False,
            "last_latency_ms": pytest.approx(told["latency_ms"], abs=0.001),
            "self_test": None,
        }
        assert view["alarms"][0]["id"] == "stop-latched"
        refused(await screen.post("/api/sessions/current/treat"), 409, 4001)
        view = await screen.act("clear")
        assert view["session"]["state"] == "ready"
        assert not view["pen"]["flags"]["stop_latched"]
        theatre.check()
    bodies = bodies_in(tmp_path / "j")
    sent = [body for body in bodies if isinstance(body, StopSent)]
    assert [(body.stop_id, body.reason) for body in sent] == [
        (told["stop_id"], "STOP on the screen")
    ]
    assert [body.stop_id for body in bodies if isinstance(body, StopConfirmed)] == [told["stop_id"]]


@pytest.mark.hazard("H34")
async def test_stop_needs_no_login_no_header_and_no_readable_body(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre:
        screen = Screen(theatre, people=three_people(), realm="treatment")
        async with screen:
            await linked(theatre)
            refused(await screen.post("/api/sessions/current/pause"), 401, 8030)
            screen.client.headers = without(PAGE_HEADERS, "X-Micropen")
            for body in (b"", b"{", b"\xff" * 200_000):
                told = answer(await screen.client.post("/api/stop", content=body))
                assert told["latency_ms"] is not None
            assert theatre.stage.phase == "latched"


@pytest.mark.hazard("H34")
async def test_stop_says_who_pressed_it_when_somebody_is_logged_in(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre, people=three_people()) as screen:
        await linked(theatre)
        await screen.log_in("Theo")
        answer(await screen.post("/api/stop"))
    sent = [body for body in bodies_in(tmp_path / "j") if isinstance(body, StopSent)]
    assert [body.actor.name for body in sent if body.actor] == ["Theo"]


@pytest.mark.hazard("H34")
async def test_stop_passes_an_act_that_is_pending(tmp_path: Path) -> None:
    """The act waits for the disk; STOP is confirmed before it, and nothing is armed after it."""
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        theatre.disk_s = (5.0, 5.0)
        began_s = theatre.clock.mono_s()
        pending = asyncio.create_task(screen.post("/api/sessions/current/prime"))
        await theatre.until(lambda: theatre.state == "arming")
        told = answer(await screen.post("/api/stop"))
        assert told["latency_ms"] < WITHIN_MS
        assert theatre.clock.mono_s() - began_s < 2.0
        assert not pending.done()
        refused(await pending, 409, 3001)
        await theatre.until(lambda: theatre.state == "latched")
        theatre.check()


@pytest.mark.hazard("H34")
async def test_stop_passes_a_queue_full_of_requests(tmp_path: Path) -> None:
    """Fifty acts wait for one another; STOP waits for none of them."""
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        theatre.disk_s = (2.0, 2.0)
        waiting = [
            asyncio.create_task(screen.post("/api/sessions/current/swap")) for _ in range(50)
        ]
        await advance(0.1)
        assert not any(task.done() for task in waiting)
        began_s = theatre.clock.mono_s()
        told = answer(await screen.post("/api/stop"))
        assert told["latency_ms"] < WITHIN_MS
        assert theatre.clock.mono_s() - began_s < 0.3
        theatre.disk_s = (0.001, 0.001)
        for task in waiting:
            assert (await task).status_code in (200, 409)


@pytest.mark.hazard("H34")
async def test_stop_leaves_though_the_controllers_loop_never_answers(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre, bridge=Blocked()) as screen:
        await linked(theatre)
        began_s = theatre.clock.mono_s()
        told = answer(await screen.post("/api/stop"))
        assert told["latency_ms"] is None
        assert theatre.clock.mono_s() - began_s < 2.0
        assert theatre.stage.phase == "latched"
        assert theatre.service.line.stop_line.last_confirmed is not None


@pytest.mark.hazard("H35")
async def test_stop_without_a_pen_says_that_nobody_confirmed(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        theatre.unplug()
        await theatre.until(lambda: theatre.engine.pen is None)
        told = answer(await screen.post("/api/stop"))
        assert told["latency_ms"] is None
        view = await screen.state()
        assert view["stop"]["under_way"]
        assert "stop-unconfirmed" in [alarm["id"] for alarm in view["alarms"]]
        theatre.replug()
        await theatre.until(
            lambda: theatre.stage.phase == "latched"
        )  # it goes out as soon as it can


async def test_only_what_names_itself_foreign_may_not_stop(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await linked(theatre)
        screen.client.headers = {}
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Host": "evil.example"},
        ):
            refused(await screen.client.post("/api/stop", headers=headers), 403, 8033)
        assert theatre.stage.phase == "idle"
        answer(await screen.client.post("/api/stop"))
        assert theatre.stage.phase == "latched"


async def test_the_self_test_stops_measures_and_clears(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        refused(await screen.post("/api/self-test"), 409, 8042)  # no pen yet
        await linked(theatre)
        view = answer(await screen.post("/api/self-test"))
        assert 0 < view["stop"]["self_test"]["latency_ms"] < WITHIN_MS
        assert view["stop"]["self_test"]["at_wall"].startswith("2030-01-01")
        assert view["pen"]["state"] == "idle"
        assert not view["pen"]["flags"]["stop_latched"]
        await screen.open()
        refused(await screen.post("/api/self-test"), 409, 8042)
        remembered = Console(screen.room).picture.parts.self_test
        assert remembered is not None
        assert remembered.latency_ms == view["stop"]["self_test"]["latency_ms"]
    bodies = bodies_in(tmp_path / "j")
    (tested,) = [body for body in bodies if isinstance(body, StopTested)]
    assert tested.actor.name == "trainee"
    assert tested.latency_us is not None
    assert any(isinstance(body, AlarmAcknowledged) for body in bodies)


async def test_a_self_test_that_nobody_confirms_is_told_and_recorded(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await linked(theatre)
        testing = asyncio.create_task(screen.post("/api/self-test"))
        await asyncio.sleep(0)
        theatre.unplug()
        refused(await testing, 409, 8042)
        assert (await screen.state())["stop"]["self_test"] is None
    (tested,) = [body for body in bodies_in(tmp_path / "j") if isinstance(body, StopTested)]
    assert tested.latency_us is None
    assert json.loads(tested.model_dump_json())["actor"]["role"] == "operator"
