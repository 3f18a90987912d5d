"""The virtual loop itself: time jumps, real threads are waited for, a dead end is named."""

import asyncio
import itertools
import socket
import threading
import time
from datetime import timedelta

import pytest

from tests.support.virtual import (
    EPOCH,
    START_S,
    Deadlock,
    VirtualClock,
    VirtualLoop,
    advance,
    run_virtual,
)

DAY_S = 3600.0 * 24


async def test_a_day_passes_in_no_real_time(clock: VirtualClock) -> None:
    began = time.perf_counter()
    await advance(DAY_S - 1)
    assert clock.mono_s() == START_S + DAY_S - 1
    assert clock.now_wall() == EPOCH + timedelta(seconds=DAY_S - 1)
    assert time.perf_counter() - began < 1


async def test_timers_fire_in_the_order_of_their_times(clock: VirtualClock) -> None:
    fired: list[tuple[str, float]] = []

    def note(name: str) -> None:
        fired.append((name, clock.mono_s() - START_S))

    loop = asyncio.get_running_loop()
    for name, delay_s in (("late", 2.0), ("soon", 0.5), ("middle", 1.0)):
        loop.call_later(delay_s, note, name)
    await advance(3)
    assert fired == [("soon", 0.5), ("middle", 1.0), ("late", 2.0)]


async def test_timers_of_one_instant_fire_in_the_order_in_which_they_were_set() -> None:
    fired: list[int] = []
    loop = asyncio.get_running_loop()
    for number in range(50):
        loop.call_at(START_S + 1, fired.append, number)
    await advance(2)
    assert fired == list(range(50))


async def test_cancelled_timers_neither_fire_nor_pile_up() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    fired: list[int] = []
    kept = [loop.call_later(number, fired.append, number) for number in range(1, 4)]
    for number in range(10_000):
        loop.call_later(60, fired.append, number).cancel()
    assert len(loop._timers) < 300
    kept[1].cancel()
    await advance(100)
    assert fired == [1, 3]


async def test_a_watched_file_is_served_before_time_goes_on() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        got: list[tuple[bytes, float]] = []
        loop.add_reader(ours, lambda: got.append((ours.recv(10), loop.time())))
        theirs.send(b"x")
        await advance(5)
        loop.remove_reader(ours)
        theirs.send(b"y")
        await advance(5)
    assert got == [(b"x", START_S)]
    assert loop.time() == START_S + 10


async def test_a_timeout_ends_at_its_virtual_time(clock: VirtualClock) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await asyncio.Event().wait()
    assert clock.mono_s() == START_S + 30


async def test_the_wall_clock_can_step_and_the_monotonic_one_does_not(clock: VirtualClock) -> None:
    clock.step_wall(-3600)
    assert clock.now_wall() == EPOCH - timedelta(hours=1)
    assert clock.mono_s() == START_S


async def test_time_stands_still_while_an_executor_call_runs(clock: VirtualClock) -> None:
    gate = threading.Event()
    loop = asyncio.get_running_loop()
    timer = loop.call_later(5, gate.set)
    work = loop.run_in_executor(None, gate.wait, 0.05)
    assert not await work
    assert clock.mono_s() == START_S
    timer.cancel()


async def test_a_thread_may_call_in_while_it_is_waited_for() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    seen = asyncio.Event()
    with loop.wait_for_real():
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(seen.set,))
        thread.start()
        await seen.wait()
        thread.join()
    assert loop.time() == START_S


async def test_a_thread_that_nobody_waits_for_is_refused() -> None:
    loop = asyncio.get_running_loop()
    refusals: list[str] = []

    def call_in() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except RuntimeError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=call_in, name="stranger")
    thread.start()
    thread.join()
    assert "thread stranger called into a loop in virtual time" in refusals[0]


def test_a_dead_end_names_the_task_and_the_line() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.create_task(stuck(), name="the-stuck-one")

    with pytest.raises(Deadlock, match=r"the-stuck-one at .*locks\.py:\d+ wait"):
        run_virtual(main)


def test_a_test_that_never_ends_is_stopped() -> None:
    async def forever() -> None:
        for _ in itertools.count():
            await advance(3600)

    with pytest.raises(Deadlock, match="still running after 86400 virtual s"):
        run_virtual(forever)


def test_a_task_left_behind_is_named() -> None:
    async def main() -> asyncio.Task[None]:
        return asyncio.create_task(advance(10), name="forgotten")

    with pytest.raises(AssertionError, match=r"tasks left behind.*forgotten"):
        run_virtual(main)


def test_the_result_comes_back() -> None:
    async def main() -> str:
        return "done"

    assert run_virtual(main) == "done"
    assert run_virtual(main()) == "done"


@pytest.mark.real_time("shows that the marker gives the real loop")
async def test_the_marker_gives_the_real_loop() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)


@pytest.mark.real_time("shows that no test can wait in real time")
async def test_advance_refuses_the_real_loop() -> None:
    with pytest.raises(RuntimeError, match="needs virtual time"):
        await advance(1)
