"""`python -m tests.fleet --pens 200 --seed 1`: calibrate a fleet, ask the oracle, tell the figures.

`--pens` is the number of good pens; `--bad` that of each bad kind. Exit code 0 only when nothing
that must not be was found.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

from tests.fleet.draw import BAD, Kind
from tests.fleet.tally import Tally, lines_of
from tests.fleet.trial import Found, trial


def fleet_of(seed: int, pens: int, bad: int) -> list[tuple[Kind, str]]:
    """Kind and seed of each pen."""
    good = [(Kind.GOOD, f"{seed} good {index}") for index in range(pens)]
    return good + [(kind, f"{seed} {kind} {index}") for kind in BAD for index in range(bad)]


def _run(options: argparse.Namespace) -> Iterator[Found]:
    wanted = fleet_of(options.seed, options.pens, options.bad)
    kinds, seeds = [each[0] for each in wanted], [each[1] for each in wanted]
    if options.jobs == 1:
        yield from map(trial, kinds, seeds)
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        yield from pool.map(trial, kinds, seeds, chunksize=5)


def main() -> int:
    """Exit code 1 when something was found that must not be."""
    options = _parser().parse_args()
    tally = Tally(tuple(_run(options)))
    if options.json:
        sys.stdout.write(json.dumps([asdict(each) for each in tally.fleet]) + "\n")
    else:
        sys.stdout.write("\n".join(lines_of(tally)) + "\n")
    for problem in tally.problems:
        sys.stderr.write(f"{problem}\n")
    return 1 if tally.problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    parser.add_argument("--pens", type=int, default=200, help="good pens")
    parser.add_argument("--bad", type=int, default=10, help="pens of each bad kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", action="store_true", help="every pen as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
