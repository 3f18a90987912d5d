"""Plays a recording: the real decoder, link, pen line and engine, on a port without a pen.

The composition is the service's own but for port, clock, chance and disk. Nothing is written, no
port is opened.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from controller.pen.driver import PenLine
from controller.pen.identity import Realm
from controller.record.events import ServiceStarted
from controller.service.flight.recording import Recording, RecordingUnreadable
from controller.service.replay.acts import Operator
from controller.service.replay.books import MemoryWriter, Recorded, seeded
from controller.service.replay.pace import JumpLoop, ReplayClock
from controller.service.replay.port import Chance, ReplayOpener
from controller.service.replay.script import Link, clears_of, links_of, stops_of
from controller.service.replay.verdict import (
    Verdict,
    asked,
    lines_of,
    moved,
    of_recorded,
    only_in,
    without_beginning,
)
from controller.session.acting import Acting
from controller.session.acts import Acts
from controller.session.books import Books
from controller.session.engine import Engine
from controller.session.hearing import Hearing
from protocol.framing import Decoder, Discard
from protocol.messages import Message

AFTER_S: Final = 1.0


class _Stage:
    """The parts of one replay."""

    def __init__(self, recording: Recording, links: list[Link], books: Books) -> None:
        header = recording.header
        began_mono_s = links[0].opened_mono_s
        wall = datetime.fromisoformat(header.wall)
        self.clock = ReplayClock(began_mono_s - AFTER_S, wall)
        self.asked: list[Message] = []
        self.writer = MemoryWriter(self.clock)
        chance = Chance()
        realm = cast("Realm", header.realm)
        self.engine = Engine(self.clock, books, self.writer, self._send_stop, realm)
        opener = ReplayOpener(links, self.clock, chance, lambda _, said: self.asked.append(said))
        host_id = int(header.host_id, 16)
        self.line = PenLine(opener, self.clock, host_id, Hearing(self.engine), chance)
        acting = Acting(self.engine)
        self.operator = Operator(acting, Acts(acting), self.line, chance, self.clock)
        self.defects: list[str] = []
        self.engine.on_defect = lambda error: self.defects.append(f"defect: {error!r}")

    def _send_stop(self, reason: str) -> int:
        return self.line.stop(reason)

    async def play(
        self, entries: Sequence[Recorded], stops: Sequence[tuple[float, int]], end_mono_s: float
    ) -> None:
        """From a second before the recording to its end."""
        await self.engine.commit(
            ServiceStarted(software_version="replay", config_digest="-"),
            *self.engine.recover_state(),
        )
        tasks = [
            asyncio.create_task(self.line.run(), name="pen-line"),
            asyncio.create_task(self.operator.run(entries, stops), name="operator"),
        ]
        try:
            await asyncio.sleep(end_mono_s - self.clock.mono_s())
        finally:
            await self.engine.shut_down()
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        self.defects += [f"defect: {each!r}" for each in ended if isinstance(each, Exception)]

    def written(self) -> list[tuple[float, str, dict[str, Any] | None]]:
        """What was recorded, in the shape that is compared."""
        return [
            (mono_s, draft.body.kind, draft.body.model_dump(mode="json"))
            for mono_s, draft in self.writer.written
        ]


class _Window(msgspec.Struct, frozen=True):
    """When a recording begins and ends, and what the journal said before and in between."""

    span: tuple[float, float]
    before: list[Recorded]
    within: list[Recorded]


def replay(
    recording: Recording, entries: Sequence[Recorded], *, real_pace: bool = False
) -> Verdict:
    """Play a recording against the record of its time.

    entries: of the journal, before and during the recording; with none of them nobody acts, and
    only what the wire itself tells is found. Raises RecordingUnreadable when it holds no link.
    """
    links = links_of(recording.chunks)
    if not links:
        raise RecordingUnreadable("The recording holds no bytes.", cause="No port was ever opened.")
    window = _window(recording, links, entries)
    factory = None if real_pace else JumpLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_played(recording, links, window))


async def _played(recording: Recording, links: list[Link], window: _Window) -> Verdict:
    books, passed = seeded(window.before)
    notes = [] if not passed else [f"{passed} earlier entries could not be booked again."]
    if not window.within:
        notes.append("No journal of that time: nobody acts, and nothing is compared.")
    if (open_arms := books.ledger.open_intervals()) and links[0].began_within:
        arm_id = open_arms[0].opened.arm_id
        notes.append(f"It begins inside arm {arm_id}, which is taken for one that was lost.")
    stage = _Stage(recording, links, books)
    stage.operator.clears = clears_of(links)
    await stage.play(window.within, stops_of(links), window.span[1])
    written = stage.written()
    recorded = of_recorded(window.within)
    told = lines_of(written)
    ours, theirs = without_beginning(told, links), lines_of(recorded)
    verdict = Verdict(told, notes=notes + stage.operator.told + stage.defects)
    verdict.discards = (_discards(recording), _seen_discards(stage.line))
    verdict.requests = (
        asked(message for link in links for _, message in link.asked),
        asked(stage.asked),
    )
    if window.within:
        verdict.missing = only_in(theirs, ours, window.span)
        verdict.extra = only_in(ours, theirs, window.span)
        verdict.strokes = (moved(recorded), moved(written))
    return verdict


def _window(recording: Recording, links: list[Link], entries: Sequence[Recorded]) -> _Window:
    span = (links[0].opened_mono_s, recording.chunks[-1][0])
    of_boot = [each.host_boot_id == recording.header.host_boot_id for each in entries]
    within = [
        each
        for each, same in zip(entries, of_boot, strict=True)
        if same and span[0] <= each.mono_s <= span[1]
    ]
    first_seq = within[0].seq if within else recording.header.head_seq + 1
    before = [each for each in entries if each.seq < first_seq]
    return _Window(span, before, within)


def _discards(recording: Recording) -> int:
    decoder = Decoder()
    heard = [data for _, way, data in recording.chunks if way == "<"]
    return sum(isinstance(found, Discard) for data in heard for found in decoder.feed(data))


def _seen_discards(line: PenLine) -> int:
    return sum("discard" in each for each in line.wiretap.dump())
