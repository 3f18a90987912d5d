"""Replays of wild recordings: the same events and steps, and no defect whatever the bytes are."""

import random
from pathlib import Path

import msgspec
import pytest

from controller.errors import MicropenError
from controller.service.flight.recorder import Chunk
from controller.service.replay.replaying import replay
from simulator.line import LineSettings, WireSettings
from tests.scenario.test_replay import Flown, flown, stopped
from tests.support.arms import TECHNICIAN
from tests.support.bills import dosing, stamping
from tests.support.flown import FlownTheatre
from tests.support.virtual import advance

WIRE = WireSettings(
    baud=115_200,
    latency_us=1_000,
    latency_jitter_us=4_000,
    lose_frame=0.02,
    duplicate_frame=0.02,
    few_bits_frame=0.02,
    garbage_frame=0.01,
)


async def mishap(theatre: FlownTheatre, chance: random.Random) -> None:
    match chance.choice(["unplug", "reset", "stop"]):
        case "unplug":
            theatre.unplug()
            await advance(chance.uniform(0.1, 2.0))
            theatre.replug()
        case "reset":
            theatre.reset_pen()
        case _:
            theatre.service.stop("key")
            await advance(0.5)
            try:
                await theatre.acts.clear(TECHNICIAN)
            except MicropenError:  # whatever it is, it is on record
                return


def wild(folder: Path, seed: int) -> Flown:
    chance = random.Random(seed)
    plan = dosing(12, 8) if seed % 3 else stamping(300, 200)

    async def play(theatre: FlownTheatre) -> None:
        await theatre.begin(plan)
        work = theatre.operate()
        for _ in range(4):
            await advance(chance.uniform(0.5, 4.0))
            await mishap(theatre, chance)
        await advance(2.0)
        work.cancel()
        await advance(15.0)
        assert theatre.box is not None
        theatre.box.fault("the last one")

    line = LineSettings(to_pen=WIRE, to_host=WIRE)
    return flown(folder, play, plan=plan, **({"line": line} if seed % 2 else {}))


@pytest.mark.parametrize("seed", [2, 6, 9, 13])
def test_whatever_happened_the_same_events_and_steps_are_booked(tmp_path: Path, seed: int) -> None:
    recording, entries = wild(tmp_path / "j", seed)
    verdict = replay(recording, entries)
    assert verdict.strokes[0] == verdict.strokes[1] != {}
    assert verdict.discards[0] == verdict.discards[1]
    assert [note for note in verdict.notes if "defect" in note] == []


def spoilt(chunks: list[Chunk], chance: random.Random) -> list[Chunk]:
    """A byte here and there is another one, a chunk is lost, one comes twice."""
    found: list[Chunk] = []
    for mono_s, way, data in chunks:
        lot = chance.random()
        if way == "<" and data and lot < 0.1:
            at = chance.randrange(len(data))
            found.append((mono_s, way, data[:at] + chance.randbytes(1) + data[at + 1 :]))
        elif lot > 0.03:
            found += [(mono_s, way, data)] * (2 if lot > 0.97 else 1)
    return found


@pytest.mark.hazard("H11")
def test_no_bytes_make_it_fail(tmp_path: Path) -> None:
    recording, entries = flown(tmp_path / "j", stopped)
    for seed in range(6):
        chunks = spoilt(recording.chunks, random.Random(seed))
        verdict = replay(msgspec.structs.replace(recording, chunks=chunks), entries)
        assert [note for note in verdict.notes if "defect" in note] == [], seed
