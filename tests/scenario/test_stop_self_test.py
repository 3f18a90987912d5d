"""The self-test of STOP in the whole chain: measured, recorded, cleared, and never in a session."""

from pathlib import Path

import pytest

from controller.record.console_events import StopTested
from controller.record.events import Actor
from controller.record.reader import JournalReader
from controller.session.act_errors import NoPen
from controller.session.self_test import NoTestNow, StopTest
from tests.support.bills import dosing, pen_for
from tests.support.theatre import Theatre

PERSON = Actor(name="T. Echnician", role="technician")
PLAN = dosing(2)


def self_test(theatre: Theatre) -> StopTest:
    return StopTest(theatre.engine, theatre.acts, theatre.service.line.stop_line)


async def linked(theatre: Theatre) -> None:
    await theatre.engine.changes.until(lambda: theatre.engine.reconciled)


def count(folder: Path, kind: str) -> int:
    reader = JournalReader(folder)
    try:
        return len(list(reader.of_kinds(kind)))
    finally:
        reader.close()


@pytest.mark.hazard("H34")
async def test_twenty_stops_are_echoed_cleared_and_recorded(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await linked(theatre)
        latencies_us = await self_test(theatre).run(PERSON, 20)
        assert len(latencies_us) == 20
        assert all(each is not None and 1_000 <= each < 60_000 for each in latencies_us)
        assert not theatre.engine.is_latched
        assert "stop-latched" not in theatre.engine.alarms.active
        theatre.check()
    for kind in ("stop_sent", "stop_confirmed", "latch_cleared", "stop_tested"):
        assert count(theatre.folder, kind) == 20, kind
    reader = JournalReader(theatre.folder)
    bodies = [entry.body() for entry in reader.of_kinds("stop_tested")]
    reader.close()
    assert [b.latency_us for b in bodies if isinstance(b, StopTested)] == latencies_us


@pytest.mark.hazard("H34")
async def test_it_is_refused_while_a_session_is_open_or_an_arm_is_under_way(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await theatre.begin(PLAN)
        with pytest.raises(NoTestNow):
            await self_test(theatre).run(PERSON, 1)
        work = theatre.operate()
        await theatre.until(lambda: theatre.engine.arm_is_open)
        with pytest.raises(NoTestNow):
            await self_test(theatre).run(PERSON, 1)
        await work
        assert theatre.service.line.stop_line.last_confirmed is None
        assert await self_test(theatre).run(PERSON, 1) != [None]
        theatre.check()


async def test_it_is_refused_while_a_stop_is_latched_and_without_a_pen(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await linked(theatre)
        theatre.service.stop("key")
        await theatre.until(lambda: theatre.engine.is_latched)
        with pytest.raises(NoTestNow):
            await self_test(theatre).run(PERSON, 1)
        await theatre.acts.clear(PERSON)
        theatre.unplug()
        await theatre.until(lambda: theatre.engine.pen is None)
        with pytest.raises(NoPen):
            await self_test(theatre).run(PERSON, 1)
        assert count(theatre.folder, "stop_tested") == 0


async def test_a_stop_without_an_echo_ends_the_test_and_is_recorded(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await linked(theatre)
        theatre.cable.room_bytes = 0
        assert await self_test(theatre).run(PERSON, 20) == [None]
        assert count(theatre.folder, "stop_tested") == 1
