"""The driver in virtual time: a world that leaps from instant to instant is the same world."""

import asyncio

import pytest

from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Hello
from simulator.driver import Driver, Leap
from simulator.scenario import Scenario
from simulator.world import World
from tests.support.virtual import START_S, VirtualLoop, advance, run_virtual

HELLO = encode_frame(Frame(Hello.KIND, 0, 0, encode_payload(Hello(7, 9))))
Heard = list[tuple[float, bytes]]


async def _heard(*, leaps: bool) -> tuple[Heard, int]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    leap: Leap | None = loop.leap if leaps else None
    driver = Driver(World(Scenario(), 3), leap=leap)
    heard: Heard = []
    driver.plug(lambda data: heard.append((loop.time(), data)))
    driver.host_sends(HELLO)
    for _ in range(5):
        await advance(1.0371)
        driver.host_sends(HELLO)
    driver.stop()
    return heard, loop.timers_set


def test_leaps_save_timers_and_change_nothing() -> None:
    slow, many = run_virtual(lambda: _heard(leaps=False))
    quick, few = run_virtual(lambda: _heard(leaps=True))
    assert len(slow) > 20
    assert quick == slow
    assert few < many


@pytest.mark.parametrize("way", ["ready", "timer before", "timer with it", "real work"])
async def test_a_leap_is_refused_when_anything_else_would_happen(way: str) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    happened: list[str] = []
    match way:
        case "ready":
            loop.call_soon(happened.append, way)
        case "timer before":
            loop.call_later(0.9, happened.append, way)
        case "timer with it":
            loop.call_at(START_S + 1, happened.append, way)
        case "real work":
            with loop.wait_for_real():
                assert not loop.leap(START_S + 1)
            return
    assert not loop.leap(START_S + 1)
    assert loop.time() == START_S
    await advance(2)
    assert happened == [way]


async def test_a_leap_passes_cancelled_timers_and_stops_at_the_limit() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.call_later(0.5, print).cancel()
    assert loop.leap(START_S + 1)
    assert loop.time() == START_S + 1
    assert not loop.leap(START_S + loop.limit_s + 1)
    assert loop.time() == START_S + 1
