"""`micropen pen conformance` as a process: a pen at a pty, a hand, faults, and how it ends."""

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controller.link.port import SerialOpener, release
from tests.support.command_line import command, environment, in_process, micropen
from tests.support.processes import simulated_pen, started

LATENCY_MS = 500
"""These machines are busy: times are proven in virtual time, here only that they are measured."""
ACTS = {"PRESS": b"press\n", "LET GO": b"release\n", "PUT": b"touch\n", "LIFT": b"lift\n"}
DRIFTING = """
[hand]
enabled = false
[pen]
tick_drift_ppm = 80000
"""


def tool(port: Path, *words: str | Path) -> list[str]:
    """The command line of a run on that port."""
    return command("pen", "conformance", "--port", port, "--latency", str(LATENCY_MS), *words)


@asynccontextmanager
async def handled_pen(place: Path) -> AsyncIterator[tuple[Path, Path]]:
    """A pen at a pty, and the socket that its hand obeys."""
    pty, control = place / "pen", place / "hand"
    line = (sys.executable, "-m", "tests.support.handled_pen", str(pty), str(control))
    async with started(*line, ready=bytes(pty)):
        yield pty, control


@asynccontextmanager
async def running(*line: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The tool, with pipes, dead at the end."""
    child = await asyncio.create_subprocess_exec(
        *line,
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@pytest.mark.real_time("processes and a pty")
async def test_a_pen_whose_clock_is_wrong_fails_the_rule_of_the_lease(tmp_path: Path) -> None:
    scenario = tmp_path / "drifting.toml"
    scenario.write_text(DRIFTING)
    async with simulated_pen(tmp_path, scenario) as pen:
        words = ("pen", "conformance", "--port", pen, "--latency", str(LATENCY_MS), "--no-hand")
        rules = ("--rule", "C5", "--rule", "c13")
        said = await asyncio.to_thread(micropen, *words, *rules, "--yes", "--json", "-")
    assert (said.code, said.number) == (35, 3022)
    assert "C5" in said.err
    sheet = json.loads(said.out)
    assert sheet["schema_version"] == 1
    assert (sheet["verdict"], sheet["complete"], sheet["hand"]) == ("failed", False, "none")
    assert sheet["pen"]["uid"].startswith("f")
    verdicts = {rule["rule"]: rule["verdict"] for rule in sheet["rules"]}
    assert verdicts == {"C5": "failed", "C13": "passed"}
    checks = {check["name"]: check for check in sheet["rules"][0]["checks"]}
    failed = [name for name, check in checks.items() if check["verdict"] == "failed"]
    assert failed == ["the_pen_s_clock_runs_true"]
    (place,) = checks[failed[0]]["failure"]["places"]
    assert place["source"] == "assert in_a_second_us <= TICK_ERROR_US"
    assert 75_000 < int(place["values"]["in_a_second_us"]) < 90_000
    assert f"in_a_second_us = {place['values']['in_a_second_us']}" in said.err


@pytest.mark.real_time("processes and a pty")
async def test_a_person_is_asked_and_does_what_is_asked(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    async with (
        handled_pen(tmp_path) as (pen, control),
        running(*tool(pen, "--rule", "C13", "--json", out)) as child,
    ):
        asked = await obey(child, control)
        assert child.stdout is not None
        text = (await child.stdout.read()).decode()
        assert await child.wait() == 0
    assert asked == ["PUT", "PRESS", "LET GO", "LIFT"]
    assert "every check that was run has passed" in text
    assert "foreign movement" in text
    (rule,) = json.loads(out.read_text())["rules"]
    assert [check["verdict"] for check in rule["checks"]] == ["passed"] * 4


async def obey(child: asyncio.subprocess.Process, control: Path) -> list[str]:
    """Say yes, then be the hand of the tool until it ends; what it asked for."""
    reader, writer = await asyncio.open_unix_connection(control)
    assert child.stdin is not None
    assert child.stderr is not None
    child.stdin.write(b"y\n")
    asked = []
    while line := (await child.stderr.readline()).decode():
        for words in [words for words in ACTS if f">>> {words}" in line]:
            asked.append(words)
            writer.write(ACTS[words])
            await reader.readline()
    writer.close()
    await writer.wait_closed()
    return asked


@pytest.mark.hazard("H34")
@pytest.mark.real_time("processes, a pty and a signal")
async def test_ctrl_c_in_motion_leaves_the_pen_stopped(tmp_path: Path) -> None:
    async with handled_pen(tmp_path) as (pen, control):
        jig = shlex.join([sys.executable, "-m", "tests.support.handled_pen", str(control)])
        async with running(*tool(pen, "--rule", "C6", "--jig", jig, "--yes")) as child:
            assert child.stderr is not None
            while b"passed" not in (line := await child.stderr.readline()):
                assert line, "it ended early"
            child.send_signal(signal.SIGINT)
            out, _ = await child.communicate()
            assert child.returncode == 130
        assert b"interrupted by Ctrl-C; the pen was stopped" in out
        assert b"NOT FINISHED" in out
        info = await asyncio.to_thread(micropen, "pen", "info", "--port", pen)
    assert "stop latched" in info.out
    row = next(line for line in info.out.splitlines() if "stop latched" in line)
    assert "yes" in row


@pytest.mark.real_time("a process and a pty")
async def test_a_port_that_somebody_holds_is_left_alone(tmp_path: Path) -> None:
    scenario = tmp_path / "drifting.toml"
    scenario.write_text(DRIFTING)
    async with simulated_pen(tmp_path, scenario) as pen:
        held = SerialOpener(str(pen)).claim()
        try:
            words = ("pen", "conformance", "--port", pen, "--no-hand", "--yes")
            said = await asyncio.to_thread(in_process, *words)
        finally:
            release(held)
    assert (said.code, said.number) == (20, 2002)


def test_who_does_not_say_yes_starts_nothing_and_odd_options_are_refused(tmp_path: Path) -> None:
    cases = {
        ("--rule", "C14"): "There is no rule C14",
        ("--no-hand", "--jig", "true"): "--jig is a hand",
        ("--jig", str(tmp_path / "none")): "cannot be started",
    }
    for words, why in cases.items():
        said = in_process("pen", "conformance", "--port", tmp_path / "pen", *words)
        assert (said.code, said.number) == (2, 1011)
        assert why in said.err
    said = in_process("pen", "conformance", "--port", tmp_path / "pen", "--yes")
    assert (said.code, said.number) == (20, 2001)


@pytest.mark.real_time("processes and a pty")
async def test_without_a_yes_nothing_is_run(tmp_path: Path) -> None:
    async with handled_pen(tmp_path) as (pen, _):
        said = await asyncio.to_thread(micropen, "pen", "conformance", "--port", pen)
    assert (said.code, said.number) == (2, 1011)
    assert "nobody said yes" in said.err
    assert "The needle will move" in said.err


@pytest.mark.real_time("a process")
async def test_python_without_asserts_is_refused(tmp_path: Path) -> None:
    line = command("pen", "conformance", "--port", tmp_path / "pen", "--yes")
    async with running(line[0], "-O", *line[1:]) as child:
        _, err = await child.communicate()
        assert child.returncode == 2
    assert b"-O: it leaves every check out" in err
