"""One story over many hostile wires: driver and simulated pen, totals held against the pen's own.

Prime, then dose, then stop, with nothing but the driver in between: no session, no journal.
"""

import asyncio
import random
from collections import Counter

import pytest

from controller.errors import PortMissing
from controller.pen.driver import Pen, PenLine
from protocol.messages import Counters, StrokeSettings
from protocol.words import EventKind, Mode, PenState, RecordState, Result, StatusFlag
from simulator.attach import InProcessOpener
from simulator.driver import Driver
from simulator.line import LineSettings, WireSettings
from simulator.scenario import Scenario
from simulator.world import World
from tests.support.pen_bench import PenDiary
from tests.support.virtual import VirtualClock, advance

PRIME = StrokeSettings(Mode.PRIME, 0, 100_000, 1_850, 0)
DOSE = StrokeSettings(Mode.DOSE, 1_500, 333_333, 738, 80_000)
AHEAD = 4

WIRES = {
    "quiet": WireSettings(),
    "a real baud rate": WireSettings(baud=115_200, latency_us=1_000, latency_jitter_us=15_000),
    "byte by byte": WireSettings(baud=115_200, byte_at_a_time=True),
    "frames lost": WireSettings(lose_frame=0.1),
    "frames repeated": WireSettings(duplicate_frame=0.3),
    "frames out of order": WireSettings(reorder_frame=0.2),
    "frames very late": WireSettings(delay_frame=0.03, delay_us=700_000),
    "bits flipped": WireSettings(flip_byte=0.001),
    "bytes lost": WireSettings(lose_byte=0.001),
    "cut, merged, garbled": WireSettings(
        truncate_frame=0.03, merge_frame=0.03, burst_frame=0.03, garbage_frame=0.03
    ),
}


class Story:
    """A pen line on a simulated pen with a willing hand."""

    def __init__(self, wire: WireSettings, seed: int, *, echo: bool = False) -> None:
        line = LineSettings(to_pen=wire, to_host=wire, echo=echo)
        self.world = World(Scenario(line=line), seed)
        self.driver = Driver(self.world)
        self.opener = InProcessOpener(self.driver, lambda: PortMissing("The cable is out."))
        self.diary = PenDiary()
        self.diary.on_up = self.read_on
        clock, rng = VirtualClock.running(), random.Random(seed)
        self.line = PenLine(self.opener, clock, 7, self.diary, rng)
        self._task = asyncio.create_task(self.line.run(), name="pen line")

    def read_on(self, pen: Pen) -> None:
        """Go on behind the last event read in this boot."""
        pen.follow_strokes(len(self.diary.indexes))

    async def pen(self) -> Pen:
        async with asyncio.timeout(60):
            await self.diary.is_up.wait()
        assert self.line.pen is not None
        return self.line.pen

    async def arm(self, arm_id: int, settings: StrokeSettings) -> Counters:
        """Configure and arm; returns the counters at the arm."""
        pen = await self.pen()
        digest = await pen.configure(settings)
        await pen.wait_at_rest(5.0)
        cartridge, counters = await pen.cartridge(), pen.status.counters
        certificate_id = pen.identity.certificate_id
        reply = await pen.arm(
            arm_id, digest, cartridge.cartridge_uid, certificate_id, counters, pen.last_stop_id
        )
        assert reply.result is Result.OK, reply
        return counters

    async def run(self, arm_id: int, seconds: float, settings: StrokeSettings) -> None:
        """Grant each 25 ms, a little ahead of what was read, as long as the arm is open."""
        pen = await self.pen()
        for _ in range(round(seconds / 0.025)):
            counters = pen.status.counters
            steps = counters.forward_steps + AHEAD * settings.steps
            pen.grant(arm_id, counters.punctures + AHEAD, steps, len(self.diary.indexes))
            await advance(0.025)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))
        self.driver.stop()

    def assert_every_event_once(self) -> None:
        """The events told are those of the pen's counters, each once."""
        strokes = [stroke for _, batch in self.diary.all("strokes") for stroke in batch]
        assert [stroke.index for stroke in strokes] == list(range(len(strokes)))
        steps: Counter[EventKind] = Counter()
        for stroke in strokes:
            steps[stroke.kind] += stroke.steps
        counted = self.diary.all("status")[-1].counters
        assert steps[EventKind.PUNCTURE] == counted.dose_steps
        assert steps[EventKind.PRIME] == counted.prime_steps
        assert steps[EventKind.PRELOAD] == counted.preload_steps
        assert sum(stroke.kind is EventKind.PUNCTURE for stroke in strokes) == counted.punctures
        assert self.world.mechanism.oracle.totals.punctures == counted.punctures


