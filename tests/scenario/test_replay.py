"""Recorded traffic through the real controller code again: the same way, or it says where not."""

import asyncio
import json
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from controller.service.bundle.archive import read_bundle
from controller.service.flight.recorder import Chunk
from controller.service.flight.recording import Recording
from controller.service.replay.books import Recorded
from controller.service.replay.replaying import replay
from controller.service.replay.script import links_of, message_of
from controller.service.replay.verdict import Verdict
from controller.session.plan import Plan
from protocol.codec import encode_payload
from protocol.framing import encode_frame
from protocol.messages import Events
from simulator.line import LineSettings, WireSettings
from tests.scenario.test_bench_arms import BURST, STEP_PL, begun
from tests.scenario.test_bench_arms import TECHNICIAN as BENCH_ACTOR
from tests.support.arms import TECHNICIAN
from tests.support.bills import dosing, pen_for
from tests.support.command_line import in_process
from tests.support.flown import FlownTheatre
from tests.support.inputs import CONFIG
from tests.support.virtual import advance, run_virtual

PLAN = dosing(6, 4)
NOISY = WireSettings(
    baud=115_200, latency_us=1_000, lose_frame=0.02, duplicate_frame=0.02, few_bits_frame=0.1
)


class Flown(NamedTuple):
    """What was recorded of one play."""

    recording: Recording
    entries: list[Recorded]


def flown(
    folder: Path,
    play: Callable[[FlownTheatre], Awaitable[None]],
    plan: Plan = PLAN,
    **pen: object,
) -> Flown:
    """Play something and take its newest recording."""

    async def all_of_it() -> Flown:
        async with FlownTheatre(folder, pen_for(plan, **pen)) as theatre:
            await play(theatre)
            theatre.check(still_open=len(theatre.referee().open_arms))
            return Flown(await theatre.recorded(), theatre.entries())

    return run_virtual(all_of_it)


async def in_dose(theatre: FlownTheatre, punctures: int) -> None:
    await theatre.until(lambda: theatre.stage.truth.so_far().punctures == punctures)


async def stopped(theatre: FlownTheatre) -> None:
    """A session, stopped by hand in mid-dose, cleared, and stopped again at rest."""
    await theatre.begin(PLAN)
    work = theatre.operate()
    await in_dose(theatre, 3)
    theatre.service.stop("key")
    await theatre.until(lambda: theatre.engine.is_latched)
    work.cancel()
    await advance(0.5)
    await theatre.acts.clear(TECHNICIAN)
    await advance(4.0)


async def unplugged(theatre: FlownTheatre) -> None:
    """The cable is out for a while in mid-dose; the pen's own record closes the arm."""
    await theatre.begin(PLAN)
    work = theatre.operate()
    await in_dose(theatre, 2)
    theatre.unplug()
    await theatre.until(lambda: theatre.engine.pen is None)
    await advance(1.0)
    work.cancel()
    theatre.replug()
    await theatre.until(lambda: theatre.engine.reconciled)
    await advance(3.0)


async def reset(theatre: FlownTheatre) -> None:
    """The pen loses its power in mid-stroke: a residual."""
    await theatre.begin(PLAN)
    work = theatre.operate()
    await in_dose(theatre, 4)
    theatre.reset_pen()
    await theatre.until(lambda: theatre.engine.pen is None)
    work.cancel()
    await theatre.until(lambda: theatre.engine.reconciled)
    await advance(4.0)


def summed(verdict: Verdict) -> tuple[int, int]:
    recorded, replayed = verdict.strokes
    return sum(steps for _, steps in recorded.values()), sum(
        steps for _, steps in replayed.values()
    )


async def calibrated(theatre: FlownTheatre) -> None:
    """A calibration is begun, a burst is stopped in the middle, it is given up."""
    await begun(theatre)
    await theatre.bench.prime(400, STEP_PL, BENCH_ACTOR)
    work = asyncio.create_task(theatre.bench.stroke(BURST, 20, STEP_PL, BENCH_ACTOR))
    await in_dose(theatre, 3)
    theatre.service.stop("key")
    await work
    await theatre.acts.clear(BENCH_ACTOR)
    await theatre.bench.close("aborted", "enough seen", {}, BENCH_ACTOR)
    await advance(4.0)


def told(verdict: Verdict) -> str:
    return "\n".join(line for _, line in verdict.told)


@pytest.mark.parametrize(
    ("play", "words"),
    [
        (stopped, ("STOP sent", "STOP echoed", "latch cleared", "arm 2 closed (final, stop)")),
        (unplugged, ("link lost: ", "alarm uncertain-delivery", "arm 2 closed (final")),
        (calibrated, ("calibration opened", "arm 2 opened: bench", "calibration closed: aborted")),
        (reset, ("link lost: ", "alarm residual-delivery", "boot 2")),
    ],
)
def test_it_goes_the_same_way(
    tmp_path: Path, play: Callable[[FlownTheatre], Awaitable[None]], words: tuple[str, ...]
) -> None:
    recording, entries = flown(tmp_path / "j", play)
    verdict = replay(recording, entries)
    assert (verdict.missing, verdict.extra, verdict.notes) == ([], [], [])
    assert not verdict.differs
    assert verdict.strokes[0] == verdict.strokes[1] != {}
    for word in words:
        assert word in told(verdict), told(verdict)


