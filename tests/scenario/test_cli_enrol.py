"""`micropen pen enrol`: an authorised person takes the connected pen into the record anew."""

import asyncio
from pathlib import Path

import pytest

from controller.record.events import PenEnrolled
from controller.record.reader import JournalReader
from tests.support.command_line import Said, in_process, micropen
from tests.support.inputs import CONFIG
from tests.support.processes import simulated_pen


def asked(port: Path, state: Path, role: str = "technician") -> list[str | Path]:
    who = ["--operator", "T. Echnician", "--role", role, "--reason", "new memory"]
    return ["pen", "enrol", *who, "--port", port, "--config", CONFIG, "--state", state]


@pytest.mark.hazard("H14")
@pytest.mark.real_time("a process and a pty")
async def test_the_pen_is_in_the_record_anew_by_name_and_reason(tmp_path: Path) -> None:
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "ideal.toml") as pen:
        said: Said = await asyncio.to_thread(micropen, *asked(pen, tmp_path / "state"))
    assert said.code == 0, said.err
    assert "is enrolled anew" in said.out
    reader = JournalReader(tmp_path / "state" / "journal")
    bodies = [entry.body() for entry in reader.of_kinds("pen_enrolled")]
    reader.close()
    first, anew = (body for body in bodies if isinstance(body, PenEnrolled))
    assert (first.actor, first.reason) == (None, "")
    assert anew.actor is not None
    assert (anew.actor.name, anew.actor.role) == ("T. Echnician", "technician")
    assert anew.reason == "new memory"


@pytest.mark.hazard("H38")
def test_an_operator_may_not_enrol(tmp_path: Path) -> None:
    said = in_process(*asked(tmp_path / "tty", tmp_path / "state", role="operator"))
    assert said.code == 2
    assert not (tmp_path / "state").exists()


def test_without_a_pen_no_journal_is_made(tmp_path: Path) -> None:
    said = in_process(*asked(tmp_path / "tty", tmp_path / "state"))
    assert said.number == 2001
    assert not (tmp_path / "state").exists()
