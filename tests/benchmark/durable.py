"""How long a commit takes: `python -m tests.benchmark.durable`.

Floor: one row of the same bytes through the standard library's sqlite3, WAL, synchronous=FULL.
Then the journal (hash chain, stamps, pydantic), and the journal behind its thread, as the loop
sees it.
"""

import argparse
import asyncio
import os
import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from controller.clock import SystemClock
from controller.record.entry import Draft
from controller.record.events import Stroke, Strokes
from controller.record.journal import Journal
from controller.record.writer import JournalWriter
from tests.benchmark.figures import percentile, show

PEN = "f000000000000001"
SESSION = "20260101-000000-00000001"


def draft(first_index: int, strokes: int) -> Draft:
    """A batch as the intake makes it."""
    made = tuple(
        Stroke(index, index * 6_667, "puncture", 0, 1_000, True, False, False, False, 12)
        for index in range(first_index, first_index + strokes)
    )
    body = Strokes(
        arm_id=1,
        pen_uid=PEN,
        pen_boot_id=1,
        strokes=made,
        puncture_ceiling=first_index + 150,
        step_ceiling=0,
    )
    return Draft(body, SESSION, PEN)


class Floor:
    """One table, one file to sync."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "floor.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, body TEXT)")
        self._file = os.open(folder / "floor.bytes", os.O_CREAT | os.O_WRONLY, 0o600)

    def commit_us(self, text: str) -> float:
        """One row."""
        begin_s = time.perf_counter()
        self._database.execute("INSERT INTO entries (body) VALUES (?)", (text,))
        return (time.perf_counter() - begin_s) * 1e6

    def sync_us(self, text: str) -> float:
        """The bytes alone and fdatasync: what the disk costs without a database."""
        begin_s = time.perf_counter()
        os.write(self._file, text.encode())
        os.fdatasync(self._file)
        return (time.perf_counter() - begin_s) * 1e6

    def close(self) -> None:
        """Give both files back."""
        self._database.close()
        os.close(self._file)


def append_us(journal: Journal, wanted: Draft) -> float:
    """One commit on the calling thread."""
    begin_s = time.perf_counter()
    journal.append([wanted])
    return (time.perf_counter() - begin_s) * 1e6


async def submit_us(writer: JournalWriter, wanted: Draft) -> float:
    """One commit as the loop sees it."""
    begin_s = time.perf_counter()
    await writer.submit([wanted])
    return (time.perf_counter() - begin_s) * 1e6


async def measure(folder: Path, commits: int, strokes: int) -> dict[str, list[float]]:
    """All ways interleaved, so that a busy disk meets each."""
    floor = Floor(folder)
    direct = Journal.open(folder / "direct", SystemClock(), realm="training")
    behind = Journal.open(folder / "behind", SystemClock(), realm="training")
    writer = JournalWriter(behind)
    found: dict[str, list[float]] = {}
    for at in range(commits):
        wanted = draft(at * strokes, strokes)
        text = wanted.body.model_dump_json()
        found.setdefault("fdatasync of the bytes", []).append(floor.sync_us(text))
        found.setdefault("sqlite3 FULL (floor)", []).append(floor.commit_us(text))
        found.setdefault("journal", []).append(append_us(direct, wanted))
        found.setdefault("journal behind its thread", []).append(await submit_us(writer, wanted))
    await writer.close()
    for journal in (direct, behind):
        journal.close()
    floor.close()
    return found


def main() -> None:
    """Measure and show p50 and p99."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.durable")
    parser.add_argument("--commits", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    given = parser.parse_args()
    for strokes in (1, 4, 32):
        with TemporaryDirectory(prefix="micropen-bench-", dir=given.folder) as name:
            found = asyncio.run(measure(Path(name), given.commits, strokes))
        base_us = percentile(found["sqlite3 FULL (floor)"], 0.5)
        show(
            f"Commit of {strokes} strokes, {given.commits} times each",
            ("", "p50 us", "p99 us", "p50 / floor"),
            [
                (
                    name,
                    f"{percentile(values, 0.5):.0f}",
                    f"{percentile(values, 0.99):.0f}",
                    f"{percentile(values, 0.5) / base_us:.2f}",
                )
                for name, values in found.items()
            ],
        )


if __name__ == "__main__":
    main()
