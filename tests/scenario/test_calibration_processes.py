"""`micropen calibrate` as a process on two ptys, pen and balance; killed, resumed, given up."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.record.calibration_events import CalibrationWeighed
from controller.service.app import read_books
from tests.support.bills import CONFIG
from tests.support.command_line import command, environment, micropen
from tests.support.processes import started, until
from tests.support.real_room import ControllerProcess, journal_of

pytestmark = [
    pytest.mark.real_time("processes on ptys"),
    pytest.mark.slow,
]

QUICK = {
    "calibration.toml": [(r"(?m)^volumes = \{ value = 3", "volumes = { value = 2")],
    "calibration-setup.toml": [
        (r"doses_nl = .*", "doses_nl = [5_000, 10_000]"),
        (r"stroke_periods_us = \[2_000_000, 250_000\]", "stroke_periods_us = [250_000]"),
        (r"stroke_periods_us = \[2_000_000, 500_000, 200_000\]", "stroke_periods_us = [100_000]"),
        (r"settle_s = .*", "settle_s = 1"),
        (r"seconds = .*", "seconds = 1"),
        (r"prime_steps = .*", "prime_steps = 2_000"),
    ],
    "simulator/calibration.toml": [(r"\[technician\]", "[technician]\nafter_us = 3_500_000")],
}


def quick_config(folder: Path) -> Path:
    """The shipped folder, with less to be weighed and shorter waits."""
    place = folder / "config"
    shutil.copytree(CONFIG, place)
    for name, changes in QUICK.items():
        text = (place / name).read_text()
        for pattern, new in changes:
            text, count = re.subn(pattern, new, text)
            assert count == 1, (name, pattern)
        (place / name).write_text(text)
    return place


@asynccontextmanager
async def calibrate(folder: Path, *words: str) -> AsyncIterator[ControllerProcess]:
    where = ("--port", folder / "pen", "--state", folder / "state", "--config", folder / "config")
    child = await asyncio.create_subprocess_exec(
        *command("calibrate", *words, "--program", *where),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield ControllerProcess(child)
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


@pytest.mark.hazard("H08")
async def test_a_calibration_over_ptys_is_killed_and_goes_on(tmp_path: Path) -> None:
    config = quick_config(tmp_path)
    scenario = config / "simulator" / "calibration.toml"
    pty, balance = tmp_path / "pen", tmp_path / "balance"
    words = ("--pty", str(pty), "--balance-pty", str(balance), "--scenario", str(scenario))
    dose = ("dose", "--balance", str(balance))
    async with started(sys.executable, "-m", "simulator", *words, ready=bytes(pty)):
        async with calibrate(tmp_path, *dose) as process:
            await process.says("MT-SICS B200000001")
            await process.says("passed.")
            await process.says("weighing 1 of")
            await until(lambda: any(each.steps for each in _weighed(tmp_path)), 30.0)
            process.kill()
        before = _weighed(tmp_path)
        async with calibrate(tmp_path, *dose) as process:
            await process.says("goes on where it was left")
            await process.says("weighing ")
        assert _weighed(tmp_path)[: len(before)] == before
        given_up = await asyncio.to_thread(
            micropen,
            *("calibrate", "abort", "--technician", "Ana", "--reason", "seen enough"),
            *("--state", tmp_path / "state", "--config", config),
        )
        assert given_up.code == 0, given_up.err
        async with calibrate(tmp_path, "cadence") as process:
            assert await process.ended() == 0, process.said
            assert process.said.endswith(": measured.\n")
    found = list(read_books(journal_of(tmp_path)).calibrations.values())
    outcomes = [book.closed.outcome for book in found if book.closed is not None]
    assert outcomes == ["aborted", "measured"]


def _weighed(folder: Path) -> list[CalibrationWeighed]:
    (book,) = read_books(journal_of(folder)).calibrations.values()
    return [body for body, _ in book.readings if isinstance(body, CalibrationWeighed)]