def test_a_wire_that_loses_and_garbles_is_decoded_again_byte_for_byte(tmp_path: Path) -> None:
    line = LineSettings(to_pen=NOISY, to_host=NOISY)
    recording, entries = flown(tmp_path / "j", stopped, line=line)
    verdict = replay(recording, entries)
    assert verdict.discards[0] > 0
    assert verdict.discards[0] == verdict.discards[1]
    assert verdict.strokes[0] == verdict.strokes[1]


def test_a_recording_that_begins_in_the_middle_of_a_link(tmp_path: Path) -> None:
    async def long(theatre: FlownTheatre) -> None:
        await theatre.begin(PLAN)
        await theatre.acts.prime(TECHNICIAN)
        await theatre.until(lambda: not theatre.engine.arm_is_open)
        await advance(120.0)
        theatre.service.stop("key")
        await theatre.until(lambda: theatre.engine.is_latched)
        await advance(4.0)

    recording, entries = flown(tmp_path / "j", long)
    (link,) = links_of(recording.chunks)
    assert link.began_within
    assert link.hello_reply is not None
    verdict = replay(recording, entries)
    assert (verdict.missing, verdict.extra) == ([], [])
    assert "STOP echoed" in told(verdict)
    assert "session opened" not in told(verdict), "it was open before, by the journal"


def test_without_the_journal_the_wire_alone_is_shown(tmp_path: Path) -> None:
    recording, _ = flown(tmp_path / "j", unplugged)
    verdict = replay(recording, [])
    assert any("nobody acts" in note for note in verdict.notes)
    assert not verdict.differs
    assert "link lost: " in told(verdict)


def with_other_events(chunks: list[Chunk]) -> list[Chunk]:
    """The last event of a dose says one step more, with a right checksum."""
    for at in range(len(chunks) - 1, -1, -1):
        mono_s, way, data = chunks[at]
        for part in filter(None, data.split(b"\0")):
            frame, message = message_of(part)
            if way != "<" or frame is None or not isinstance(message, Events):
                continue
            if not message.records or not message.records[-1].steps:
                continue
            last = msgspec.structs.replace(message.records[-1], steps=message.records[-1].steps + 1)
            more = msgspec.structs.replace(message, records=(*message.records[:-1], last))
            sent = encode_frame(msgspec.structs.replace(frame, payload=encode_payload(more)))
            changed: Chunk = (mono_s, way, data.replace(part, sent.strip(b"\0")))
            return [*chunks[:at], changed, *chunks[at + 1 :]]
    raise AssertionError("there is no event")


def test_what_goes_another_way_is_said(tmp_path: Path) -> None:
    recording, entries = flown(tmp_path / "j", stopped)
    other = msgspec.structs.replace(recording, chunks=with_other_events(recording.chunks))
    verdict = replay(other, entries)
    assert verdict.differs
    recorded, replayed = summed(verdict)
    assert replayed == recorded + 1
    assert any("contradict" in line for _, line in verdict.extra), verdict.extra


def test_the_command_on_a_bundle_and_on_a_recording(tmp_path: Path) -> None:
    flown(tmp_path / "journal", stopped)
    bundle = tmp_path / "b.tar.gz"
    where = ("--state", tmp_path, "--config", CONFIG)
    assert in_process("support-bundle", *where, "--out", bundle).code == 0
    members = read_bundle(bundle)
    (name,) = (each for each in members if each.startswith("wiretap/"))
    wire = [json.loads(line) for line in members[name].splitlines()]
    assert wire[0]["note"] == "opened"
    ways = {(line.get("way"), line.get("message")) for line in wire}
    assert {("to_pen", "Hello"), ("from_pen", "Events"), ("to_pen", "Stop")} <= ways
    said = in_process("replay", bundle, "--strict")
    assert said.code == 0, said.out + said.err
    assert "It went as it was recorded." in said.out
    assert "arm 2 closed (final, stop)" in said.out
    (recording,) = (tmp_path / "flight").iterdir()
    alone = in_process("replay", recording, "--journal", tmp_path / "journal", "--strict")
    assert alone.code == 0, alone.out + alone.err
    assert in_process("replay", recording).code == 0
    assert in_process("replay", bundle, "--recording", "no-such").number == 8051
    assert in_process("replay", bundle, "--pace", "slow").number == 1011
    assert in_process("replay", tmp_path / "none.jsonl").number == 8002


def test_a_bundle_without_a_recording_says_so(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz"):
        pass
    said = in_process("replay", tmp_path / "b.tar.gz")
    assert (said.number, "No fault has happened" in said.err) == (8051, True)
