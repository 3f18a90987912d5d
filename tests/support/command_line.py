"""The real command line, in a process of its own or in this one, and what it said."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import structlog

from controller.service.cli import main

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def number(self) -> int:
        """The number of the one error that was printed; fails when there is none."""
        (number,) = re.findall(r"^E(\d{4}) ", self.err, re.MULTILINE)
        return int(number)


def command(*words: str | Path) -> list[str]:
    """The command line without an installed script."""
    return [sys.executable, "-m", "controller.service", *(str(word) for word in words)]


def environment() -> dict[str, str]:
    """As a user has it, with wide lines and without a config folder of the caller.

    No bundle is made after a fault: it would outlive the test.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MICROPEN")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "MICROPEN_BUNDLES": "0"}


def micropen(
    *words: str | Path, cwd: Path | None = None, before: Callable[[], None] | None = None
) -> Said:
    """Run a command to its end. `before` runs in the child first, for resource limits.

    A trace of Python is a failure of the test: no user should ever see one.
    """
    done = subprocess.run(
        command(*words),
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        preexec_fn=before,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def in_process(*words: str | Path) -> Said:
    """The same entry point without a new interpreter, for commands that end before they start
    anything: a dozen of them take no second.
    """
    out, err = io.StringIO(), io.StringIO()
    argv = ["micropen", *(str(word) for word in words)]
    hook, code = sys.excepthook, 0
    with (
        patch.object(sys, "argv", argv),
        patch.dict(os.environ, environment(), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        finally:
            sys.excepthook = hook
            structlog.reset_defaults()
            structlog.contextvars.clear_contextvars()
    return Said(code, out.getvalue(), err.getvalue())
