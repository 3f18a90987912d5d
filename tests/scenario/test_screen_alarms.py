"""Alarms on the screen: highest first, latched until acknowledged, on record who saw them."""

from pathlib import Path

import pytest

from controller.console.alarm_list import AUDIO_PAUSE_S
from controller.console.console import Console
from controller.record.console_events import AlarmAcknowledged, AudioPaused
from controller.session.alarms import raised
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import PLAN, Screen, answer, bodies_in, refused, three_people
from tests.support.theatre import Theatre
from tests.support.virtual import advance

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


@pytest.mark.hazard("H44")
async def test_an_alarm_stays_until_it_is_over_and_seen(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        answer(await screen.post("/api/stop"))
        view = await screen.state()
        (alarm,) = view["alarms"]
        assert (alarm["id"], alarm["priority"]) == ("stop-latched", "high")
        assert (alarm["active"], alarm["acknowledged"]) == (True, False)
        assert alarm["cause"] == "STOP on the screen"
        assert alarm["action"]
        view = answer(await screen.post("/api/alarms/stop-latched/acknowledge"))
        assert view["alarms"][0]["acknowledged"]  # its cause is still there
        await screen.act("clear")
        assert (await screen.state())["alarms"] == []
        refused(await screen.post("/api/alarms/stop-latched/acknowledge"), 404, 8038)
    seen = [body for body in bodies_in(tmp_path / "j") if isinstance(body, AlarmAcknowledged)]
    assert [(body.alarm_id, body.actor.name) for body in seen] == [("stop-latched", "trainee")]


@pytest.mark.hazard("H44")
async def test_what_is_over_before_anybody_looked_is_still_shown(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        answer(await screen.post("/api/stop"))
        await screen.act("clear")
        (alarm,) = (await screen.state())["alarms"]
        assert (alarm["active"], alarm["acknowledged"]) == (False, False)
        answer(await screen.post("/api/alarms/stop-latched/acknowledge"))
        assert (await screen.state())["alarms"] == []


@pytest.mark.hazard("H44")
async def test_highest_first_then_what_nobody_has_seen(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        engine = theatre.engine
        for name in ("battery_low", "lease_lapsed", "stop_unconfirmed", "record_failed"):
            engine.note(*engine.alarms.up(raised(name)))
            await advance(1.0)
        view = answer(await screen.post("/api/alarms/stop-unconfirmed/acknowledge"))
        assert [each["id"] for each in view["alarms"]] == [
            "record-failed",
            "stop-unconfirmed",
            "lease-lapsed",
            "battery-low",
        ]


async def test_the_sound_pauses_for_two_minutes_or_until_the_next_alarm(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        engine = theatre.engine
        assert (await screen.state())["audio_paused_until_wall"] is None
        view = answer(await screen.post("/api/alarms/pause-audio"))
        assert view["audio_paused_until_wall"] is not None
        await advance(AUDIO_PAUSE_S + 0.1)
        assert (await screen.state())["audio_paused_until_wall"] is None
        answer(await screen.post("/api/alarms/pause-audio"))
        engine.note(*engine.alarms.up(raised("lease_lapsed")))
        assert (await screen.state())["audio_paused_until_wall"] is None
    paused = [body for body in bodies_in(tmp_path / "j") if isinstance(body, AudioPaused)]
    assert [body.seconds for body in paused] == [120, 120]


async def test_alarms_are_seen_by_somebody_with_a_name(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre:
        async with Screen(theatre, people=three_people(), realm="treatment") as screen:
            answer(await screen.post("/api/stop"))
            for path in ("/api/alarms/stop-latched/acknowledge", "/api/alarms/pause-audio"):
                refused(await screen.post(path), 401, 8030)
        assert theatre.is_running


@pytest.mark.hazard("H44")
async def test_after_a_crash_the_unseen_alarms_are_back_and_the_seen_are_not(
    tmp_path: Path,
) -> None:
    async with room(tmp_path) as theatre:
        async with Screen(theatre) as screen:
            engine = theatre.engine
            for name in ("battery_low", "lease_lapsed"):
                await engine.commit(*engine.alarms.up(raised(name)))
            answer(await screen.post("/api/alarms/battery-low/acknowledge"))
            await engine.commit(*engine.alarms.down("battery-low", "lease-lapsed"))
        await theatre.stop()
        await theatre.start()
        again = Console(screen.room)
        views = {each.id: each for each in again.picture.parts.alarms.views()}
        assert not views["lease-lapsed"].active
        assert not views["lease-lapsed"].acknowledged
        assert "battery-low" not in views
        await theatre.stop()
        await theatre.start()  # two services later it is the log's, not the board's
        assert Console(screen.room).picture.parts.alarms.views() == []