async def tell(story: Story) -> Counters:
    """Prime and dose; returns what the dose arm made."""
    await (await story.pen()).wait_at_rest(10.0)
    arm_id = 1
    while not story.diary.all("status")[-1].flags & StatusFlag.PRELOADED:
        await story.arm(arm_id, PRIME)
        await story.run(arm_id, 3.0, PRIME)
        await (await story.pen()).disarm(arm_id)
        arm_id += 1
    before = await story.arm(arm_id, DOSE)
    await story.run(arm_id, 6.0, DOSE)
    record = await (await story.pen()).disarm(arm_id)
    assert record.record_state is RecordState.FINAL
    assert record.first == before
    assert record.proven == record.reserved
    return record.proven


@pytest.mark.hazard("H02", "H03", "H11")
@pytest.mark.parametrize("name", WIRES)
async def test_every_stroke_is_told_once_whatever_the_wire_does(name: str) -> None:
    story = Story(WIRES[name], seed=5)
    final = await tell(story)
    await advance(1.0)
    assert final.punctures > 3
    story.assert_every_event_once()
    assert story.diary.all("gap") == []
    assert story.diary.all("status")[-1].counters == final
    await story.end()


async def test_a_line_that_echoes_our_own_bytes() -> None:
    story = Story(WireSettings(), seed=5, echo=True)
    final = await tell(story)
    await advance(1.0)
    assert final.punctures > 3
    story.assert_every_event_once()
    await story.end()


@pytest.mark.hazard("H34", "H35")
async def test_a_stop_in_mid_prime_is_confirmed_and_ends_the_arm_on_a_bad_wire() -> None:
    story = Story(WireSettings(baud=115_200, lose_frame=0.3, duplicate_frame=0.3), seed=6)
    await (await story.pen()).wait_at_rest(10.0)
    await story.arm(1, PRIME)
    await story.run(1, 2.5, PRIME)
    assert (await story.pen()).status.state is PenState.RUNNING
    stop_id = story.line.stop("test")
    await advance(0.5)
    confirmed = story.line.stop_line.last_confirmed
    assert confirmed is not None
    assert confirmed.stop_id == stop_id
    assert confirmed.latency_s < 0.3
    pen = await story.pen()
    assert pen.last_stop_id == stop_id
    assert pen.status.flags & StatusFlag.STOP_LATCHED
    assert (await pen.clear_stop(stop_id)).result is Result.OK
    await story.end()


@pytest.mark.hazard("H10")
async def test_what_happened_while_the_cable_was_out_is_told_after_it() -> None:
    story = Story(WireSettings(), seed=7)
    await (await story.pen()).wait_at_rest(10.0)
    await story.arm(1, PRIME)
    await story.run(1, 2.5, PRIME)
    told = len(story.diary.indexes)
    assert told > 0
    story.opener.unplug()
    await advance(1.5)
    assert story.line.pen is None
    story.opener.replug()
    pen = await story.pen()
    await advance(0.5)
    assert len(story.diary.indexes) > told
    story.assert_every_event_once()
    record = await pen.arm_record(1)
    assert record.record_state is RecordState.FINAL
    assert record.proven == pen.status.counters
    await story.end()
