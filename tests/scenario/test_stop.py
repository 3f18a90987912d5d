"""STOP from anywhere at any time: latched, confirmed, recorded; nothing is granted after it."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from controller.record.events import Actor, hex_id
from controller.service.program import PROGRAM
from controller.session.states import State, WrongState
from simulator.line import LineSettings, WireSettings
from tests.scenario.conftest import Figure
from tests.support import mishaps
from tests.support.bills import dosing, pen_for
from tests.support.mishaps import Tally
from tests.support.theatre import Theatre
from tests.support.virtual import advance

OPERATOR = Actor(name="Op", role="operator")
CONFIRMED_WITHIN_S = 0.1
"""hazards.md, H35: a stop that is not confirmed by then raises the alarm."""


async def in_a_stroke(theatre: Theatre) -> None:
    """Return while a dose is on its way into the skin."""
    oracle = theatre.stage.world.mechanism.oracle
    await theatre.until(lambda: oracle.in_stroke)
    await advance(0.01)


def grants_after(theatre: Theatre, mono_s: float, arm_id: int) -> int:
    """How many grants for an arm left after a moment."""
    lines = theatre.service.line.wiretap.dump()
    grants = [line for line in lines if line.get("message") == "Grant" and line["mono_s"] > mono_s]
    return sum(line["fields"]["arm_id"] == arm_id for line in grants)


@pytest.mark.hazard("H34")
async def test_stop_from_another_thread(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await in_a_stroke(theatre)
        before = theatre.stage.truth.so_far().punctures
        arm_id = theatre.armed_id
        stop_id = await asyncio.to_thread(theatre.service.stop, "key", OPERATOR)
        pressed_s = theatre.clock.mono_s()
        assert grants_after(theatre, 0.0, arm_id) > 0
        assert await theatre.rest(0.2) < 0.02
        assert grants_after(theatre, pressed_s, arm_id) == 0
        assert theatre.stage.truth.so_far().punctures == before
        await work
        referee = theatre.check()
    (sent,) = referee.all("stop_sent")
    assert (sent["stop_id"], sent["reason"]) == (hex_id(stop_id), "key")
    assert sent["actor"]["name"] == "Op"
    (confirmed,) = referee.all("stop_confirmed")
    assert confirmed["stop_id"] == hex_id(stop_id)
    assert confirmed["latency_us"] < CONFIRMED_WITHIN_S * 1_000_000
    assert "stop" in referee.end_reasons
    assert referee.all("latch_cleared")[0]["stop_id"] == hex_id(stop_id)
    assert {"stop_latched"} <= referee.alarms


@pytest.mark.hazard("H36")
async def test_a_latched_stop_arms_nothing_until_it_is_cleared(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await in_a_stroke(theatre)
        work.cancel()
        theatre.engine.stop("test")
        await theatre.until(lambda: theatre.engine.state is State.LATCHED)
        moved = theatre.stage.truth.so_far().counted
        with pytest.raises(WrongState, match="latched"):
            await theatre.acts.treat(PROGRAM)
        await theatre.rest(5.0)
        await theatre.acts.clear(OPERATOR)
        assert theatre.engine.state is State.READY
        await theatre.rest(5.0)
        assert theatre.stage.truth.so_far().counted == moved  # cleared is not armed
        await theatre.operate()
        referee = theatre.check()
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H34")
async def test_stops_at_random_moments(tmp_path: Path, figure: Figure) -> None:
    tally, latencies_us = Tally(), []
    while tally.mishaps < 100:
        seed = 40_000 + tally.sessions
        plan = dosing(6, 4)
        folder = tmp_path / str(seed)
        referee = await mishaps.disturbed(
            folder, plan, pen_for(plan), mishaps.press_stop, seed, tally, 8
        )
        sent, confirmed = referee.all("stop_sent"), referee.all("stop_confirmed")
        assert [each["stop_id"] for each in sent] == [each["stop_id"] for each in confirmed]
        latencies_us += [each["latency_us"] for each in confirmed]
    assert max(tally.rests_s) < CONFIRMED_WITHIN_S
    figure(f"{tally}; confirmed after at most {max(latencies_us) / 1000:.1f} ms")


@pytest.mark.hazard("H35")
async def test_stop_on_a_line_that_loses_a_third(tmp_path: Path, figure: Figure) -> None:
    bad = WireSettings(baud=115_200, latency_us=1_000, lose_frame=0.3, duplicate_frame=0.5)
    plan = dosing(6, 4)
    rests_s = []
    for seed in range(20):
        scenario = pen_for(plan, line=LineSettings(to_pen=bad, to_host=bad))
        async with Theatre(tmp_path / str(seed), scenario, seed=seed) as theatre:
            await theatre.begin(plan)
            work = theatre.operate()
            await in_a_stroke(theatre)
            work.cancel()
            theatre.engine.stop("test")
            rests_s.append(await theatre.rest(1.0))
            await theatre.operate()
            referee = theatre.check()
        assert len(referee.all("stop_confirmed")) == 1
    figure(f"at rest after at most {max(rests_s):.3f} s over 20 stops")


@pytest.mark.hazard("H35")
async def test_a_stop_pressed_while_the_cable_is_out_is_latched_on_return(tmp_path: Path) -> None:
    plan = dosing(6, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await in_a_stroke(theatre)
        theatre.unplug()
        await advance(0.05)
        theatre.engine.stop("test")
        await advance(1.0)
        assert "stop_unconfirmed" in theatre.referee().alarms
        theatre.replug()
        await work
        referee = theatre.check()
    assert len(referee.all("stop_confirmed")) == 1
    assert len(referee.all("latch_cleared")) == 1
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H34")
async def test_a_stop_at_every_moment_of_arming_leaves_no_arm_granted(tmp_path: Path) -> None:
    """From the decision to arm to the first grant: whatever comes first, nothing moves."""
    plan = dosing(2)
    rng = Random("arming")
    for seed in range(40):
        async with Theatre(tmp_path / str(seed), pen_for(plan), seed=seed) as theatre:
            await theatre.begin(plan)
            arming = asyncio.create_task(theatre.acts.prime(PROGRAM))
            if seed % 2:
                await theatre.until(lambda: theatre.engine.state is State.ARMING)
            await advance(rng.uniform(0.0, 0.08))
            stopped_s = theatre.clock.mono_s()
            theatre.engine.stop("test")
            await asyncio.gather(arming, return_exceptions=True)
            await theatre.until(lambda: theatre.engine.state is State.LATCHED)
            await theatre.rest(1.5)
            assert grants_after(theatre, stopped_s, arm_id=1) == 0
            assert theatre.stage.truth.so_far().forward_steps == 0
            theatre.check()


@pytest.mark.hazard("H08")
async def test_a_service_told_to_end_while_it_arms_leaves_nothing_open(tmp_path: Path) -> None:
    plan = dosing(2)
    rng = Random("ending")
    for seed in range(20):
        async with Theatre(tmp_path / str(seed), pen_for(plan), seed=seed) as theatre:
            await theatre.begin(plan)
            arming = asyncio.create_task(theatre.acts.prime(PROGRAM))
            await theatre.until(lambda: theatre.engine.state is State.ARMING)
            await advance(rng.uniform(0.0, 0.04))
            arming.cancel()
            await theatre.stop()
            await asyncio.gather(arming, return_exceptions=True)
            assert theatre.check().end_reasons != []


async def test_a_service_that_ended_writes_nothing_more(tmp_path: Path) -> None:
    """A stop that nobody confirmed must not raise its alarm into a journal that is closed."""
    plan = dosing(2)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        theatre.unplug()
        await advance(0.1)
        theatre.engine.stop("test")
        await theatre.stop()
        entries = len(theatre.referee().entries)
        await advance(1.0)
        assert len(theatre.referee().entries) == entries
        assert len(list((tmp_path / "j").glob("journal*.db"))) == 1
