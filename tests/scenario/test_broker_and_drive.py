"""Whatever broker, enemy or a full disk of telemetry's do: the pen gets the same bytes in time."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.scenario.conftest import Figure
from tests.support import hostile
from tests.support.bills import dosing, pen_for, usb
from tests.support.post import TOPICS, Post
from tests.support.sim_broker import SimBroker
from tests.support.theatre import Theatre
from tests.support.virtual import advance, run_virtual

PLAN = dosing(12, 8)
LATENESS_S = 0.001
"""H21: the control loop's lateness is unchanged within 1 ms."""

FORGERIES = 2_000

Traffic = list[tuple[float, str, bytes]]


Beside = Callable[[Post], Coroutine[Any, Any, None]]


async def alone(folder: Path) -> Traffic:
    """All bytes of one session on the pen's cable, without any post."""
    shutil.rmtree(folder, ignore_errors=True)
    async with Theatre(folder, pen_for(PLAN, line=usb()), seed=7) as theatre:
        found = listen(theatre)
        await theatre.play(PLAN)
    return found


async def with_post(folder: Path, broker: SimBroker, beside: Beside) -> Traffic:
    """The same with a post at this broker, and with `beside` at work from begin to end."""
    shutil.rmtree(folder, ignore_errors=True)
    async with Theatre(folder, pen_for(PLAN, line=usb()), seed=7) as theatre:
        found = listen(theatre)
        post = Post(folder, folder.with_name("post"), broker, theatre.clock, Random(3))
        post.start()
        work = asyncio.create_task(beside(post))
        await theatre.play(PLAN)
        await theatre.stop()
        await work
        await post.stop()
    return found


def listen(theatre: Theatre) -> Traffic:
    """The list that all bytes will be in."""
    found: Traffic = []
    theatre.cable.on_bytes = lambda now_s, way, data: found.append((now_s, way, data))
    return found


def lateness_s(one: Traffic, other: Traffic) -> float:
    """The greatest difference in time of two equal sequences of bytes."""
    assert len(one) > 100
    assert [(way, data) for _, way, data in one] == [(way, data) for _, way, data in other]
    return max(abs(a[0] - b[0]) for a, b in zip(one, other, strict=True))


def never_acks(broker: SimBroker) -> None:
    broker.never_acks = True


def slow(broker: SimBroker) -> None:
    broker.slow_s = 3.0
    broker.queue_limit = 2


def everything(broker: SimBroker) -> None:
    never_acks(broker)
    slow(broker)
    broker.loses = broker.repeats = 0.5
    broker.lives_s = (0.01, 1.0)


async def nothing(_: Post) -> None:
    """Nobody else is there."""


@pytest.mark.hazard("H21")
@pytest.mark.parametrize("worst", [never_acks, slow, everything])
def test_drive_does_not_notice_the_broker(
    worst: Callable[[SimBroker], None], tmp_path: Path, figure: Figure
) -> None:
    """Faults B3 and B8, and all at once: the same session with such a broker and with none."""
    struck: list[str] = []

    async def beside_a_bad_broker() -> Traffic:
        broker = SimBroker(Random(5))
        broker.on_effect = struck.append
        worst(broker)
        return await with_post(tmp_path / "journal", broker, nothing)

    undisturbed = run_virtual(lambda: alone(tmp_path / "journal"))
    late_s = lateness_s(undisturbed, run_virtual(beside_a_bad_broker))
    assert struck
    assert late_s <= LATENESS_S
    figure(f"{len(undisturbed)} times bytes, {len(struck)} effects, late {late_s * 1e6:.0f} us")


@pytest.mark.hazard("H12")
@pytest.mark.hazard("H20")
def test_hostile_publisher_moves_nothing(tmp_path: Path, figure: Figure) -> None:
    """Fault B10, thousands of messages: the pen gets the same bytes, no cursor runs ahead."""
    struck: list[str] = []
    rng = Random(9)

    async def harm(post: Post) -> None:
        while len(struck) < FORGERIES:
            hostile.strike(post.broker, rng)
            assert post.cursor_ahead() <= 0
            await advance(0.003)
        await post.settled()
        assert post.against_journal() == []
        assert post.ended == []
        heard = [text for texts in post.broker.filters.values() for text in texts]
        assert sorted(heard) == sorted([TOPICS.receipt, *TOPICS.all_events])

    async def beside_an_enemy() -> Traffic:
        broker = SimBroker(Random(5))
        broker.on_effect = struck.append
        return await with_post(tmp_path / "journal", broker, harm)

    undisturbed = run_virtual(lambda: alone(tmp_path / "journal"))
    assert lateness_s(undisturbed, run_virtual(beside_an_enemy)) <= LATENESS_S
    figure(f"{len(struck)} forgeries")


@pytest.mark.hazard("H20")
def test_full_disk_at_the_cursor_costs_repeats_only(tmp_path: Path) -> None:
    """Telemetry says E6004 and ends; its supervisor starts it again; the journal is untouched."""
    post_folder = tmp_path / "post"
    in_the_way = post_folder / "cursor-broker-1883.new"

    async def full_for_a_while(post: Post) -> None:
        await advance(6.0)
        in_the_way.rmdir()
        assert post.ended
        assert set(post.ended) == {6004}
        await post.settled()
        assert post.against_journal() == []

    async def beside_a_full_disk() -> Traffic:
        in_the_way.mkdir(parents=True)
        broker = SimBroker(Random(5))
        return await with_post(tmp_path / "journal", broker, full_for_a_while)

    undisturbed = run_virtual(lambda: alone(tmp_path / "journal"))
    assert lateness_s(undisturbed, run_virtual(beside_a_full_disk)) <= LATENESS_S
