"""A program of the next layout, which does not exist yet: made up here, registered nowhere else.

    python -m tests.support.next_layout forward FOLDER    killed at each operation of a disk
    python -m tests.support.next_layout back FOLDER

Inside `with next_layout():` this process is that newer program; outside it is today's. As a program
it works on copies of FOLDER/journal, one for each operation at which a process dies.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

from controller.clock import SystemClock
from controller.record import entry, layouts
from controller.record.migration import bring_forward, take_back
from tests.support.deadly_disk import DeadlyVfs, Fate

TODAY: Final = entry.SCHEMA_VERSION
NEXT: Final = TODAY + 1
MOST_OPERATIONS: Final = 1_000
_INDEX: Final = "CREATE INDEX by_session ON entries (session_id, seq);\n"


@contextmanager
def next_layout() -> Iterator[None]:
    """Be a program that writes layout NEXT, and knows all before it."""
    with ExitStack() as undo:
        schema = layouts.SCHEMAS[TODAY] + _INDEX
        undo.enter_context(patch.dict(layouts.SCHEMAS, {NEXT: schema}))
        for module in _that_know_it():
            undo.enter_context(patch.object(module, "SCHEMA_VERSION", NEXT))
        yield


def _that_know_it() -> list[ModuleType]:
    modules = [each for name, each in sys.modules.items() if name.startswith("controller.")]
    return [each for each in modules if hasattr(each, "SCHEMA_VERSION")]


def forward(folder: Path) -> None:
    """What the newer program does with an older journal."""
    with next_layout():
        bring_forward(folder, SystemClock(), "training", min_free_bytes=0)


def back(folder: Path) -> None:
    """And its way back."""
    with next_layout():
        take_back(folder)


def every_operation(home: Path, work: Callable[[Path], None]) -> int:
    """How many operations of the disk `work` has; a process died at each, before or after it."""
    for nth in range(1, MOST_OPERATIONS):
        shutil.copytree(home / "journal", home / str(nth) / "journal")
        if not _dies(home / str(nth) / "journal", nth, work):
            return nth - 1
    return MOST_OPERATIONS


def _dies(folder: Path, nth: int, work: Callable[[Path], None]) -> bool:
    child = os.fork()
    if child == 0:
        fate = Fate(nth, "before" if nth % 2 else "after")
        vfs = DeadlyVfs(fate)
        with ExitStack() as undo:
            for name in ("fsync", "replace", "mkdir"):
                undo.enter_context(patch.object(os, name, _deadly(fate, getattr(os, name))))
            work(folder)
        vfs.unregister()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _deadly(fate: Fate, real: Callable[..., None]) -> Callable[..., None]:
    def call(*words: Any, **named: Any) -> None:
        fate.at(lambda: real(*words, **named))

    return call


if __name__ == "__main__":
    what = {"forward": forward, "back": back}[sys.argv[1]]
    sys.stdout.write(f"{every_operation(Path(sys.argv[2]), what)}\n")
