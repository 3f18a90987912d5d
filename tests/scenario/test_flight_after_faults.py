"""Every kind of fault leaves a recording; what is no fault leaves none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from controller.record.events import Actor
from controller.service.flight.box import recordings
from controller.session.self_test import StopTest
from simulator.misbehaviour import FaultName
from tests.support.bills import dosing, pen_for
from tests.support.flown import FlownTheatre
from tests.support.theatre import INJECTED
from tests.support.virtual import advance

PLAN = dosing(6)


def names(theatre: FlownTheatre) -> list[str]:
    return [path.stem.split("-", 2)[2] for path in recordings(theatre.folder.parent / "flight")]


@pytest.mark.parametrize(
    ("strike", "reason"),
    [
        (lambda theatre: theatre.unplug(), "link-lost"),
        (lambda theatre: theatre.service.stop("key"), "stop-latched"),
        (lambda theatre: theatre.engine.contradicted("it fell"), "stop-latched"),
        (lambda theatre: theatre.service.give_up(RuntimeError(INJECTED)), "stop-latched"),
        (lambda theatre: theatre.stage.strike(FaultName.OCCLUSION), "pen-fault-"),
    ],
)
async def test_a_fault_in_mid_dose(
    tmp_path: Path, strike: Callable[[FlownTheatre], object], reason: str
) -> None:
    async with FlownTheatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        strike(theatre)
        await advance(5.0)
        work.cancel()
        (name,) = names(theatre)
        assert name.startswith(reason)


async def test_a_whole_session_and_a_self_test_leave_none(tmp_path: Path) -> None:
    async with FlownTheatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.play(PLAN)
        test = StopTest(theatre.engine, theatre.acts, theatre.service.line.stop_line)
        await test.run(Actor(name="T", role="technician"), 3)
        await theatre.stop()
        await advance(5.0)
        assert names(theatre) == []
