"""The preflight and the pen: by the record while a service has it, else by its own word."""

import asyncio
import json
from pathlib import Path

import pytest

from controller.errors import UnsupportedProtocol
from controller.service.appliance import known_pen
from controller.service.appliance.preflight import Asked, preflight
from controller.service.doctor.line import Line
from controller.service.doctor.pen import Found
from controller.service.doctor.record import read_record
from controller.session.catalogue import Catalogue
from tests.support.bills import dosing, pen_for
from tests.support.command_line import micropen
from tests.support.inputs import CONFIG
from tests.support.processes import simulated_pen
from tests.support.theatre import Theatre

PLAN = dosing(2)


def looked(theatre: Theatre) -> dict[str, Line]:
    asked = Asked(Catalogue(CONFIG), theatre.folder.parent, "/dev/null/none")
    return {line.name: line for line in preflight(asked, theatre.clock)}


@pytest.mark.hazard("H46")
async def test_beside_a_service_it_waits_for_the_end_of_the_session(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "journal", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        open_ = looked(theatre)
        assert (open_["idle"].state, open_["idle"].figures["error"]) == ("red", 8081)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 1)
        assert "arm" in looked(theatre)["idle"].sentence
        await work
        closed = looked(theatre)
        assert {name for name, line in closed.items() if line.state != "green"} == set()
        for name in ("protocol", "certificate"):
            assert theatre.stage.uid in closed[name].sentence
        assert "by the record of" in closed["protocol"].sentence
        theatre.check()


@pytest.mark.real_time("a process and a pty")
async def test_a_pen_on_a_free_port_is_asked_and_nothing_moves(tmp_path: Path) -> None:
    where = ("--port", tmp_path / "pen", "--state", tmp_path / "state", "--config", CONFIG)
    async with simulated_pen(tmp_path, CONFIG / "simulator" / "micro_dosing.toml"):
        said = await asyncio.to_thread(micropen, "preflight", "--json", *where)
    assert said.code == 0, said.err
    found = {line["name"]: line for line in json.loads(said.out)}
    assert "says the pen itself" in found["protocol"]["sentence"]
    assert found["certificate"]["state"] == "green"
    assert not (tmp_path / "state").exists()


@pytest.mark.hazard("H46")
def test_a_pen_that_answers_in_another_protocol_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = UnsupportedProtocol("Pen 1 speaks protocol version 9, this program 1.")
    monkeypatch.setattr(known_pen, "look_for_pen", lambda _: Found(error=refusal))
    found = known_pen.find("any", read_record(tmp_path, "training"), ask=True)
    assert found is refusal
    assert known_pen.find("any", read_record(tmp_path, "training"), ask=False) is None
