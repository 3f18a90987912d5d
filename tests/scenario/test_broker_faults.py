"""The broker at its worst: the archive has the journal in the end, and the drive never noticed.

Telemetry and archive run as in production against a broker in virtual time; each fault alone at
every phase of a session, mixes of them with processes killed and started again, and the same
session with the worst broker and with none.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.scenario.conftest import Figure, wanted
from tests.soak.catalogue import FaultId, HostState
from tests.soak.fault import Fault
from tests.soak.faults.broker import BROKER
from tests.soak.script import FaultRow
from tests.support.auditor import audit
from tests.support.bills import dosing, pen_for, usb
from tests.support.post import KEY, Post
from tests.support.sim_broker import SimBroker
from tests.support.sim_disk import SimDisk
from tests.support.subscriber import Subscriber
from tests.support.theatre import Theatre
from tests.support.virtual import advance

PLAN = dosing(5, 3)
PHASES = (
    *(HostState.UNLINKED, HostState.NONE, HostState.READY, HostState.ARMING),
    *(HostState.RUNNING, HostState.ENDING, HostState.CLOSED),
)
LOSES_FOR_SUBSCRIBERS = {FaultId.B5, FaultId.B8}
"""After these the broker no longer has for a subscriber what it had promised to keep."""

LASTS_S = 12.0
"""Longer than the heartbeat's 10 s, so that something is published in every phase."""


CONNECTED_S = 0.03
"""Until everybody is connected; the pen is not linked yet."""


@dataclass
class Evening:
    """One theatre with its post and a subscriber. Fits `tests.soak.fault.Room`."""

    theatre: Theatre
    disk: SimDisk
    broker: SimBroker
    post: Post
    subscriber: Subscriber
    rng: Random
    struck: Counter[FaultId] = field(default_factory=Counter)

    def happened(self, fault: FaultId) -> None:
        self.struck[fault] += 1

    async def in_state(self, state: HostState) -> None:
        await self.theatre.until(lambda: self.theatre.states()[0] == state)

    def fault(self, fault: FaultId) -> Fault:
        share = 1.0 if fault in {FaultId.B4, FaultId.B6} else 0.0
        return BROKER[fault](self, FaultRow(fault=fault, rate=share, lasts_s=LASTS_S))

    async def verdict(self) -> float:
        """Nobody writes any more, and everything is right; virtual seconds until it had settled."""
        await self.theatre.stop()
        began_s = self.theatre.clock.mono_s()
        await self.post.settled()
        settled_s = self.theatre.clock.mono_s() - began_s
        await advance(1.0)
        assert self.post.against_journal() == []
        assert self.post.ended == []
        self._judge_subscriber()
        return settled_s

    def _judge_subscriber(self) -> None:
        written = {entry.seq: entry.hash for entry in audit(self.theatre.folder).entries}
        assert self.subscriber.contradictions == []
        assert self.subscriber.seen.items() <= written.items()
        if not LOSES_FOR_SUBSCRIBERS & self.struck.keys():
            assert self.subscriber.seen == written


@asynccontextmanager
async def evening(folder: Path, seed: int) -> AsyncIterator[Evening]:
    """The curtain is up; nothing has been done yet."""
    broker = SimBroker(Random(f"broker {seed}"))
    with SimDisk(folder / "unused", Random(0)) as disk:
        async with Theatre(folder / "journal", pen_for(PLAN, line=usb()), seed=seed) as theatre:
            post = Post(
                *(theatre.folder, folder / "post", broker, theatre.clock),
                *(Random(f"post {seed}"), theatre.bystanders),
            )
            subscriber = Subscriber(broker, "subscriber", KEY)
            post.start()
            listening = asyncio.create_task(subscriber.run())
            theatre.bystanders.add(listening)
            rng = Random(f"evening {seed}")
            try:
                await advance(CONNECTED_S)
                yield Evening(theatre, disk, broker, post, subscriber, rng)
            finally:
                listening.cancel()
                await asyncio.wait({listening})
                await post.stop()


