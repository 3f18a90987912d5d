"""Simulated speed of one core: `python -m tests.benchmark.simulation`.

The real controller plays whole sessions in virtual time with its journal on a memory disk, as it
is and behind the simulated disk that can lose its power. Processor time, not wall time, because
machines are shared. Floor: one timer of a bare virtual loop, as a sleeping task sets it.
"""

import argparse
import asyncio
import cProfile
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
import structlog

from controller.session.plan import Plan
from simulator.line import LineSettings, WireSettings
from simulator.scenario import Scenario
from tests.benchmark.figures import show
from tests.benchmark.parts import by_part
from tests.support.bills import QUICK, dosing, pen_for, stamping
from tests.support.sim_disk import SimDisk
from tests.support.theatre import Theatre
from tests.support.virtual import VirtualLoop, advance, run_virtual

RAM = Path("/dev/shm")
HOSTILE = WireSettings(
    baud=115_200,
    latency_us=1_000,
    latency_jitter_us=3_000,
    lose_frame=0.02,
    duplicate_frame=0.02,
    reorder_frame=0.02,
    garbage_frame=0.01,
    flip_byte=0.0005,
)
NEVER_LIFTS = msgspec.structs.replace(QUICK, glide_us=0)


class Case(msgspec.Struct, frozen=True):
    """A session of one zone. `of` gives the plan and the pen for a number of punctures."""

    name: str
    of: Callable[[int], tuple[Plan, Scenario]]
    punctures: int
    on_sim_disk: bool = False


class Run(msgspec.Struct, frozen=True):
    """What one session took. `events` are instants of the pen's world and timers of the loop."""

    virtual_s: float
    cpu_s: float
    punctures: int
    events: int


def stamping_at(cadence_hz: int, **pen: object) -> Callable[[int], tuple[Plan, Scenario]]:
    """Collagen induction."""

    def of(punctures: int) -> tuple[Plan, Scenario]:
        plan = stamping(punctures, cadence_hz=cadence_hz)
        return plan, pen_for(plan, **pen)

    return of


def dosing_of(punctures: int) -> tuple[Plan, Scenario]:
    """Micro-dosing at 5 Hz."""
    plan = dosing(punctures, dose_nl=500)
    return plan, pen_for(plan)


CASES = (
    Case("stamping 100 Hz", stamping_at(100), 3_000),
    Case("the same, simulated disk", stamping_at(100), 3_000, on_sim_disk=True),
    Case("the same, needles never pause", stamping_at(100, hand=NEVER_LIFTS), 3_000),
    Case(
        "stamping 150 Hz, hostile wire",
        stamping_at(150, line=LineSettings(to_pen=HOSTILE, to_host=HOSTILE)),
        3_000,
    ),
    Case("dosing 5 Hz", dosing_of, 500),
)


def play(case: Case, punctures: int, profile: cProfile.Profile | None = None) -> Run:
    """One session, checked against the oracle. Starting and ending the controller is not in it."""
    plan, pen = case.of(punctures)

    async def session(folder: Path, vfs: str | None) -> Run:
        async with Theatre(folder, pen, vfs=vfs) as theatre:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            world = theatre.stage.world
            before_s, before_events = loop.time(), world.steps + loop.timers_set
            before_cpu_s = time.process_time()
            if profile is not None:
                profile.enable()
            await theatre.play(plan)
            if profile is not None:
                profile.disable()
            cpu_s = time.process_time() - before_cpu_s
            run = Run(
                loop.time() - before_s,
                cpu_s,
                world.mechanism.oracle.totals.punctures,
                world.steps + loop.timers_set - before_events,
            )
            await advance(1)
            theatre.check()
            return run

    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="micropen-bench-", dir=RAM)))
        vfs = None
        if case.on_sim_disk:
            vfs = held.enter_context(SimDisk(folder, Random(1))).vfs
        return run_virtual(lambda: session(folder, vfs))


def bare_timer_us(timers: int = 10_000) -> float:
    """Processor microseconds of one timer on a bare virtual loop."""

    async def main() -> float:
        before_s = time.process_time()
        for _ in range(timers):
            await advance(0.001)
        return (time.process_time() - before_s) / timers * 1e6

    return run_virtual(main)


def row(case: Case, rounds: int, share: float) -> tuple[str, ...]:
    """The median of several rounds, each beside its floor."""
    runs, ratios = [], []
    for _ in range(rounds):
        run = play(case, round(case.punctures * share))
        runs.append(run)
        ratios.append(run.cpu_s / run.punctures * 1e6 / bare_timer_us())
    run, cpu_s = runs[0], median(each.cpu_s for each in runs)
    return (
        case.name,
        f"{run.virtual_s:.1f}",
        f"{cpu_s:.2f}",
        f"{run.virtual_s / cpu_s:.0f}",
        f"{run.punctures / cpu_s:.0f}",
        f"{cpu_s / run.punctures * 1e6:.0f}",
        f"{run.events / cpu_s / 1000:.0f}",
        f"{median(ratios):.0f}",
    )


def parts(case: Case, share: float) -> list[tuple[str, str]]:
    """Where the time goes, in percent of a profiled session."""
    profile = cProfile.Profile(time.process_time)
    play(case, round(case.punctures * share), profile)
    seconds = by_part(profile)
    whole_s = sum(seconds.values())
    return [(part, f"{100 * spent_s / whole_s:.0f}") for part, spent_s in seconds.items()]


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.simulation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual punctures")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    play(CASES[0], 50)
    rows = [row(case, given.rounds, given.share) for case in CASES]
    show(
        f"Simulated sessions on one core, median of {given.rounds}",
        (
            "",
            "virtual s",
            "CPU s",
            "x real time",
            "punctures/CPU s",
            "us/puncture",
            "k events/CPU s",
            "puncture / bare timer",
        ),
        rows,
    )
    for case in (CASES[0], CASES[-1]):
        show(f"{case.name}: where a profile's time goes", ("", "%"), parts(case, given.share))


if __name__ == "__main__":
    main()
