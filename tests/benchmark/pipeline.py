"""Processor time and memory at 150 Hz: `python -m tests.benchmark.pipeline`.

From the pty through link, ledger and journal (synchronous=FULL) in the controller, and from the
journal to broker and archive in telemetry. Aims: 4 % of a core and 60 MB, 2 % and 40 MB.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from controller.record.reader import JournalReader
from tests.benchmark.figures import Meter, Usage, pause, show, typical
from tests.benchmark.player import Player
from tests.benchmark.stage import Stage

SETTLE_S: Final = 2.0


class Round(msgspec.Struct, frozen=True):
    """One interleaved measurement."""

    floor: Usage
    controller: Usage
    telemetry: Usage
    strokes_a_second: float


def measure_floor(folder: Path, seconds: float) -> Usage:
    """The bare process on the same bytes."""
    with Player() as player:
        module = "tests.benchmark.floor_process"
        command = [sys.executable, "-m", module, str(player.path), str(folder / "floor.db")]
        with subprocess.Popen(command) as process:
            player.play(SETTLE_S)
            meter = Meter(process.pid)
            player.play(seconds)
            usage = meter.usage()
            process.terminate()
    if player.received_bytes == 0:
        raise RuntimeError("the floor committed nothing")
    return usage


def measure_house(folder: Path, seconds: float) -> tuple[Usage, Usage, float]:
    """Controller, telemetry, and how many strokes a second were committed meanwhile."""
    with Stage(folder) as stage:
        stage.start_pen()
        telemetry = stage.start_telemetry()
        controller = stage.start_controller()
        reader = stage.wait_until_running(controller)
        pause(SETTLE_S)
        first_seq, _ = reader.head()
        meters = Meter(controller.process.pid), Meter(telemetry.process.pid)
        pause(seconds)
        usages = [meter.usage() for meter in meters]
        strokes = strokes_since(reader, first_seq)
        reader.close()
    return usages[0], usages[1], strokes / seconds


def strokes_since(reader: JournalReader, seq: int) -> int:
    """How many strokes the entries after `seq` hold."""
    bodies = [e.body_json for e in reader.entries(seq + 1) if e.kind == "strokes"]
    return sum(len(msgspec.json.decode(body)["strokes"]) for body in bodies)


def measure(seconds: float) -> Round:
    """Floor and house, one after the other."""
    with TemporaryDirectory(prefix="micropen-bench-") as name:
        folder = Path(name)
        floor = measure_floor(folder, seconds)
        return Round(floor, *measure_house(folder, seconds))


def main() -> None:
    """Measure and show the median of all rounds."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.pipeline")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement, <= 50")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = [measure(given.seconds) for _ in range(given.rounds)]
    floor = typical([each.floor for each in rounds])
    rows = [("floor", floor, "")]
    rows.append(("controller", typical([each.controller for each in rounds]), "4 %, 60 MB"))
    rows.append(("telemetry", typical([each.telemetry for each in rounds]), "2 %, 40 MB"))
    rates = ", ".join(f"{each.strokes_a_second:.1f}" for each in rounds)
    show(
        f"At 150 Hz, median of {given.rounds} x {given.seconds:g} s ({rates} strokes/s committed)",
        ("process", "% of a core", "x floor", "RSS MB", "peak MB", "aim"),
        [
            (
                name,
                f"{usage.cpu_percent:.2f}",
                f"{usage.cpu_percent / floor.cpu_percent:.2f}",
                f"{usage.rss_mb:.1f}",
                f"{usage.peak_mb:.1f}",
                aim,
            )
            for name, usage, aim in rows
        ],
    )


if __name__ == "__main__":
    main()
