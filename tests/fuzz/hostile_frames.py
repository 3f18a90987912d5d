"""`python -m tests.fuzz.hostile_frames --frames 100000000 --seed S`: none may be acted on.

Plays sessions in virtual time with the real controller and a simulated pen, and feeds hostile
frames to both ends at moments all over them, armed and running under a live lease for the most
part. A frame counts when both ends' own decoders saw it. Exit code 1 when anything was acted on.
The checksum has 32 bits: of random frames one in 4.3e9 passes it and must then fail a later rule.
"""

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import structlog

from controller.session.states import State
from tests.fuzz.barrage import Barrage, Score, link_frames
from tests.support.bills import dosing, pen_for, stamping
from tests.support.theatre import Theatre
from tests.support.virtual import advance, run_virtual

ACT_FRAMES = 400_000
VOLLEY_FRAMES = 2_500
_ONE_LINK_S = 0.4
"""How long the link runs whose frames are replayed later."""


class Act(msgspec.Struct, frozen=True):
    """One theatre's share. The same act gives the same frames on every machine."""

    seed: int
    number: int
    frames: int
    volley: int


async def _until_running(theatre: Theatre) -> None:
    engine = theatre.engine
    await theatre.until(lambda: engine.state is State.RUNNING or engine.book is None)
    await advance(_ONE_LINK_S)


def _fit_new_parts(theatre: Theatre, act: Act, rng: Random) -> None:
    """Each session needs a cartridge that was never used, and a full syringe."""
    chip = theatre.stage.world.scenario.chip(act.number + 1)
    assert chip is not None
    chip = msgspec.structs.replace(chip, cartridge_uid=rng.getrandbits(63) | 1)
    theatre.stage.fit_cartridge(chip)
    theatre.stage.fit_syringe()


async def _under_fire(theatre: Theatre, act: Act, rng: Random, score: Score) -> None:
    """Sessions one after the other until all frames are fed; each is played to its end."""
    plan = stamping(900, 300) if act.number % 2 else dosing(30, 10)
    barrage = Barrage(theatre, rng, score)
    while score.total < act.frames and not score.problems:
        _fit_new_parts(theatre, act, rng)
        await theatre.begin(plan)
        work = theatre.operate()
        await _until_running(theatre)
        barrage.old_link = link_frames(theatre)
        theatre.unplug()
        theatre.replug()
        await _until_running(theatre)
        while not work.done() and score.total < act.frames and not score.problems:
            await barrage.fire(min(act.volley, act.frames - score.total))
            await advance(rng.uniform(0.001, 0.06 if theatre.engine.arm_is_open else 0.4))
        if score.problems:
            work.cancel()
        await asyncio.gather(work, return_exceptions=bool(score.problems))


async def _play(folder: Path, act: Act) -> Score:
    rng, score = Random(f"hostile frames {act.seed} {act.number}"), Score()
    plan = stamping() if act.number % 2 else dosing()
    async with Theatre(folder, pen_for(plan), seed=act.number + 1) as theatre:
        await _under_fire(theatre, act, rng, score)
        if not score.problems:
            referee = theatre.check()
            made = sum(arm.certain[0] for arm in referee.arms.values())
            score.moments["sessions completed"] += len(referee.all("session_closed"))
            score.moments["punctures"] += made
            score.problems += [f"residual: {arm.name}" for arm in referee.residuals]
            wrong = set(referee.end_reasons) - {"disarmed", "new_link"}
            score.problems += [f"an arm ended by {reason}" for reason in sorted(wrong)]
    return score


def play(act: Act) -> Score:
    """One act on a loop and in a folder of its own."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        return run_virtual(lambda: _play(Path(folder) / "journal", act))


def quiet() -> None:
    """The controller's log would be the longest output."""
    only_critical = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=only_critical)


def acts(frames: int, seed: int, volley: int) -> Iterator[Act]:
    """As many acts as it takes; each but the last of ACT_FRAMES."""
    for number, first in enumerate(range(0, frames, ACT_FRAMES)):
        yield Act(seed, number, min(ACT_FRAMES, frames - first), volley)


def add(total: Score, part: Score) -> None:
    """Sum up two scores."""
    for name in total.__struct_fields__:
        setattr(total, name, getattr(total, name) + getattr(part, name))


def report(total: Score, seed: int, began_s: float) -> dict[str, Any]:
    """The figures, ready for JSON."""
    own = os.times()
    cpu_s = own.user + own.system + own.children_user + own.children_system
    classes = {
        name: {
            "frames": count,
            "pen_discarded": total.pen_discarded[name],
            "pen_refused": total.pen_refused[name],
            "host_discarded": total.host_discarded[name],
            "host_refused": total.host_refused[name],
        }
        for name, count in total.frames.most_common()
    }
    return {
        "seed": seed,
        "frames": total.total,
        "bytes": total.bytes_fed,
        "acted_on": len(total.problems),
        "problems": total.problems[:20],
        "volleys": total.volleys,
        "classes": classes,
        "host_reasons": dict(total.reasons.most_common()),
        "moments": dict(total.moments.most_common()),
        "cpu_s": round(cpu_s, 1),
        "frames_a_cpu_s": round(total.total / max(cpu_s, 0.001)),
        "wall_s": round(time.monotonic() - began_s, 1),
    }


def run(
    frames: int, seed: int, jobs: int = 1, *, volley: int = VOLLEY_FRAMES, show: bool = False
) -> dict[str, Any]:
    """Play all acts; stops at the first one in which a frame was acted on."""
    began_s, total = time.monotonic(), Score()
    with get_context("spawn").Pool(jobs, quiet) if jobs > 1 else _Alone() as pool:
        for done, score in enumerate(pool.imap(play, acts(frames, seed, volley)), 1):
            add(total, score)
            if show:
                _progress(total, frames, done, began_s)
            if total.problems:
                break
    return report(total, seed, began_s)


class _Alone:
    """A pool of this process only."""

    def __enter__(self) -> "_Alone":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    imap = staticmethod(map)


def _progress(total: Score, frames: int, done: int, began_s: float) -> None:
    rate = total.total / max(0.001, time.monotonic() - began_s)
    left_s = max(0, frames - total.total) / max(rate, 1.0)
    sys.stderr.write(
        f"\r{total.total:>12,} of {frames:,} frames, {done} acts, {rate:,.0f}/s, "
        f"{left_s / 60:.0f} min left, acted on: {len(total.problems)} "
    )
    sys.stderr.flush()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    wanted = parser.parse_args()
    quiet()
    found = run(wanted.frames, wanted.seed, wanted.jobs, show=True)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 1 if found["acted_on"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