async def test_telemetry_ends_when_its_connection_breaks_at_that_moment(tmp_path: Path) -> None:
    """The group of its tasks has an error and a cancellation at once; the second must count."""
    async with evening(tmp_path, 1) as room:
        await advance(1.0)
        (ours,) = (name for name in room.broker.clients if re.match("micropen-[0-9a-f]{16}", name))
        room.broker.break_client(ours)
        async with asyncio.timeout(30.0):
            await room.post.stop()
        await advance(0.1)
        assert room.broker.clients == ["subscriber"]


async def watch_cursor(post: Post) -> None:
    """No cursor beyond what the archive has on its disk, at any time."""
    while True:
        ahead = post.cursor_ahead()
        assert ahead <= 0, f"the cursor is {ahead} entries ahead of the archive"
        await advance(0.05)


async def one_fault(folder: Path, fault: FaultId, phase: HostState, seed: int) -> float:
    """A session in which one fault strikes once, when the host comes to a phase."""
    async with evening(folder, seed) as room, asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch_cursor(room.post))
        session = tasks.create_task(room.theatre.play(PLAN))
        await room.in_state(phase)
        struck = room.fault(fault)
        await struck.begin()
        await advance(LASTS_S)
        await struck.end()
        await session
        settled_s = await room.verdict()
        assert room.struck[fault] > 0
        assert room.theatre.check().all("session_closed")[0]["outcome"] == "complete"
        watching.cancel()
    return settled_s


@pytest.mark.hazard("H20")
@pytest.mark.parametrize("fault", BROKER, ids=lambda fault: fault.name)
async def test_archive_is_the_journal_after_each_fault_at_every_phase(
    fault: FaultId, tmp_path: Path, figure: Figure
) -> None:
    longest_s = 0.0
    for seed, phase in enumerate(PHASES):
        settled_s = await one_fault(tmp_path / phase, fault, phase, seed)
        longest_s = max(longest_s, settled_s)
    figure(f"settled after at most {longest_s:.1f} s in {len(PHASES)} phases")


async def some_trouble(room: Evening) -> None:
    """Faults, one after another or on top of each other, and processes killed in between."""
    open_faults: list[Fault] = []
    for _ in range(room.rng.randint(4, 10)):
        await advance(room.rng.choice((0.0, 0.02, 0.3, 2.0, 20.0)) * room.rng.random())
        match room.rng.randrange(6):
            case 0:
                await room.post.kill_telemetry()
                await advance(room.rng.choice((0.0, 5.0)))
                room.post.start_telemetry()
            case 1:
                await room.post.kill_archive()
                await advance(room.rng.choice((0.0, 5.0)))
                room.post.start_archive()
            case _:
                row = FaultRow(fault=room.rng.choice(list(BROKER)), rate=room.rng.random())
                open_faults.append(BROKER[row.fault](room, row))
                await open_faults[-1].begin()
    for fault in open_faults:
        await fault.end()


@pytest.mark.hazard("H20")
async def test_archive_is_the_journal_after_any_mix_with_restarts(
    tmp_path: Path, figure: Figure
) -> None:
    struck: Counter[FaultId] = Counter()
    longest_s, repeats = 0.0, 0
    nights = wanted("MICROPEN_BROKER_NIGHTS", 40)
    for seed in range(nights):
        async with evening(tmp_path / str(seed), seed) as room, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch_cursor(room.post))
            session = tasks.create_task(room.theatre.play(PLAN))
            await some_trouble(room)
            await session
            longest_s = max(longest_s, await room.verdict())
            room.theatre.check()
            watching.cancel()
        struck += room.struck
        repeats += room.subscriber.repeats
    assert set(BROKER) == struck.keys()
    assert repeats > 0
    figure(f"{nights} nights, settled after at most {longest_s:.1f} s, {dict(struck)}")
