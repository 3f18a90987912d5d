"""The same claims over a pty between real processes: SIGKILL, SIGHUP, SIGUSR1, the STOP key."""

import os
import pty
from pathlib import Path
from random import Random

import pytest

from protocol.limits import LEASE_HOST_MAX_US
from tests.scenario.conftest import Figure, wanted
from tests.support.real_room import (
    Aftermath,
    aftermath,
    controller,
    judged,
    pen_process,
    press,
    vial,
    write_plan,
)

pytestmark = [
    pytest.mark.real_time("processes on a pty"),
    pytest.mark.slow,
]

WATCHED_S = 0.6
REST_S = LEASE_HOST_MAX_US / 1_000_000 + 0.15 + 0.1
"""Lease and braking (C5, C6), and a tenth of a second for two processes on a busy machine."""
MOMENTS = ('"pen up"', '"after":"ready"', '"after":"arming"', '"after":"running"')


def over_ceilings(before: Aftermath, cadence_hz: int = 8) -> bool:
    """Whether the pen went on for longer than its look-ahead: cadence x 0.4 s + 1."""
    return before.punctures > cadence_hz * 4 // 10 + 1


@pytest.mark.hazard("H08")
async def test_the_controller_is_killed_again_and_again(tmp_path: Path, figure: Figure) -> None:
    """SIGKILL at random moments of a session; each `--resume` reconciles, the last completes."""
    kills, rng = wanted("MICROPEN_KILLS", 20), Random("kills")
    plan = write_plan(tmp_path, 3 * kills, 3 * kills)
    words: tuple[str, ...] = ("--plan", str(plan), *vial())
    seen: list[Aftermath] = []
    async with pen_process(tmp_path) as pen:
        for _ in range(kills):
            async with controller(pen, tmp_path, "--program", "--json-log", *words) as process:
                await process.says(*rng.choices(MOMENTS, (1, 1, 1, 6)))
                assert await process.works_for(rng.uniform(0.0, 0.8)), process.said[-2_000:]
                process.kill()
                seen.append(await aftermath(pen, WATCHED_S))
            referee = await judged(pen, tmp_path)
            assert len(referee.open_arms) <= 1
            words = ("--resume",) if referee.all("session_opened") else words
        async with controller(pen, tmp_path, "--program", "--json-log", "--resume") as process:
            assert await process.ended() == 0, process.said[-2_000:]
        referee = await judged(pen, tmp_path)
        totals = (await pen.oracle()).totals
    assert referee.open_arms == referee.residuals == []
    assert sum(arm.certain[0] for arm in referee.arms.values()) == totals.punctures == 6 * kills
    assert sum(arm.certain[1] for arm in referee.arms.values()) == totals.forward_steps
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    assert not any(over_ceilings(each) for each in seen)
    assert max(each.rest_s for each in seen) <= REST_S
    figure(
        f"{kills} kills: at rest after at most {max(each.rest_s for each in seen):.3f} s, at most "
        f"{max(each.punctures for each in seen)} punctures and {max(each.steps for each in seen)} "
        f"steps after a kill, none over a committed ceiling; {len(referee.arms)} arms, all closed"
    )


@pytest.mark.hazard("H10")
async def test_the_cable_is_pulled_on_a_real_port(tmp_path: Path, figure: Figure) -> None:
    pulls, rng = 4, Random("pulls")
    plan = write_plan(tmp_path, 20, 15)
    words = ("--program", "--json-log", "--plan", str(plan), *vial())
    async with pen_process(tmp_path) as pen, controller(pen, tmp_path, *words) as process:
        for _ in range(pulls):
            await process.says('"after":"running"')
            assert await process.works_for(rng.uniform(0.2, 0.7))
            pen.pull_cable()
            await process.says("pen lost")
        assert await process.ended() == 0, process.said[-2_000:]
        referee = await judged(pen, tmp_path)
        totals = (await pen.oracle()).totals
    assert len(referee.all("link_lost")) >= pulls
    assert referee.residuals == referee.open_arms == []
    assert sum(arm.certain[0] for arm in referee.arms.values()) == totals.punctures == 35
    figure(f"{pulls} pulls, ends {sorted(set(referee.end_reasons))}")


@pytest.mark.hazard("H13")
async def test_the_pen_is_reset_on_a_real_port(tmp_path: Path, figure: Figure) -> None:
    resets, rng = 4, Random("resets")
    plan = write_plan(tmp_path, 20, 15)
    words = ("--program", "--json-log", "--plan", str(plan), *vial())
    async with pen_process(tmp_path) as pen, controller(pen, tmp_path, *words) as process:
        for _ in range(resets):
            await process.says('"after":"running"')
            assert await process.works_for(rng.uniform(0.2, 0.7))
            pen.reset()
            await process.says("pen lost")
        assert await process.ended() == 0, process.said[-2_000:]
        referee = await judged(pen, tmp_path)
    assert referee.open_arms == []
    assert referee.end_reasons.count("boot") > 0
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    figure(f"{resets} resets, {len(referee.residuals)} residuals")


@pytest.mark.hazard("H34")
async def test_the_stop_key_of_a_real_terminal(tmp_path: Path, figure: Figure) -> None:
    """A person's way through a session: prime, arm, STOP in mid-zone, clear, arm again, close."""
    plan = write_plan(tmp_path, 8)
    ours, theirs = pty.openpty()
    try:
        async with (
            pen_process(tmp_path) as pen,
            controller(pen, tmp_path, "--plan", str(plan), *vial(), terminal=theirs) as process,
        ):
            await process.says("Keys:")
            press(ours, "\n")
            await process.says("ENTER goes on.")
            press(ours, "\n")
            await process.says("zone-1: 2/8", "zone-1: 3/8", "zone-1: 4/8")
            press(ours, " ")
            after = await aftermath(pen, WATCHED_S)
            await process.says("then c clears it")
            press(ours, "c")
            await process.says("Cleared.")
            await process.says("ENTER goes on.")
            press(ours, "\n")
            await process.says("ENTER goes on.")
            press(ours, "\n")
            assert await process.ended() == 0, process.said[-2_000:]
            referee = await judged(pen, tmp_path)
    finally:
        os.close(ours)
        os.close(theirs)
    (sent,) = referee.all("stop_sent")
    assert (sent["actor"]["name"], sent["reason"]) == ("operator", "operator")
    (confirmed,) = referee.all("stop_confirmed")
    assert confirmed["stop_id"] == sent["stop_id"]
    assert "stop" in referee.end_reasons
    assert after.punctures <= 1
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    figure(f"confirmed after {confirmed['latency_us'] / 1000:.1f} ms, {after}")
