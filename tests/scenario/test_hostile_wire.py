"""A wire that loses a third of everything: the session completes, and the books are right."""

from pathlib import Path

import pytest

from simulator.line import LineSettings, Window, WireSettings
from simulator.scenario import load
from tests.scenario.conftest import Figure
from tests.support.bills import CONFIG, dosing, pen_for, stamping
from tests.support.theatre import Theatre

BAD = WireSettings(
    baud=115_200,
    latency_us=1_000,
    latency_jitter_us=15_000,
    lose_frame=0.3,
    duplicate_frame=0.2,
    reorder_frame=0.05,
    flip_byte=0.001,
    delay_frame=0.02,
    delay_us=2_500_000,
    byte_at_a_time=True,
)
"""30 % loss, duplicates, flipped bits, single bytes, and some frames seconds late."""

DEAD = WireSettings(baud=115_200, dead=(Window(2.0, 2.5), Window(3.6, 6.0)))


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("seed", range(4))
async def test_a_session_completes_over_a_hostile_wire(
    tmp_path: Path, seed: int, figure: Figure
) -> None:
    plan = dosing(30, 20)
    scenario = pen_for(plan, line=LineSettings(to_pen=BAD, to_host=BAD))
    async with Theatre(tmp_path / "j", scenario, seed=seed) as theatre:
        began_s = theatre.clock.mono_s()
        await theatre.play(plan)
        minutes = (theatre.clock.mono_s() - began_s) / 60
        referee = theatre.check()
        truth = theatre.stage.truth.segments()
    for arm in referee.arms.values():
        made = truth[arm.name]
        assert arm.certain == arm.possible == (made.punctures, made.forward_steps)
    (closed,) = referee.all("session_closed")
    assert closed["outcome"] == "complete"
    lapses = referee.end_reasons.count("lapse")
    figure(
        f"{minutes * 60:.0f} s, {lapses / minutes:.1f} lapses a minute, "
        f"{len(referee.all('link_lost'))} links lost, {len(referee.arms)} arms"
    )


@pytest.mark.hazard("H11")
async def test_collagen_induction_over_a_hostile_wire(tmp_path: Path, figure: Figure) -> None:
    plan = stamping(600, 400)
    scenario = pen_for(plan, line=LineSettings(to_pen=BAD, to_host=BAD))
    async with Theatre(tmp_path / "j", scenario, seed=9) as theatre:
        began_s = theatre.clock.mono_s()
        await theatre.play(plan)
        minutes = (theatre.clock.mono_s() - began_s) / 60
        referee = theatre.check()
    lapses = referee.end_reasons.count("lapse")
    figure(f"{minutes * 60:.0f} s, {lapses / minutes:.1f} lapses a minute")


async def test_the_hostile_wire_that_ships(tmp_path: Path, figure: Figure) -> None:
    plan = dosing(20, 10)
    line = load(CONFIG / "simulator" / "hostile_wire.toml").line
    async with Theatre(tmp_path / "j", pen_for(plan, line=line), seed=3) as theatre:
        began_s = theatre.clock.mono_s()
        await theatre.play(plan)
        minutes = (theatre.clock.mono_s() - began_s) / 60
        referee = theatre.check()
    figure(f"{referee.end_reasons.count('lapse') / minutes:.1f} lapses a minute")


@pytest.mark.hazard("H10")
@pytest.mark.parametrize(
    "line", [LineSettings(to_pen=DEAD), LineSettings(to_host=DEAD)], ids=["to_pen", "to_host"]
)
async def test_a_line_that_goes_dead_one_way(tmp_path: Path, line: LineSettings) -> None:
    """Half-open (L15): writes are accepted, nothing arrives."""
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan, line=line)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert {"lapse", "new_link"} & set(referee.end_reasons)
    assert referee.all("session_closed")[0]["outcome"] == "complete"
