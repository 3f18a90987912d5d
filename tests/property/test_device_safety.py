"""Whatever host, hand, wire and supply do: certain <= what the pen really did <= ceiling.

The truth is the ideal body's own count, which neither firmware nor host can see.
"""

import itertools
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.conformance.host import BENCH, DOSE, PRIME, RELOAD, RUN
from protocol.messages import Arm, ArmReply, Counters, Disarm, Hello, StrokeSettings
from protocol.words import Mode, RecordState, Result
from simulator.device import Memory
from tests.conformance.memory_rig import MemoryRig
from tests.support.ideal_mechanics import IdealMechanics
from tests.support.pens import Bench

MODES = (DOSE, RUN, PRIME, RELOAD, BENCH)


class Grant(msgspec.Struct, frozen=True):
    punctures: int
    steps: int
    ahead_us: int
    delay_us: int


class Act(msgspec.Struct, frozen=True):
    name: str


class Wait(msgspec.Struct, frozen=True):
    for_us: int


ACTS = ("press", "release", "touch", "lift", "stop", "disarm", "hello", "power", "jam", "block")

schedules = st.lists(
    st.one_of(
        st.builds(
            Grant,
            punctures=st.integers(0, 12),
            steps=st.integers(0, 5_000),
            ahead_us=st.integers(-20_000, 300_000),
            delay_us=st.sampled_from((0, 0, 0, 30_000, 400_000)),
        ),
        st.builds(Wait, for_us=st.integers(0, 200_000)),
        st.builds(Act, name=st.sampled_from(ACTS[:4])),
        st.builds(Act, name=st.sampled_from(ACTS)),
    ),
    max_size=40,
)


class Story:
    """Plays a schedule on one arm and knows the highest ceilings that were ever sent."""

    def __init__(self, settings: StrokeSettings) -> None:
        self.settings = settings
        self.bench = Bench()
        self.before = self.bench.host.counters()
        self.arm_id = self.bench.host.arm(settings)
        self.bench.hand.lift()
        if settings.mode in (Mode.DOSE, Mode.NO_DISPENSE):
            self.bench.hand.touch()
        self.punctures = self.before.punctures
        self.steps = self.base_steps()
        self.powered = True
        self._late: list[tuple[int, bytes]] = []
        self._stops = itertools.count(1)
        self.play_all([Grant(3, 3_000, 200_000, 0), Act("press"), Wait(40_000)])

    def base_steps(self) -> int:
        reverse = self.settings.mode is Mode.RELOAD
        return self.before.reverse_steps if reverse else self.before.forward_steps

    def play_all(self, schedule: list[Grant | Act | Wait]) -> None:
        for item in schedule:
            if isinstance(item, Grant):
                self._grant(item)
            elif isinstance(item, Wait):
                self._wait(item.for_us)
            else:
                self._act(item.name)
            self._deliver_late()

    def _grant(self, item: Grant) -> None:
        host = self.bench.host
        self.punctures += item.punctures
        self.steps += item.steps
        message = host.grant_message(self.arm_id, self.punctures, self.steps, item.ahead_us)
        if item.delay_us:
            self._late.append((host.rig.now_us() + item.delay_us, host.frame(message)))
        else:
            host.send(message)

    def _wait(self, for_us: int) -> None:
        self.bench.host.listen(for_us)

    def _deliver_late(self) -> None:
        now_us = self.bench.rig.now_us()
        due = [data for at_us, data in self._late if at_us <= now_us]
        self._late = [entry for entry in self._late if entry[0] > now_us]
        for data in due:
            self.bench.rig.write(data)

    def _act(self, name: str) -> None:
        bench = self.bench
        match name:
            case "press" | "release" | "touch" | "lift":
                getattr(bench.hand, name)()
            case "stop":
                bench.host.stop(next(self._stops))
            case "disarm":
                bench.host.send(Disarm(bench.host.request_id(), self.arm_id))
            case "hello":
                bench.host.nonce += 1
                bench.host.send(Hello(bench.host.nonce, bench.host.host_id), link_id=0)
            case "power":
                self.powered = False
                bench.rig.power_cycle()
            case "jam":
                bench.body.jammed = True
            case _:
                bench.body.pump_blocked = True

    def finish(self) -> None:
        """Let everything come to rest and look at the record."""
        bench = self.bench
        bench.hand.release()
        bench.body.jammed = bench.body.pump_blocked = False
        bench.host.listen(1_500_000)
        bench.host.hello()
        bench.host.wait_at_rest()


def truth_of(body: IdealMechanics) -> tuple[int, int, int]:
    return body.truth_punctures, body.truth_forward_steps, body.truth_reverse_steps


def told(counters: Counters) -> tuple[int, int, int]:
    return counters.punctures, counters.forward_steps, counters.reverse_steps


