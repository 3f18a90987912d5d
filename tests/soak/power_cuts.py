"""`python -m tests.soak.power_cuts --cuts N`: does the journal keep what it acknowledged?

Reference sessions of the real journal run on a recorded disk. After every operation the power is
cut: what the disk may hold then is drawn, the real journal recovers from it, and a reader that
shares no code with it compares the files with what was promised. Then the power is cut again at an
operation of that recovery, and again. A cut counts once for each different image.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tests.soak.cuts.bench import Bench, Counts, Lost
from tests.support.sim_disk import SimDisk

RAM = Path("/dev/shm")
MOST_A_STORY = 2_000
"""Cuts of one session, so that a long one does not take the place of many."""

LINES = 50
"""Into a file, progress is so many lines."""


@contextmanager
def bench(seed: int) -> Iterator[Bench]:
    """A bench in a folder in RAM that is gone afterwards."""
    ram = RAM if RAM.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="power-cuts-", dir=ram) as folder,
        SimDisk(Path(folder), Random(seed)) as disk,
    ):
        yield Bench(Path(folder), disk, seed)


def alone(seed: int, cuts: int, first: int = 0) -> Iterator[Counts]:
    """What each story came to, until there were so many cuts.

    Raises:
        Lost: the journal did not survive one.
    """
    with bench(seed) as place:
        left = cuts
        for number in count(first):
            done = place.story(number, min(left, MOST_A_STORY))
            left -= done.cuts
            yield done
            if left <= 0:
                return


def one(seed: int, number: int, most: int) -> Counts:
    """One story, in a process of its own."""
    with bench(seed) as place:
        return place.story(number, most)


def side_by_side(seed: int, cuts: int, first: int, jobs: int) -> Iterator[Counts]:
    """As `alone`, with several processes; a few cuts more than asked for may be made."""
    with ProcessPoolExecutor(jobs) as pool:
        numbers = count(first)
        most = min(cuts, MOST_A_STORY)
        running: set[Future[Counts]] = {
            pool.submit(one, seed, next(numbers), most) for _ in range(jobs)
        }
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                cuts -= future.result().cuts
                if cuts > 0:
                    running.add(pool.submit(one, seed, next(numbers), most))
                yield future.result()


def summary(total: Counts) -> str:
    """The figures in one line."""
    steps = ", ".join(f"{count} {step}" for step, count in sorted(total.steps.items()))
    return (
        f"{total.cuts:,} power cuts, {total.in_recovery:,} of them in a recovery, no acknowledged "
        f"entry lost; {total.stories:,} sessions ({steps}); {total.repeats:,} images drawn again "
        f"and not counted; {total.read:,} entries read back; "
        f"{total.cpu_s / max(1, total.cuts) * 1e3:.2f} ms CPU a cut"
    )


def run(seed: int, cuts: int, first: int, jobs: int, console: Console) -> Counts:
    """All the cuts with a progress bar, or with a line now and then into a file; raises Lost."""
    total, said = Counts(), 0
    stories = side_by_side(seed, cuts, first, jobs) if jobs > 1 else alone(seed, cuts, first)
    bar = Progress(
        TextColumn("{task.completed:>9,.0f} of {task.total:,.0f} power cuts"),
        BarColumn(),
        TextColumn("{task.fields[stories]:,} sessions"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task: TaskID = bar.add_task("cuts", total=cuts, stories=0)
        for done in stories:
            total.add(done)
            bar.update(task, completed=min(total.cuts, cuts), stories=total.stories)
            if not console.is_terminal and total.cuts * LINES // cuts > said:
                said = total.cuts * LINES // cuts
                console.print(f"{total.cuts:,} of {cuts:,} power cuts, {total.stories:,} sessions")
    return total


def main(arguments: list[str]) -> int:
    """The command; 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.power_cuts", description=__doc__)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first session")
    parser.add_argument("--jobs", type=int, default=1)
    wanted = parser.parse_args(arguments)
    say = Console(highlight=False, soft_wrap=True)
    bar = Console(stderr=True)
    try:
        total = run(wanted.seed, wanted.cuts, wanted.first, wanted.jobs, bar)
    except Lost as lost:
        say.print(f"LOST: {lost}\nagain: --seed {wanted.seed} --first {lost.number} --cuts 2000")
        return 1
    say.print(summary(total))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
