"""Whatever may be wrong with the port: a numbered error that says what to do, no session opened."""

import asyncio
import json
from pathlib import Path

import pytest

from protocol.limits import PROTOCOL_VERSION
from tests.support.command_line import Said, command, in_process, micropen
from tests.support.inputs import CONFIG, folder, rewrite
from tests.support.processes import simulated_pen, started
from tests.support.strangers import Answer, echo, noise, pen_of_version, silence, stranger

PLAN = CONFIG / "plans" / "collagen_induction.toml"
SCENARIO = CONFIG / "simulator" / "collagen_induction.toml"


def treat(port: str | Path, state: Path, config: Path = CONFIG) -> list[str | Path]:
    """A collagen induction, which needs no vial."""
    where: list[str | Path] = ["--config", config, "--state", state, "--port", port]
    return ["run", "--program", "--json-log", "--plan", PLAN, *where]


def sessions(state: Path) -> list[str]:
    """All sessions of a state folder, by a journal that verifies; none without a journal."""
    if not state.exists():
        return []
    assert in_process("session", "verify", "--state", state).code == 0
    listed = json.loads(in_process("session", "list", "--state", state, "--json").out)
    return [each["session_id"] for each in listed]


@pytest.mark.parametrize("ask", ["run", "info"])
@pytest.mark.parametrize(
    ("port", "number", "words"),
    [
        ("/dev/serial/by-id/none", 2001, "There is no serial port at /dev/serial/by-id/none."),
        ("folder", 2004, "is a file, folder or device, not a serial port"),
        ("/dev/null", 2004, "not a serial port"),
        ("file", 2004, "is a file, folder or device, not a serial port"),
    ],
)
def test_a_port_that_is_none(tmp_path: Path, ask: str, port: str, number: int, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / port
    line = treat(path, tmp_path / "state") if ask == "run" else ["pen", "info", "--port", path]
    said = in_process(*line)
    assert (said.code, said.number) == (20, number)
    assert words in said.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("answer", "number", "words"),
    [
        (silence, 2022, "Nothing arrived in 3 s."),
        (noise, 2021, "not one intact frame"),
        (echo, 2023, "our own frames come back"),
        (pen_of_version(PROTOCOL_VERSION + 1), 2020, "Update this program."),
        (pen_of_version(PROTOCOL_VERSION - 1), 2020, "Update the pen's firmware."),
    ],
    ids=["silence", "noise", "echo", "newer_pen", "older_pen"],
)
def test_something_else_on_the_port(
    tmp_path: Path, answer: Answer, number: int, words: str
) -> None:
    with stranger(answer) as port:
        said = micropen(*treat(port, tmp_path / "state"))
    assert (said.code, said.number) == (20, number)
    assert words in said.err
    assert sessions(tmp_path / "state") == []


def test_pen_info_says_the_same(tmp_path: Path) -> None:
    with stranger(pen_of_version(PROTOCOL_VERSION + 1)) as port:
        said = micropen("pen", "info", "--port", port)
    assert (said.code, said.number) == (20, 2020)
    versions = f"speaks protocol version {PROTOCOL_VERSION + 1}, this program {PROTOCOL_VERSION}"
    assert versions in said.err


async def _ask(*line: str | Path) -> Said:
    return await asyncio.to_thread(micropen, *line)


@pytest.mark.real_time("processes, a pty and two programs that want it")
async def test_a_second_instance_on_the_port_and_on_the_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with (
        simulated_pen(tmp_path, SCENARIO) as pen,
        started(*command(*treat(pen, state)), ready=b"pen up") as first,
    ):
        same_folder = await _ask(*treat(pen, state))
        same_port = await _ask(*treat(pen, tmp_path / "other"))
        asked = await _ask("pen", "info", "--port", pen)
        assert first.returncode is None, "the first instance was disturbed"
    assert (same_folder.code, same_folder.number) == (80, 8001)
    assert f"in use by process {first.pid}" in same_folder.err
    for said in (same_port, asked):
        assert (said.code, said.number) == (20, 2002)
        assert f"(process {first.pid})" in said.err
        assert "controller.service" in said.err
    assert not (tmp_path / "other").exists()


@pytest.mark.real_time("a process and a pty")
async def test_pen_info_shows_what_the_pen_says_of_itself(tmp_path: Path) -> None:
    async with simulated_pen(tmp_path, SCENARIO) as pen:
        info = await _ask("pen", "info", "--port", pen)
    assert info.code == 0
    for words in ("(training)", "12 needles", "punctures", "dose steps", "150 Hz"):
        assert words in info.out


@pytest.mark.hazard("H47")
@pytest.mark.real_time("a process and a pty")
async def test_a_simulated_pen_is_refused_in_the_treatment_realm(tmp_path: Path) -> None:
    config = folder(tmp_path)
    rewrite(config / "controller.toml", "realm", 'realm = "treatment"')
    limits = config / "limits" / "collagen_induction_seed.toml"
    with limits.open("a") as file:
        file.write('\n[approval]\nby = "Dr. Test, physician"\non = 2026-01-15\n')
    state = tmp_path / "state"
    async with simulated_pen(tmp_path, SCENARIO) as pen:
        said = await _ask(*treat(pen, state, config))
    assert (said.code, said.number) == (30, 3010)
    assert "is a simulated pen; this service works in treatment" in said.err
    assert sessions(state) == []
