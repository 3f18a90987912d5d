"""`micropen doctor` on a real pty: all lines, STOP measured and recorded, exit codes."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.command_line import Said, in_process, micropen
from tests.support.inputs import CONFIG
from tests.support.processes import simulated_pen

LINES = ("--fsync-rounds", "5", "--json")


def asked(tmp_path: Path, *words: str) -> list[str | Path]:
    where: list[str | Path] = ["--port", tmp_path / "pen", "--state", tmp_path / "state"]
    return ["doctor", *where, "--config", CONFIG, *LINES, *words]


def states(said: Said) -> dict[str, str]:
    return {line["name"]: line["state"] for line in json.loads(said.out)}


@pytest.mark.hazard("H34")
@pytest.mark.real_time("a process and a pty")
async def test_a_pen_on_its_port_and_a_tested_stop(tmp_path: Path) -> None:
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "ideal.toml"):
        words = asked(tmp_path, "--stop-test", "--by", "T. Echnician")
        said = await asyncio.to_thread(micropen, *words)
        again = await asyncio.to_thread(micropen, *asked(tmp_path))
    found = states(said)
    assert {found[name] for name in ("port", "pen", "firmware", "journal")} == {"green"}
    stop = next(line for line in json.loads(said.out) if line["name"] == "stop")
    assert (stop["state"], stop["figures"]["rounds"]) == ("green", 20), stop
    assert 0 < stop["figures"]["p50_ms"] <= stop["figures"]["p99_ms"]
    assert states(again)["stop"] == "green"
    assert "Tested" in again.out


def test_without_a_pen_the_exit_code_says_so_and_no_journal_is_made(tmp_path: Path) -> None:
    said = in_process(*asked(tmp_path))
    assert (said.code, said.number) == (80, 8050)
    assert states(said)["port"] == "red"
    assert not (tmp_path / "state").exists()


def test_a_test_of_stop_needs_a_name(tmp_path: Path) -> None:
    said = in_process(*asked(tmp_path, "--stop-test"))
    assert said.number == 1011
