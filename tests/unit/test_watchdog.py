"""Signs of life: sent while everything gets on, however slowly, with a pen and without."""

from pathlib import Path

import pytest

from controller.service.supervised.watchdog import TURN_S, Watchdog, watched
from controller.session.states import State
from tests.support.bills import dosing, pen_for
from tests.support.manager import Listening, evidence_of, fed
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(12, 2)


async def test_a_whole_session_a_lost_pen_and_no_pen_at_all_are_alive(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        theatre.unplug()
        began_mono_s = theatre.clock.mono_s()
        async with fed(theatre) as manager:
            await advance(120.0)
            assert manager.lines[:3] == ["READY=1", "STATUS=waiting for the pen", "WATCHDOG=1"]
            assert manager.status.startswith("waiting for the pen: The cable is out.")
            theatre.replug()
            await theatre.begin(PLAN)
            assert manager.status.startswith("pen ready")
            work = theatre.operate()
            await theatre.until(lambda: theatre.engine.state is State.RUNNING)
            await advance(2 * TURN_S)
            assert manager.status == "pen ready; session running"
            theatre.unplug()
            await advance(60.0)
            theatre.replug()
            await work
            await advance(5.0)
            assert manager.longest_silence_s(began_mono_s) <= 2 * TURN_S
            assert manager.lines.count("READY=1") == 1
            assert not any("not alive" in line for line in manager.lines)
        assert manager.lines[-2:] == ["STOPPING=1", "STATUS=stopping"]
        theatre.check()


async def test_pen_ready_is_told_at_once(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        ready_mono_s = theatre.clock.mono_s()
        await advance(2 * TURN_S)
        (told_mono_s,) = [at for at, line in manager.heard if line == "STATUS=pen ready"]
        assert told_mono_s == ready_mono_s


@pytest.mark.hazard("H09")
async def test_a_disk_that_stalls_for_five_seconds_is_slow_and_not_hung(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre, fed(theatre) as manager:
        began_mono_s = theatre.clock.mono_s()
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.engine.state is State.RUNNING)
        theatre.disk_s = (5.0, 5.0)
        await advance(12.0)
        theatre.disk_s = (0.001, 0.02)
        await work
        assert manager.longest_silence_s(began_mono_s) <= 2 * TURN_S
        theatre.check()


async def test_a_manager_that_was_deaf_hears_that_the_service_is_ready(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        manager = Listening(theatre.clock)
        manager.is_deaf = True
        watchdog = Watchdog(manager, evidence_of(theatre), lambda: theatre.service)
        async with watched(watchdog):
            await advance(5.0)
            manager.is_deaf = False
            await advance(5.0)
        assert manager.lines[:3] == ["READY=1", "STATUS=pen ready", "WATCHDOG=1"]


async def test_without_a_watchdog_the_manager_hears_the_rest(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        manager = Listening(theatre.clock, watchdog_s=None)
        evidence = evidence_of(theatre)
        async with watched(Watchdog(manager, evidence, lambda: theatre.service)):
            await advance(30.0)
        assert "WATCHDOG=1" not in manager.lines
        assert {"READY=1", "STATUS=pen ready", "STOPPING=1"} <= set(manager.lines)


@pytest.mark.parametrize("watchdog_s", [0.3, 1.5, 3.0, 10.0])
async def test_food_comes_three_times_as_often_as_it_must(
    tmp_path: Path, watchdog_s: float
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        manager = Listening(theatre.clock, watchdog_s)
        evidence = evidence_of(theatre)
        began_mono_s = theatre.clock.mono_s()
        async with watched(Watchdog(manager, evidence, lambda: theatre.service)):
            await advance(30.0)
        assert manager.longest_silence_s(began_mono_s) <= min(TURN_S, watchdog_s / 3) + 1e-6
