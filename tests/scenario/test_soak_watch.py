"""The eyes of a trial: how long a pen moved after its last grant, also when it was pulled."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from controller.session.plan import load_plan
from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Grant
from tests.soak.catalogue import HostState, PenPhase
from tests.soak.company import beside, this_task
from tests.soak.leash import AT_REST_US, Leash
from tests.soak.trace import Trace
from tests.soak.watch import Watch
from tests.support.bills import CONFIG, pen_for
from tests.support.stage import Stage
from tests.support.theatre import Theatre
from tests.support.virtual import VirtualLoop, advance

PLAN = load_plan(CONFIG / "plans" / "short_check.toml")


def pumped_in_a_dose(stage: Stage) -> int:
    """Forward steps, once there was a puncture."""
    totals = stage.world.mechanism.oracle.totals
    return totals.forward_steps if totals.punctures else 0


async def test_a_pen_that_pumps_while_its_host_stands_still_is_seen_to_rest_in_time(
    tmp_path: Path,
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        watch = Watch(theatre, Trace(), lambda _: None)
        theatre.bystanders.add(this_task())
        async with beside(theatre, watch.run()):
            await theatre.begin(PLAN)
            operating = theatre.operate()
            await theatre.until(lambda: pumped_in_a_dose(theatre.stage) > 0)
            before = pumped_in_a_dose(theatre.stage)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.stall(11.0)
            await advance(0.5)
            operating.cancel()
        assert pumped_in_a_dose(theatre.stage) > before
        leash = watch.leash()
    assert 0 < leash.longest_us < AT_REST_US
    assert leash.overrun_us == 0


async def test_a_moment_is_found_as_long_after_it_began_as_was_asked(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        seen_s: list[float] = []
        watch = Watch(theatre, Trace(), lambda _: seen_s.append(theatre.clock.mono_s()))
        theatre.bystanders.add(this_task())
        async with beside(theatre, watch.run()):
            await watch.moment(HostState.NONE, PenPhase.IDLE, Random(1), after_s=0.7)
            began_s, now_s = seen_s[-1], theatre.clock.mono_s()
    assert now_s - began_s == pytest.approx(0.7, abs=1e-6)


def test_what_pumps_after_its_lease_is_an_overrun_whatever_is_granted_later() -> None:
    leash = Leash()
    leash.wrote(
        1_000, encode_frame(Frame(Grant.KIND, 7, 0, encode_payload(Grant(1, 2, 3, 4, 5, 0))))
    )
    leash.wrote(
        900_000, encode_frame(Frame(Grant.KIND, 7, 1, encode_payload(Grant(1, 2, 3, 4, 5, 0))))
    )
    leash.pumped(1_000 + AT_REST_US + 25)
    assert leash.overrun_us == 25


async def test_a_pen_that_is_pulled_while_it_pumps_is_seen_to_rest_at_once(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        watch = Watch(theatre, Trace(), lambda _: None)
        theatre.bystanders.add(this_task())
        async with beside(theatre, watch.run()):
            await theatre.begin(PLAN)
            operating = theatre.operate()
            pulled = theatre.stage
            await theatre.until(lambda: pumped_in_a_dose(pulled) > 0)
            before = pumped_in_a_dose(pulled)
            theatre.plug_in_other(pen_for(PLAN), seed=2)
            await advance(3.0)
            theatre.plug_in_first_again()
            await advance(0.5)
            operating.cancel()
        assert theatre.stage is pulled
        assert pumped_in_a_dose(pulled) > before
        leash = watch.leash()
    assert 0 < leash.longest_us < AT_REST_US
    assert leash.overrun_us == 0
