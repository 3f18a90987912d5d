"""Every event exactly once and in order, whatever the line loses."""

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from controller.errors import EventsRunBackwards
from protocol.messages import (
    Events,
    Replay,
    ReplayReply,
)
from protocol.words import Result
from tests.support.pen_bench import Bench
from tests.support.virtual import VirtualClock, advance


@pytest_asyncio.fixture
async def bench(clock: VirtualClock) -> AsyncIterator[Bench]:
    async with Bench(clock) as running:
        await running.pen()
        yield running


async def test_strokes_come_before_the_status_that_came_with_them(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    await advance(0.05)
    bench.fake.make_events(3)
    last_two = bench.diary.entries[-2:]
    assert [what for what, _ in last_two] == ["strokes", "status"]
    assert last_two[1][1].next_index == 3


async def test_a_lost_batch_is_asked_for_at_once_when_the_next_arrives(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.make_events(2, push=False)
    bench.fake.make_events(2)
    await advance(0.001)
    assert bench.diary.indexes == [0, 1, 2, 3]
    assert bench.fake.times_heard(Replay) == 1


async def test_a_lost_last_batch_is_asked_for_although_nothing_follows(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.make_events(3, push=False)
    await advance(0.35)
    assert bench.diary.indexes == [0, 1, 2]
    assert bench.fake.times_heard(Replay) == 1


async def test_what_was_made_before_is_fetched_from_the_index_asked_for(bench: Bench) -> None:
    bench.fake.make_events(40)
    await advance(0.2)
    assert bench.diary.indexes == []
    (await bench.pen()).follow_strokes(10)
    await advance(0.2)
    assert bench.diary.indexes == list(range(10, 40))


async def test_a_gap_that_stays_is_asked_for_every_100_ms(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.answers[Replay] = ReplayReply(0, Result.OK, 1, 0, 4)
    bench.fake.copies = lambda message: int(not isinstance(message, Events))
    bench.fake.make_events(4)
    await advance(0.25)
    before = bench.fake.times_heard(Replay)
    await advance(1.0)
    assert bench.fake.times_heard(Replay) - before == 10
    bench.fake.copies = lambda _: 1
    await advance(0.11)
    assert bench.diary.indexes == [0, 1, 2, 3]


@pytest.mark.hazard("H04")
async def test_a_replay_without_answer_is_asked_again_and_the_link_stays(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.answers[Replay] = None
    bench.fake.hears = lambda message: not isinstance(message, Replay)
    bench.fake.make_events(2, push=False)
    await advance(3.0)
    assert pen.is_up
    bench.fake.hears = lambda _: True
    del bench.fake.answers[Replay]
    await advance(0.2)
    assert bench.diary.indexes == [0, 1]


async def test_events_that_the_ring_lost_are_told_as_a_gap(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.make_events(6, push=False)
    bench.fake.oldest_index = 4
    await advance(0.5)
    assert bench.diary.all("gap") == [(0, 4)]
    assert bench.diary.indexes == [4, 5]


async def test_a_pen_that_lost_all_events_is_not_asked_for_ever(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.make_events(3, push=False)
    bench.fake.oldest_index = 3
    await advance(1.0)
    assert bench.diary.all("gap") == [(0, 3)]
    assert bench.fake.times_heard(Replay) == 1
    bench.fake.make_events(1)
    assert bench.diary.indexes == [3]


async def test_batches_of_two_arms_are_told_apart(bench: Bench) -> None:
    pen = await bench.pen()
    pen.follow_strokes(0)
    bench.fake.make_events(1, push=False)
    bench.fake.make_events(1, arm_id=2)
    bench.fake.push_events(0, arm_id=1, count=1)
    assert [(arm_id, len(strokes)) for arm_id, strokes in bench.diary.all("strokes")] == [
        (1, 1),
        (2, 1),
    ]


async def test_a_pen_with_fewer_events_than_were_read_is_refused(bench: Bench) -> None:
    with pytest.raises(EventsRunBackwards, match="E3012"):
        (await bench.pen()).follow_strokes(1)


async def test_a_replay_from_another_boot_ends_the_link(bench: Bench) -> None:
    pen = await bench.pen()
    bench.fake.answers[Replay] = ReplayReply(0, Result.WRONG_BOOT, 2, 0, 0)
    pen.follow_strokes(0)
    bench.fake.make_events(1, push=False)
    await advance(0.4)
    assert not pen.is_up
    assert "another boot" in bench.diary.all("lost")[0][1]


@pytest.mark.hazard("H10")
async def test_a_line_that_loses_a_third_of_all_frames_delivers_every_stroke_once(
    clock: VirtualClock,
) -> None:
    bench, rng = Bench(clock), random.Random(7)
    bench.fake.copies = lambda _: (rng.random() > 0.3) + (rng.random() > 0.5)
    bench.fake.hears = lambda _: rng.random() > 0.3
    bench.diary.on_up = lambda pen: pen.follow_strokes(len(bench.diary.indexes))
    async with bench:
        for _ in range(200):
            bench.fake.make_events(rng.randint(1, 4))
            await advance(0.025)
        await advance(5.0)
        assert bench.diary.indexes == list(range(len(bench.fake.events)))
        assert (await (await bench.pen()).cartridge()).present