@pytest.mark.hazard("H08", "H01")
@given(settings=st.sampled_from(MODES), schedule=schedules)
def test_certain_real_and_ceiling_stay_in_order(
    settings: StrokeSettings, schedule: list[Grant | Act | Wait]
) -> None:
    story = Story(settings)
    story.play_all(schedule)
    story.finish()
    record = story.bench.host.record(story.arm_id)
    real = truth_of(story.bench.body)
    assert record.record_state is RecordState.FINAL
    for certain, did, possible in zip(
        told(record.proven), real, told(record.reserved), strict=True
    ):
        assert certain <= did <= possible
    assert record.proven == record.reserved or not story.powered
    assert real[0] <= record.reserved.punctures <= story.punctures
    bounded = real[2] if settings.mode is Mode.RELOAD else real[1]
    assert bounded <= story.steps
    assert_spacing(story, settings)


def assert_spacing(story: Story, settings: StrokeSettings) -> None:
    starts = story.bench.body.truth_starts_us
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert all(gap >= settings.stroke_period_us for gap in gaps) or not story.powered


@pytest.mark.hazard("H04", "H13")
@given(
    settings=st.sampled_from(MODES),
    write=st.integers(1, 12),
    kept=st.sampled_from((0, 1, 50, 10**6)),
    again=st.integers(0, 3),
)
def test_a_power_cut_at_any_write_leaves_the_truth_between(
    settings: StrokeSettings, write: int, kept: int, again: int
) -> None:
    bench = Bench()
    before = bench.host.counters()
    assert bench.host.configure(settings).result is Result.OK
    order = bench.host.arm_order(settings)
    bench.nvm.cut_at = {bench.nvm.writes + write: kept}
    if again:
        bench.nvm.cut_at[bench.nvm.writes + write + again] = kept
    play_until_dark(bench, order, bench.room(before, settings, 5))
    bench.nvm.cut_at.clear()
    bench.reboot()
    real, counters = truth_of(bench.body), bench.host.counters()
    record = bench.host.record(order.arm_id)
    if record.record_state is RecordState.NEVER:
        assert real == told(before) == told(counters)
        return
    rows = zip(told(record.proven), real, told(record.reserved), told(counters), strict=True)
    for certain, did, possible, resumed in rows:
        assert certain <= did <= possible == resumed


def play_until_dark(bench: Bench, order: Arm, ceilings: tuple[int, int]) -> None:
    """Work as usual; the supply goes when it goes, and nobody holds the trigger after that."""
    bench.host.send(order)
    bench.host.listen(60_000)
    if not bench.host.of(ArmReply):
        return
    if bench.host.record(order.arm_id).mode in (Mode.DOSE, Mode.NO_DISPENSE):
        bench.hand.touch()
    for step in range(40):
        bench.host.send(bench.host.grant_message(order.arm_id, *ceilings))
        bench.host.listen(25_000)
        if step == 2:
            bench.hand.press()
        if bench.rig.power_cuts:
            return
    bench.hand.release()
    bench.host.listen(1_000_000)


@given(data=st.lists(st.binary(max_size=80), max_size=30))
def test_no_bytes_raise_or_move_anything(data: list[bytes]) -> None:
    bench = Bench()
    arm_id = bench.host.arm(RUN)
    bench.hand.touch()
    bench.hand.press()
    for chunk in data:
        bench.rig.write(chunk)
        bench.host.listen(10_000)
    assert truth_of(bench.body) == (0, 0, 0)
    assert bench.host.record(arm_id).first == bench.host.counters()


class SpyRig(MemoryRig):
    """Notes when what was done to the pen."""

    def __init__(self) -> None:
        super().__init__(Memory(preloaded=True))
        self.notes: list[tuple[int, bytes, bool, bool]] = []

    def write(self, data: bytes) -> None:
        self._note(data)
        super().write(data)

    def inputs(self) -> None:
        self._note(b"")
        super().inputs()

    def _note(self, data: bytes) -> None:
        self.notes.append((self.now_us(), data, self.body.held, self.body.touching))


@cache
def recorded() -> tuple[SpyRig, int]:
    """A short session, and when it ended."""
    bench = Bench(rig=SpyRig())
    bench.run(RUN, 40, 300_000)
    bench.run_again(DOSE, 3, 900_000)
    bench.host.listen(400_000)
    assert isinstance(bench.rig, SpyRig)
    return bench.rig, bench.rig.now_us()


@given(grain_us=st.integers(300, 60_000))
def test_how_time_is_cut_changes_no_stroke_and_no_write(grain_us: int) -> None:
    original, end_us = recorded()
    copy = MemoryRig(Memory(preloaded=True))
    for at_us, data, held, touching in [*original.notes, (end_us, b"", False, False)]:
        while copy.now_us() < at_us:
            copy.step_to(min(copy.now_us() + grain_us, at_us))
        copy.body.held, copy.body.touching = held, touching
        copy.write(data) if data else copy.inputs()
    assert copy.body.truth_starts_us == original.body.truth_starts_us
    assert copy.nvm.slots == original.nvm.slots
    assert len(copy.body.truth_starts_us) > 20
