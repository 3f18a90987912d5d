"""`python -m tests.mutation [ledger ...]`: mutate, judge, and write docs/mutation.md anew.

1 when a survivor has no argument in arguments.toml.
"""

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutation.page import FIGURES, PAGE, Figures, digest, figures, page, unargued
from tests.mutation.targets import TARGETS, Target
from tests.planted.hunt import ROOT, copy_of_the_tree


def main() -> int:
    """Judge the named targets, or all; then render the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="ledger", help="only these")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--again", action="store_true", help="only the survivors, after new tests")
    parser.add_argument("--page", action="store_true", help="only render the page")
    given = parser.parse_args()
    found = figures()
    for target in TARGETS:
        if not given.page and (not given.targets or target.name in given.targets):
            judged = _judge(target, given.jobs, _again(target, given.again))
            found = figures() | {target.name: judged}  # another run may have written meanwhile
            FIGURES.write_text(json.dumps(found, indent=1) + "\n")
        _say(target, found)
    PAGE.write_text(page(found))
    missing = unargued(found)
    sys.stdout.writelines(f"no argument for {each}\n" for each in missing)
    return 1 if missing else 0


def _again(target: Target, wanted: bool) -> bool:
    """What was killed stays killed only while the module's text is the same."""
    last = figures().get(target.name)
    return wanted and last is not None and last["digest"] == digest(target, ROOT)


def _judge(target: Target, jobs: int, again: bool) -> Figures:
    words = ["again"] if again else []
    with TemporaryDirectory(prefix="micropen-mutation-") as name:
        top = Path(name)
        copy_of_the_tree(top)
        done = subprocess.run(
            [sys.executable, "-m", "tests.mutation.worker", target.name, str(jobs), *words],
            cwd=top,
            env=os.environ | {"PYTHONPATH": str(top), "CI": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found: Figures = json.loads(done.stdout)
        found["digest"] = digest(target, top)
        found["date"] = datetime.now(UTC).date().isoformat()
        return found


def _say(target: Target, found: dict[str, Figures]) -> None:
    each = found.get(target.name)
    if each is None:
        sys.stdout.write(f"{target.name:12} not judged yet\n")
        return
    stale = "" if each["digest"] == digest(target, ROOT) else "  (of an earlier text)"
    live = len(each["survivors"])
    sys.stdout.write(f"{target.name:12} {each['mutants']:4} mutants, {live} live{stale}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
