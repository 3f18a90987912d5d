"""Each hazard raises its alarm within its bound, and none rings while nothing is wrong."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.session.catalogue import Catalogue
from controller.session.plan import Plan
from controller.session.product import Vial
from simulator.misbehaviour import FaultName
from simulator.ports import Chip
from tests.scenario.conftest import Figure
from tests.support import bills
from tests.support.auditor import audit
from tests.support.bills import CONFIG, dosing, pen_for, stamping
from tests.support.theatre import Theatre
from tests.support.virtual import START_S, VirtualLoop, advance

HOURS = float(os.environ.get("QUIET_HOURS", "0.25"))
"""Virtual hours without a fault; the whole claim is QUIET_HOURS=100 with -o faulthandler_timeout=0,
some ten minutes of a processor."""

SHELF = Catalogue(CONFIG)
STROKE_S = 0.2
"""A dose stroke of the plans here, at 5 Hz."""

Act = Callable[[Theatre], None]


def strikes(name: FaultName, **settings: Any) -> Act:
    def act(theatre: Theatre) -> None:
        theatre.stage.strike(name, **settings)

    return act


def slow_disk(theatre: Theatre) -> None:
    theatre.disk_s = (5.0, 5.0)


def press_stop(theatre: Theatre) -> None:
    theatre.engine.stop("a test")


def take_cartridge(theatre: Theatre) -> None:
    theatre.stage.fit_cartridge(None)


ALARMS: dict[str, tuple[Act, float]] = {
    # what happens with a dose under way, and the longest time until the alarm is in the record.
    # The pen polls its sensors within 0.1 s, tells at once, and a commit takes up to 20 ms here.
    "over_temperature": (strikes(FaultName.OVER_TEMPERATURE, value=30, lasts_s=3.0), 0.25),
    "temperature_sensor": (strikes(FaultName.OVER_TEMPERATURE, value=300, lasts_s=3.0), 0.25),
    "battery_critical": (strikes(FaultName.BATTERY_CLIFF, value=1_500, lasts_s=2.0), 0.25),
    "cartridge_removed": (take_cartridge, 0.25),
    "home_lost": (strikes(FaultName.HOME_LOST), 0.25),
    "pump_fault": (strikes(FaultName.PUMP_BLOCKED, lasts_s=2.0), STROKE_S + 0.25),
    "reservoir_empty": (strikes(FaultName.EMPTY), STROKE_S + 0.25),
    # two strokes running
    "depth_fault": (
        strikes(FaultName.DEPTH_SENSOR_STUCK, value=100, lasts_s=2.0),
        3 * STROKE_S + 0.25,
    ),
    "depth_sensor": (
        strikes(FaultName.DEPTH_SENSOR_STUCK, value=5_000, lasts_s=2.0),
        2 * STROKE_S + 0.25,
    ),
    # a closed line is under pressure after a stroke, then for 0.1 s
    "occlusion": (strikes(FaultName.OCCLUSION, lasts_s=3.0), 2 * STROKE_S + 0.35),
    "uncertain_delivery": (lambda theatre: theatre.unplug(), 0.25),
    "lease_lapsed": (slow_disk, 5.0 + 5.0 + 1.0),
    "stop_latched": (press_stop, 0.1),
}


def raised_after_s(folder: Path, name: str, since_s: float) -> float:
    """Seconds from `since_s` on the loop's clock to the entry that raised an alarm."""
    moments = [
        entry.mono_ns / 1e9
        for entry in audit(folder).entries
        if entry.kind == "alarm_raised" and entry.body["name"] == name
    ]
    assert moments, f"{name} was never raised"
    return moments[0] - since_s


@pytest.mark.hazard("H44")
@pytest.mark.parametrize("name", ALARMS)
async def test_each_alarm_is_recorded_within_its_bound(
    tmp_path: Path, figure: Figure, name: str
) -> None:
    act, bound_s = ALARMS[name]
    plan = dosing(200)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 2)
        since_s = theatre.clock.mono_s()
        act(theatre)
        await theatre.until(lambda: name in _active(theatre), bound_s + 1.0)
        work.cancel()
        theatre.disk_s = (0.001, 0.01)
        await advance(0.5)
    took_s = raised_after_s(tmp_path / "j", name, since_s)
    assert 0.0 <= took_s <= bound_s
    figure(f"{took_s:.3f} s of {bound_s:.2f} s")


def _active(theatre: Theatre) -> set[str]:
    return {alarm.name for alarm in theatre.engine.alarms.active.values()}


@pytest.mark.hazard("H44")
async def test_an_alarm_needs_nobody_who_looks(tmp_path: Path) -> None:
    """The operator's program dies first; the alarm is in the record all the same."""
    async with Theatre(tmp_path / "j", pen_for(dosing(200))) as theatre:
        await theatre.begin(dosing(200))
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 2)
        work.cancel()
        theatre.stage.strike(FaultName.OVER_TEMPERATURE, value=30, lasts_s=30.0)
        await advance(0.3)
        assert "over_temperature" in theatre.referee().alarms
        await theatre.crash()
        await theatre.start()
        await theatre.until(lambda: theatre.engine.reconciled)
        assert "over_temperature" in _active(theatre)


# --- and silence otherwise -----------------------------------------------------------------------


def fresh(number: int, plan: Plan) -> Chip:
    type_ = SHELF.cartridge(plan.cartridge)
    uid = 0xC000 + number
    return Chip(uid, type_.type_code, type_.needles, type_.max_protrusion_um, used=False)


def mixed_now(theatre: Theatre) -> Vial:
    return bills.VIAL.model_copy(update={"reconstituted_at_wall": theatre.clock.now_wall()})


@pytest.mark.hazard("H45")
async def test_hours_without_a_fault_ring_no_alarm(
    tmp_path: Path, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A patient each half hour at most, of both kinds; in between the pen lies there, linked."""
    sessions = 0
    async with Theatre(tmp_path / "j", pen_for(dosing())) as theatre:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.limit_s = (HOURS + 1) * 3_600
        while theatre.clock.mono_s() - START_S < HOURS * 3_600:
            sessions += 1
            plan = dosing(20, 12) if sessions % 2 else stamping(150, 100)
            plan = plan.model_copy(update={"patient": f"p-{sessions}"})
            theatre.stage.fit_cartridge(fresh(sessions, plan))
            theatre.stage.fit_syringe()
            theatre.stage.world.mechanism.battery.charge_percent = 100.0
            monkeypatch.setattr(bills, "VIAL", mixed_now(theatre))
            await theatre.play(plan)
            await advance(min(1_800.0, 200.0 * HOURS))
        referee = theatre.check()
    assert referee.alarms == set()
    assert sessions >= 2
    figure(f"{HOURS} h, {sessions} sessions, no alarm")
