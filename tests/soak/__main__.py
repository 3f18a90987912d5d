"""`python -m tests.soak`: many trials from a seed, one trial again, or one script."""

import argparse
import signal
import sys
from pathlib import Path

from rich.console import Console

from tests.soak.draw import draw
from tests.soak.progress import Bar
from tests.soak.report import save, show, tally_of, told, verdict_lines
from tests.soak.runner import Soak, Wanted, quiet, shrunk
from tests.soak.script import Script, ScriptError, load, toml
from tests.soak.shrink import kind_of
from tests.soak.tally import Verdict
from tests.soak.trial import play

SAVE_EVERY_S = 30.0
MOST_SHRUNK = 5


def main() -> int:
    """Exit code 0 only when nothing failed."""
    options = _parser().parse_args()
    console = Console()
    quiet()
    try:
        if options.script is not None:
            return _play_one(load(options.script), options, console)
    except ScriptError as error:
        console.print(str(error), markup=False)
        return 2
    if options.replay is not None:
        return _play_one(draw(options.replay), options, console)
    return _soak(options, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="Plays trials in virtual time: the real controller against a simulated pen, "
        "disk and broker, with faults drawn from a seed.",
    )
    parser.add_argument("--seed", type=int, default=1, help="the first trial's seed")
    parser.add_argument("--punctures", type=int, default=100_000, help="how many at least")
    parser.add_argument("--hits", type=int, default=0, help="wanted in each reachable cell")
    parser.add_argument("--minutes", type=float, default=0.0, help="at most so long; 0 = no limit")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; 0 = none")
    parser.add_argument("--json", type=Path, help="write all figures here, also while it runs")
    parser.add_argument("--resume", type=Path, help="go on from the JSON of an interrupted soak")
    parser.add_argument("--failures", type=Path, default=Path("soak-failures"), help="their folder")
    parser.add_argument(
        "--no-shrink", action="store_true", help="do not make failing scripts small"
    )
    parser.add_argument("--replay", type=int, metavar="SEED", help="play the trial of one seed")
    parser.add_argument("--script", type=Path, help="play one script")
    parser.add_argument("--trace", action="store_true", help="print what happens in that trial")
    return parser


def _play_one(script: Script, options: argparse.Namespace, console: Console) -> int:
    console.print(toml(script), markup=False, highlight=False)
    verdict = play(script, tell=print if options.trace else None)
    if verdict.ok:
        console.print(
            f"passed: {verdict.punctures} punctures in {verdict.virtual_s:.1f} s of virtual time, "
            f"{sum(verdict.cells.values())} faults took effect, then {verdict.stands}\n"
            f"trace {verdict.sha256}"
        )
        return 0
    _tell(verdict, console)
    if not options.no_shrink:
        _shrink(script, verdict, options.failures, console)
    return 1


def _soak(options: argparse.Namespace, console: Console) -> int:
    wanted = Wanted(
        options.seed,
        options.punctures,
        options.jobs,
        options.hits,
        options.minutes,
        None if options.resume is None else tally_of(options.resume),
    )
    soak = Soak(wanted)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets those in the background ignore it
        signal.signal(number, signal.default_int_handler)
    try:
        _run(soak, options, console)
    except KeyboardInterrupt:
        console.print("Interrupted; this is what it came to so far.")
    if options.json is not None:
        save(soak, options.json)
    show(soak, console)
    if not options.no_shrink:
        _shrink_all(soak, options.failures, console)
    return 1 if verdict_lines(soak) else 0


def _run(soak: Soak, options: argparse.Namespace, console: Console) -> None:
    saved_s = 0.0
    with Bar(soak, console) as bar:
        for verdict in soak.run():
            bar.moved()
            if not verdict.ok:
                _tell(verdict, console)
            if options.json is not None and soak.elapsed_s - saved_s > SAVE_EVERY_S:
                saved_s = soak.elapsed_s
                save(soak, options.json)


def _tell(verdict: Verdict, console: Console) -> None:
    for line in told(verdict):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _shrink_all(soak: Soak, folder: Path, console: Console) -> None:
    kinds = {kind_of(verdict): verdict for verdict in reversed(soak.failures)}
    for verdict in list(kinds.values())[:MOST_SHRUNK]:
        _shrink(draw(verdict.seed), verdict, folder, console)


def _shrink(script: Script, verdict: Verdict, folder: Path, console: Console) -> None:
    console.print(f"making the script of seed {verdict.seed} small ...")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"seed-{verdict.seed}.toml"
    path.write_text(toml(shrunk(script, verdict, 150)), "utf-8")
    console.print(f"  python -m tests.soak --script {path}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
