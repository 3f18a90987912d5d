"""The checklist: each line from facts, and what to do where it is not green."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.console import facts as facts_module
from controller.console.facts import LOOK_EVERY_S
from controller.session.plan import load_plan
from tests.support.bills import CONFIG, pen_for
from tests.support.screen import PLAN, VIAL, Screen, answer
from tests.support.theatre import Theatre
from tests.support.virtual import advance

CHECK = load_plan(CONFIG / "plans" / f"{PLAN}.toml")
GREEN = {"pen", "battery", "certificate", "cartridge", "record", "disk", "clock", "power"}


def room(tmp_path: Path) -> Theatre:
    return Theatre(tmp_path / "j", pen_for(CHECK))


@pytest.fixture(autouse=True)
def _set_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "kernel_clock_synced", lambda: True)


async def lines(screen: Screen) -> dict[str, dict[str, Any]]:
    """The checklist after everything was looked at again, by id."""
    await advance(LOOK_EVERY_S + 1.0)
    return {line["id"]: line for line in (await screen.state())["checklist"]}


async def test_with_a_fit_pen_every_line_is_green_by_itself(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        found = await lines(screen)
        assert {name for name, line in found.items() if line["ok"]} == GREEN
        assert all(line["action"] == "" for line in found.values())
        await screen.open()
        found = await lines(screen)
        assert found["vial"]["ok"]
        assert all(line["ok"] for line in found.values())


async def test_without_a_pen_it_says_what_to_do(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        theatre.unplug()
        found = await lines(screen)
        assert found["pen"]["ok"] is False
        assert found["pen"]["action"]
        for name in ("battery", "certificate", "cartridge"):
            assert found[name]["ok"] is None
            assert found[name]["action"]


async def test_a_cartridge_that_is_missing_or_used_is_red(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        chip = theatre.stage.fit_cartridge(None)
        assert (await lines(screen))["cartridge"]["sentence"] == "No cartridge is fitted."
        assert chip is not None
        used = msgspec.structs.replace(chip, used=True)
        theatre.stage.fit_cartridge(used)
        assert (await lines(screen))["cartridge"]["ok"] is False
        theatre.stage.fit_cartridge(chip)
        assert (await lines(screen))["cartridge"]["ok"] is True


async def test_the_sessions_own_cartridge_stays_green_when_it_was_armed(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await screen.open()
        await screen.act("prime")
        await theatre.until(lambda: theatre.state == "ready")
        await screen.act("treat")
        await theatre.until(lambda: theatre.state == "ready")
        found = await lines(screen)
        assert found["cartridge"]["ok"], found["cartridge"]
        await screen.act("close")
        assert (await lines(screen))["cartridge"]["ok"] is False  # for the next patient


async def test_a_latched_stop_is_red(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        answer(await screen.post("/api/stop"))
        line = (await lines(screen))["pen"]
        assert line["ok"] is False
        assert "clear" in line["action"]


async def test_disk_and_clock_come_from_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs

    def full(path: str) -> Any:
        found = real(path)
        return os.statvfs_result((*found[:4], 10, *found[5:]))

    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        monkeypatch.setattr(facts_module, "kernel_clock_synced", lambda: False)
        monkeypatch.setattr(os, "statvfs", full)
        found = await lines(screen)
        assert found["disk"]["ok"] is False
        assert "Free" in found["disk"]["action"]
        assert found["clock"]["ok"] is None  # an act does not refuse for it, so it is not red
        assert found["clock"]["action"]
        monkeypatch.setattr(facts_module, "kernel_clock_synced", lambda: None)
        assert (await lines(screen))["clock"]["ok"] is None
        assert theatre.is_running


async def test_a_weak_supply_is_red(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        theatre.engine.host_under_voltage = lambda: True
        assert (await lines(screen))["power"]["ok"] is False


async def test_a_vial_past_its_hours_is_red(tmp_path: Path) -> None:
    async with room(tmp_path) as theatre, Screen(theatre) as screen:
        old = VIAL | {"reconstituted_at_wall": "2029-12-31T00:00:20+00:00"}
        await screen.open(vial=old)
        await advance(20.0)
        line = (await lines(screen))["vial"]
        assert line["ok"] is False
        assert line["sentence"]
