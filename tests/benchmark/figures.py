"""What the benchmarks share: processor time and memory of a process, percentiles, one table.

A figure alone says little on a shared machine; each is shown as a ratio to a floor that was
measured in the same run.
"""

import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import msgspec

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_A_MB = 1024
_never = threading.Event()


class Usage(msgspec.Struct, frozen=True):
    """One process over a span: share of a core in percent, resident memory in MB."""

    cpu_percent: float
    rss_mb: float
    peak_mb: float


class Meter:
    """Reads /proc of one process, its threads included."""

    def __init__(self, pid: int) -> None:
        self._folder = Path("/proc") / str(pid)
        self._cpu_s = self._read_cpu_s()
        self._since_mono_s = time.monotonic()

    def usage(self) -> Usage:
        """Since this object was made."""
        span_s = time.monotonic() - self._since_mono_s
        status = dict(
            line.split(":", 1) for line in (self._folder / "status").read_text().splitlines()
        )
        return Usage(
            100 * (self._read_cpu_s() - self._cpu_s) / span_s,
            int(status["VmRSS"].split()[0]) / _KIB_A_MB,
            int(status["VmHWM"].split()[0]) / _KIB_A_MB,
        )

    def _read_cpu_s(self) -> float:
        after_name = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / _TICKS_A_SECOND


def typical(usages: Sequence[Usage]) -> Usage:
    """Field by field the median of several rounds; the peak is the highest."""
    return Usage(
        median(each.cpu_percent for each in usages),
        median(each.rss_mb for each in usages),
        max(each.peak_mb for each in usages),
    )


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` (0-1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def pause(seconds: float) -> None:
    """Let time pass for the processes that are measured."""
    _never.wait(seconds)


def show(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """One table on stdout."""
    table = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(headings))]
    sys.stdout.write(f"\n{title}\n")
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        sys.stdout.write("  " + "  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()
