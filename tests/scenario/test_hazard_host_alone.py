"""The host against a pen without checks of its own: nothing that the host asks for is too much.

The pen here takes every configuration, claims no ceilings worth the name, and in the last tests
does not even stop at what it was granted.
"""

import asyncio
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from controller.errors import MicropenError
from controller.service.program import PROGRAM
from controller.session.act_errors import DosingBlocked, NothingAllowed
from controller.session.plan import Plan
from protocol.messages import Configure, Grant, Message
from protocol.words import Result
from simulator.device import PenDevice
from simulator.firmware import desk, motion
from simulator.scenario import Scenario
from tests.scenario.conftest import Figure, wanted
from tests.support.bills import dosing, pen_for, stamping
from tests.support.theatre import Theatre

PICOLITRES = 2_711
DOSE_NL = 2_000
STEPS = 738
"""The whole steps nearest to 2,000 nl at 2.711 nl a step."""
OFFSET_MAX_UM = 200
"""No certificate corrects the protrusion by more."""
PUNCTURE_NL = Fraction(STEPS * PICOLITRES, 1_000)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """Everything the pen is told, by a pen that accepts any configuration."""
    heard: list[Message] = []
    handle = PenDevice._handle

    def listen(self: PenDevice, message: Message) -> None:
        heard.append(message)
        handle(self, message)

    monkeypatch.setattr(PenDevice, "_handle", listen)
    monkeypatch.setattr(desk, "judge_settings", lambda *_: Result.OK)
    return heard


def boundless(plan: Plan, **changes: Any) -> Scenario:
    """A pen that claims to be able to do anything."""
    pen = pen_for(plan, **changes)
    claims = msgspec.structs.replace(
        pen.pen, max_steps=60_000, max_protrusion_um=3_000, min_stroke_period_us=1
    )
    return msgspec.structs.replace(pen, pen=claims)


def really(theatre: Theatre) -> tuple[int, int]:
    """Punctures and forward steps of all arms, by the oracle."""
    moved = [each for name, each in theatre.stage.truth.segments().items() if name != "before"]
    return sum(each.punctures for each in moved), sum(each.forward_steps for each in moved)


def zone_steps(theatre: Theatre) -> int:
    """Forward steps in zones: those of arms with punctures."""
    moved = theatre.stage.truth.segments().values()
    return sum(each.forward_steps for each in moved if each.punctures)


async def past_the_first(theatre: Theatre, work: "asyncio.Task[None]") -> None:
    await theatre.until(lambda: really(theatre)[0] > 1 or work.done())


