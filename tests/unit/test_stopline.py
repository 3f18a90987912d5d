"""STOP: from any thread, past a blocked loop, repeated until its own id comes back."""

import asyncio
import os
import random
import select
import threading
import time

import pytest

from controller.clock import SystemClock
from controller.link.port import SerialOpener
from controller.link.stopline import StopLine
from controller.link.wiretap import Wiretap
from protocol.messages import Stop
from tests.support.fake_pen import FakePort, frame_of, messages_in
from tests.support.virtual import VirtualClock, advance


@pytest.fixture
def line(clock: VirtualClock) -> StopLine:
    return StopLine(clock, random.Random(1), Wiretap())


@pytest.mark.hazard("H35")
async def test_it_repeats_every_20_ms_until_confirmed(line: StopLine) -> None:
    port = FakePort()
    line.attach(port)
    stop_id = line.trigger("operator")
    assert messages_in(port.written) == [Stop(stop_id)]
    await advance(0.0999)
    assert messages_in(port.written) == [Stop(stop_id)] * 5
    assert line.confirmed(stop_id)
    await advance(1.0)
    assert len(messages_in(port.written)) == 5


async def test_the_latency_is_measured_from_the_trigger(line: StopLine) -> None:
    line.attach(FakePort())
    stop_id = line.trigger("operator")
    await advance(0.03)
    assert line.unconfirmed_s() == pytest.approx(0.03)
    line.confirmed(stop_id)
    assert line.unconfirmed_s() == 0.0
    done = line.last_confirmed
    assert done is not None
    assert (done.stop_id, done.reason, done.writes) == (stop_id, "operator", 2)
    assert done.latency_s == pytest.approx(0.03)


async def test_the_answer_to_another_stop_confirms_nothing(line: StopLine) -> None:
    port = FakePort()
    line.attach(port)
    stop_id = line.trigger("operator")
    assert not line.confirmed(stop_id ^ 1)
    await advance(0.05)
    assert line.active is not None
    assert len(messages_in(port.written)) == 3
    assert line.foreign_echoes == 1
    line.detach()


async def test_a_second_trigger_sends_the_same_stop_again_at_once(line: StopLine) -> None:
    port = FakePort()
    line.attach(port)
    first = line.trigger("operator")
    assert line.trigger("foot switch") == first
    assert messages_in(port.written) == [Stop(first)] * 2
    line.confirmed(first)
    assert line.trigger("operator") != first
    line.detach()


async def test_it_survives_the_link_and_goes_on_over_the_next(line: StopLine) -> None:
    stop_id = line.trigger("before any link")
    first, second = FakePort(), FakePort()
    line.attach(first)
    assert messages_in(first.written) == [Stop(stop_id)]
    line.detach()
    await advance(1.0)
    assert messages_in(first.written) == [Stop(stop_id)]
    line.attach(second)
    await advance(0.02)
    assert messages_in(second.written) == [Stop(stop_id)] * 2
    line.confirmed(stop_id)


async def test_a_stop_id_is_never_zero(clock: VirtualClock) -> None:
    class Zeros(random.Random):
        def getrandbits(self, k: int, /) -> int:
            return 0

    assert StopLine(clock, Zeros(), Wiretap()).trigger("operator") == 1


async def test_a_thread_may_trigger_after_the_loop_is_gone(clock: VirtualClock) -> None:
    line = StopLine(clock, random.Random(1), Wiretap())
    port = FakePort()
    line.attach(port)
    other = asyncio.SelectorEventLoop()
    other.close()
    line._loop = other
    assert messages_in(port.written) == []
    stop_id = line.trigger("shutdown")
    assert messages_in(port.written) == [Stop(stop_id)]


@pytest.mark.hazard("H34")
@pytest.mark.real_time("measures a STOP over a real pty while the loop is blocked")
async def test_its_bytes_go_out_while_the_loop_is_blocked() -> None:
    far, near = os.openpty()
    port = await SerialOpener(os.ttyname(near)).open()
    line = StopLine(SystemClock(), random.Random(1), Wiretap())
    line.attach(port)
    triggered_s: list[float] = []
    arrived_s: list[float] = []
    blocked = threading.Event()

    def press() -> None:
        blocked.wait(5)
        triggered_s.append(time.monotonic())
        line.trigger("operator")

    def watch() -> None:
        if select.select([far], [], [], 5)[0]:
            arrived_s.append(time.monotonic())

    threads = [threading.Thread(target=press), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + 0.2
    blocked.set()
    while time.monotonic() < end_s:
        pass
    assert len(arrived_s) == 1, "the bytes did not go out while the loop was blocked"
    assert arrived_s[0] - triggered_s[0] < 0.05
    for thread in threads:
        thread.join()
    assert os.read(far, 100) == frame_of(Stop(line.active.stop_id if line.active else 0))
    line.detach()
    port.close()
    os.close(far)
    os.close(near)


@pytest.mark.hazard("H34")
@pytest.mark.real_time("real threads race for one stop")
async def test_threads_that_trigger_together_share_one_stop() -> None:
    line = StopLine(SystemClock(), random.Random(1), Wiretap())
    start = threading.Barrier(4)
    ids: list[int] = []

    def press() -> None:
        start.wait(5)
        ids.append(line.trigger("operator"))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1
