"""How long from the unit's start to "pen ready": `python -m tests.benchmark.cold_start`.

The shipped unit under the test supervisor, a simulated pen that is there already, a new record for
each run. Then where the time goes, and a pure-Python floor whose time on a Raspberry Pi 4 has been
published; the ratio of the two is the whole basis of the estimate for a Pi.
"""

import argparse
import asyncio
import compileall
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from tests.benchmark import floor_orbits
from tests.benchmark.figures import show
from tests.support.bills import CONFIG
from tests.support.command_line import ROOT, environment
from tests.support.real_room import pen_process, vial, write_plan
from tests.support.supervisor import Supervisor
from tests.support.unit_file import Service, Socket

UNITS: Final = ROOT / "config" / "systemd"
WITHIN_S: Final = 60.0
FLOOR_STEPS: Final = 200_000
PI_FLOOR_S: Final = 158.26
"""5,000,000 steps of the same problem in plain Python on a Pi 4 at a fixed 1.5 GHz, published with
the governor's setting (docs/proof.md names the page)."""
PI_STEPS: Final = 5_000_000
CLOCK_NOW: Final = 1.5 / 1.8
"""Later boards and firmware run the same core at 1.8 GHz."""
SCREEN: Final = "with the screen"
NO_SCREEN: Final = "without (`run`)"
IMPORTS: Final = {
    "to the pen": "import controller.service.endings, controller.service.commands.serve",
    "the whole command line": "import controller.service.cli",
    "the screen, after the pen": "import uvicorn, controller.console.api",
}
DROP_IN: Final = """
[Service]
ExecStart=
ExecStart={command}
Environment=PYTHONPATH={root} MICROPEN_BUNDLES=0
Restart=no
[Socket]
ListenStream=
ListenStream=127.0.0.1:0
"""


class Start(msgspec.Struct, frozen=True):
    """One start: seconds from the unit's start, and kilobytes when all is there."""

    pen_s: float
    ready_s: float
    rss_kb: int
    pss_kb: int


def _supervisor(folder: Path, *words: str, with_socket: bool) -> Supervisor:
    command = shlex.join([sys.executable, "-m", "controller.service", *words])
    drop_in = DROP_IN.format(command=command, root=ROOT)
    service = Service.read(UNITS / "micropen-controller.service", drop_in)
    door = Socket.read(UNITS / "micropen-console.socket", drop_in) if with_socket else None
    return Supervisor(service, door, folder)


async def _start(folder: Path, *words: str, with_screen: bool) -> Start:
    async with pen_process(folder) as pen:
        where = ("--config", str(CONFIG), "--state", str(folder / "state"), "--json-log")
        line = (*words, "--port", str(pen.port), *where)
        async with _supervisor(folder, *line, with_socket=with_screen) as manager:
            await manager.start()
            await manager.until_status("pen ready", WITHIN_S)
            fed = manager.count("fed")
            await manager.until("fed", WITHIN_S, fed + 2)
            memory = _memory_kb(manager.pid)
            began_s = manager.last("started").mono_s
            told = (e.mono_s for e in manager.events if e.detail.startswith("pen ready"))
            ready = next(e.mono_s for e in manager.events if e.kind == "ready")
            return Start(next(told) - began_s, ready - began_s, *memory)


def _memory_kb(pid: int) -> tuple[int, int]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    sizes = {name: value.split()[0] for name, _, value in (line.partition(":") for line in lines)}
    return int(sizes["Rss"]), int(sizes["Pss"])


def _starts(folder: Path, runs: int) -> dict[str, list[Start]]:
    """By turns, so that both see the same machine."""
    session = ("run", "--program", "--plan", str(write_plan(folder, 200)), *vial())
    found: dict[str, list[Start]] = {SCREEN: [], NO_SCREEN: []}
    for at in range(runs):
        for name, words in ((SCREEN, ("serve",)), (NO_SCREEN, session)):
            place = folder / f"{words[0]}-{at}"
            place.mkdir()
            start = asyncio.run(_start(place, *words, with_screen=name == SCREEN))
            found[name].append(start)
    return found


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _rows(found: dict[str, list[Start]]) -> list[list[str]]:
    return [
        [
            name,
            _spread([each.pen_s for each in starts]),
            _spread([each.ready_s for each in starts]),
            f"{median(each.rss_kb for each in starts) / 1024:.0f}",
            f"{median(each.pss_kb for each in starts) / 1024:.0f}",
        ]
        for name, starts in found.items()
    ]


def _imports(statement: str) -> tuple[float, list[tuple[str, float]]]:
    """Milliseconds of all imports of a statement, and of each package's own modules."""
    line = [sys.executable, "-X", "importtime", "-c", statement]
    said = subprocess.run(line, check=True, capture_output=True, text=True, env=environment())
    own_us: Counter[str] = Counter()
    for row in said.stderr.splitlines()[1:]:
        own, _, name = row.removeprefix("import time:").split("|")
        own_us[name.strip().partition(".")[0]] += int(own)
    return own_us.total() / 1000, [(name, us / 1000) for name, us in own_us.most_common(7)]


def _floor_s() -> float:
    """Processor seconds of the floor here, reckoned for as many steps as were published."""
    return min(floor_orbits.seconds(FLOOR_STEPS) for _ in range(5)) * PI_STEPS / FLOOR_STEPS


def _show_estimate(found: dict[str, list[Start]], floor_s: float) -> None:
    ratio = PI_FLOOR_S / floor_s
    show(
        f"estimate for a Pi 4: floor {floor_s:.1f} s here, {PI_FLOOR_S} s there, ratio {ratio:.1f}",
        ("start", "to the pen, s, at 1.5 GHz", "at 1.8 GHz", "READY, s, 1.5 GHz", "1.8 GHz"),
        (
            [
                name,
                *(
                    f"{median(values) * ratio * clock:.1f}"
                    for values in ([e.pen_s for e in starts], [e.ready_s for e in starts])
                    for clock in (1.0, CLOCK_NOW)
                ),
            ]
            for name, starts in found.items()
        ),
    )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.cold_start")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--floor-s", type=float, help="the floor, measured by another Python")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        for package in ("controller", "protocol"):  # as an installation has it
            compileall.compile_dir(ROOT / package, quiet=1)
        found = _starts(Path(name), given.runs)
    headings = ("start", "pen ready, s", "READY, s", "RSS, MB", "PSS, MB")
    show(f"{given.runs} starts: median (lowest to highest)", headings, _rows(found))
    for what, statement in IMPORTS.items():
        total_ms, packages = _imports(statement)
        named = ", ".join(f"{package} {ms:.0f}" for package, ms in packages)
        sys.stdout.write(f"\nimports, {what}: {total_ms:.0f} ms; own time of {named}\n")
    _show_estimate(found, given.floor_s or _floor_s())
    return 0


if __name__ == "__main__":
    sys.exit(main())