LIMITS = ("max_puncture_nl", "max_zone_nl", "max_session_nl", "max_course_nl")


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("name", LIMITS[1:])
@pytest.mark.parametrize(("beside_nl", "made"), [(-1, 2), (0, 3), (1, 3)])
async def test_what_really_leaves_at_limit_less_one_limit_and_limit_more_one(
    tmp_path: Path, told: list[Message], name: str, beside_nl: int, made: int
) -> None:
    """The limit is three doses, to the picolitre below: 1 nl less and only two are given."""
    plan = dosing(8)
    three_nl = 3 * PUNCTURE_NL
    limit_nl = -(-three_nl.numerator // three_nl.denominator) + beside_nl
    assert three_nl <= limit_nl or beside_nl < 0
    async with Theatre(tmp_path / "j", boundless(plan)) as theatre:
        await theatre.begin(plan, **{name: limit_nl})
        with pytest.raises(NothingAllowed):
            await theatre.operate()
        await theatre.acts.close(PROGRAM)
        theatre.check()
        assert Fraction(zone_steps(theatre) * PICOLITRES, 1_000) <= limit_nl
        assert zone_steps(theatre) == made * STEPS


@pytest.mark.hazard("H01", "H05", "H43")
async def test_whatever_the_limits_are_nothing_over_them_is_asked_for(
    tmp_path: Path, told: list[Message], figure: Figure
) -> None:
    """Random limits, a tug at the cable: asked and granted stay inside, and so does the truth."""
    seeds = wanted("HOST_ALONE_SEEDS", 6)
    nearest = Fraction(10**9)
    for seed in range(seeds):
        told.clear()
        rng = Random(f"host alone {seed}")
        plan = dosing(rng.randrange(3, 12), rng.randrange(3, 12))
        limit_nl = rng.randrange(4_000, 40_000)
        name = rng.choice(LIMITS[2:])
        async with Theatre(tmp_path / f"j{seed}", boundless(plan), seed=seed) as theatre:
            await theatre.begin(plan, **{name: limit_nl})
            work = theatre.operate()
            await past_the_first(theatre, work)
            theatre.unplug()
            theatre.replug()
            try:
                await work
            except NothingAllowed:
                await theatre.acts.close(PROGRAM)
            theatre.check()
            given_nl = Fraction(zone_steps(theatre) * PICOLITRES, 1_000)
        assert given_nl <= limit_nl
        nearest = min(nearest, limit_nl - given_nl)
        zone = plan.zones[0]
        for message in told:
            if isinstance(message, Configure) and message.settings.protrusion_um:
                assert abs(message.settings.protrusion_um - zone.protrusion_um) <= OFFSET_MAX_UM
                assert message.settings.steps <= STEPS
                assert message.settings.stroke_period_us >= zone.stroke_period_us
    figure(f"{seeds} seeds, {nearest} nl was the nearest that anything came to its limit")


@pytest.mark.hazard("H01", "H36")
@pytest.mark.parametrize("cadence_hz", [5, 8])
async def test_a_pen_that_does_not_stop_at_its_ceiling_is_stopped(
    tmp_path: Path,
    told: list[Message],
    monkeypatch: pytest.MonkeyPatch,
    figure: Figure,
    cadence_hz: int,
) -> None:
    """The disk is slow, so the ceiling waits; this pen does not."""
    plan = dosing(30, dose_nl=500, cadence_hz=cadence_hz)
    async with Theatre(tmp_path / "j", boundless(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: really(theatre)[0] == 2)
        theatre.disk_s = (0.8, 0.8)
        monkeypatch.setattr(motion.Motion, "_has_room", lambda *_: True)
        with pytest.raises(MicropenError):
            await work
        await theatre.rest(2.0)
        over = really(theatre)[0] - max(g.puncture_ceiling for g in told if isinstance(g, Grant))
        assert 1 <= over <= 2
        with pytest.raises(DosingBlocked):
            await theatre.acts.treat(PROGRAM)
        theatre.disk_s = (0.001, 0.01)
        referee = theatre.referee()
        assert really(theatre)[0] < 12
    assert "books_contradict_pen" in referee.alarms
    assert "over its ceilings" in referee.all("contradiction")[0]["sentence"]
    assert len(referee.all("stop_sent")) == 1
    figure(f"{over} strokes over the ceiling before the stop")


@pytest.mark.hazard("H43")
async def test_a_needle_faster_than_it_was_set_is_stopped_by_the_host(
    tmp_path: Path, told: list[Message], figure: Figure
) -> None:
    """The motor runs at twice its speed, and this pen's own supervision says nothing."""
    plan = stamping(900, cadence_hz=60)
    async with Theatre(tmp_path / "j", boundless(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        needle = theatre.stage.world.mechanism.needle
        spin = needle.spin
        needle.spin = lambda now_us, period_us: spin(now_us, period_us // 2)  # type: ignore[method-assign]  # the defect
        await theatre.until(lambda: "books-contradict" in " ".join(theatre.engine.alarms.active))
        made = theatre.stage.truth.so_far().punctures
        with pytest.raises(MicropenError):
            await work
        await theatre.rest(1.0)
        referee = theatre.referee()
    assert any("faster" in each["sentence"] for each in referee.all("contradiction"))
    figure(f"stopped after {made} punctures of {900}")
