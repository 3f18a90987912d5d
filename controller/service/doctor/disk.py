"""How long the disk takes to make something durable: measured, at the place of the journal.

A commit is one fsync. While it waits the pen's ceilings cannot rise; after 0.4 s the pen has used
up what it may run ahead, and rests (design C6). Writes one file without a name, and removes it.
"""

import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Final

from controller.service.doctor.host import existing
from controller.service.doctor.line import Line, green, red, unknown, warning
from protocol.limits import DOSE_AHEAD_US

ROUNDS: Final = 1_000
"""The fewest of which a p99.9 is one of them."""
WITHIN_S: Final = 10.0
WRITE_BYTES: Final = 4_096
"""A page, as a commit of a few strokes adds to the WAL."""
SLOW_S: Final = DOSE_AHEAD_US / 4 / 1_000_000
"""Engineering estimate: a quarter of what the pen may run ahead, so four commits in a row fit."""
STALLS_S: Final = DOSE_AHEAD_US / 1_000_000


def fsync_time(state: Path, *, rounds: int = ROUNDS, within_s: float = WITHIN_S) -> Line:
    """Median, p99.9 and worst time of an fsync; fewer rounds when `within_s` is over first."""
    try:
        taken_s = measure(existing(state), rounds, within_s)
    except OSError as error:
        said = f"{existing(state)} cannot be written: {error.strerror}."
        return red("fsync", said, "Give this user the folder, or mount the disk for writing.")
    return judge(taken_s)


def skipped() -> Line:
    """The measuring would disturb the journal of an open session."""
    return unknown("fsync", "Not measured while a session is open: it would slow its record.")


def judge(taken_s: Sequence[float]) -> Line:
    """The line for measured times in seconds."""
    middle_s, rare_s, worst_s = (percentile(taken_s, share) for share in (0.5, 0.999, 1.0))
    figures = {
        "rounds": len(taken_s),
        "p50_ms": round(middle_s * 1_000, 3),
        "p999_ms": round(rare_s * 1_000, 3),
        "worst_ms": round(worst_s * 1_000, 3),
    }
    said = (
        f"fsync takes {figures['p50_ms']} ms (median), {figures['p999_ms']} ms (p99.9), "
        f"{figures['worst_ms']} ms (worst of {len(taken_s)})."
    )
    action = "Use a better card or an SSD, and let nothing else write to it."
    if rare_s >= STALLS_S:
        return red("fsync", f"{said} The pen will rest in between.", action, **figures)
    if rare_s >= SLOW_S:
        return warning("fsync", said, action, **figures)
    return green("fsync", said, **figures)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def measure(folder: Path, rounds: int, within_s: float) -> list[float]:
    """Seconds of each fsync of a growing file. Raises OSError."""
    taken_s: list[float] = []
    began_s = perf_counter()
    page = bytes(WRITE_BYTES)
    with tempfile.TemporaryFile(dir=folder) as file:
        while len(taken_s) < rounds and perf_counter() - began_s < within_s:
            os.write(file.fileno(), page)
            before_s = perf_counter()
            os.fsync(file.fileno())
            taken_s.append(perf_counter() - before_s)
    return taken_s
