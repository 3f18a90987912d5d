"""What a test must not leave behind: threads, file descriptors, child processes.

Tasks are looked at in `tests.support.virtual.assert_no_other_task`. Reads /proc of this process.
"""

import gc
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ALLOWED_THREADS: dict[str, str] = {}
"""Thread name prefix -> why it may outlive a test."""
ALLOWED_FDS: dict[str, str] = {}
"""Target prefix of the descriptor -> why it may outlive a test."""
JOIN_PATIENCE_S = 2.0
"""Real seconds for a thread that was told to end to do so."""


@dataclass(frozen=True)
class Belongings:
    """Threads, descriptors and children of this process at one moment."""

    threads: frozenset[threading.Thread]
    fds: frozenset[tuple[int, str]]
    children: frozenset[str]

    @classmethod
    def now(cls) -> Self:
        """Look at this process."""
        return cls(frozenset(threading.enumerate()), _open_fds(), _children())


def left_behind(before: Belongings) -> list[str]:
    """One line for each thing that is here now, was not in `before` and is not allowed."""
    threads = [t for t in threading.enumerate() if t not in before.threads]
    for thread in threads:
        thread.join(JOIN_PATIENCE_S)
    if _open_fds() - before.fds:
        gc.collect()  # a descriptor in a reference cycle is closed by the collector
    lines = [f"thread {t.name}" for t in threads if t.is_alive() and not _allowed_thread(t.name)]
    lines += [f"fd {fd} -> {to}" for fd, to in _open_fds() - before.fds if not _allowed_fd(to)]
    lines += [f"child process {pid}" for pid in _children() - before.children]
    return sorted(lines)


def _allowed_thread(name: str) -> bool:
    return name.startswith(tuple(ALLOWED_THREADS))


def _allowed_fd(target: str) -> bool:
    return target.startswith(tuple(ALLOWED_FDS))


def _open_fds() -> frozenset[tuple[int, str]]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add((int(entry.name), str(entry.readlink())))
        except FileNotFoundError:
            continue  # the descriptor with which the folder itself is listed
    return frozenset(found)


def _children() -> frozenset[str]:
    tasks = Path("/proc/self/task").iterdir()
    return frozenset(pid for task in tasks for pid in _children_of(task))


def _children_of(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except FileNotFoundError:
        return []  # the thread ended meanwhile, or the kernel does not list children
