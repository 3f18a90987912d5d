"""Runs tests on a copy of the tree that has one planted bug, and says what found it.

Touches a temporary folder; the tree itself is only read.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.planted.bugs import Bug

ROOT = Path(__file__).parents[2]
ORDER = ("tests/unit", "tests/conformance", "tests/scenario", "tests/property")
"""The ordinary suite's order (pyproject.toml, `testpaths`) without the checks of the tree itself,
which could find a patch by its form."""
PYTEST = ("-x", "-q", "--tb=short", "-p", "no:cacheprovider", "--disable-warnings")


class NotPlanted(Exception):
    """A patch does not fit the tree any more."""


@dataclass(frozen=True)
class Find:
    """What a run came to. `test` is None when nothing failed within the limit."""

    bug: Bug
    test: str | None
    cpu_s: float
    trace_lines: int
    output: str


@contextmanager
def planted(bug: Bug) -> Iterator[Path]:
    """A copy of the tree's own files with the patch applied. Raises NotPlanted."""
    with TemporaryDirectory(prefix=f"micropen-{bug.id}-") as name:
        top = Path(name)
        copy_of_the_tree(top)
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", str(bug.patch)],
            cwd=top,
            env=os.environ | {"GIT_CEILING_DIRECTORIES": str(top.parent), "GIT_DIR": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotPlanted(f"{bug.id}: {done.stderr.strip()}. Make the patch anew.")
        yield top


def copy_of_the_tree(top: Path) -> None:
    """Copy the tree's own files, committed or not, into the folder `top`."""
    for file in _own_files():
        target = top / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, target)


def _own_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def hunt(bug: Bug, tests: Sequence[str] = ORDER, limit_s: int = 60) -> Find:
    """Run `tests` with the bug until the first failure, or for `limit_s` seconds of CPU."""
    with planted(bug) as top:
        before_s = _children_s()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *PYTEST, *tests],
            cwd=top,
            env=os.environ | {"PYTHONPATH": str(top), "MICROPEN_PLANTED": bug.id},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 5)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return _read(bug, done.stdout, _children_s() - before_s)


def _read(bug: Bug, output: str, cpu_s: float) -> Find:
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    trace = output.partition("= FAILURES =")[2] or output.partition("= ERRORS =")[2]
    lines = len(trace.partition("short test summary")[0].splitlines())
    return Find(bug, found and found[1], cpu_s, lines, output)


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
