"""Heat, supply, big counters and edited settings in whole sessions, against the oracle."""

import shutil
from pathlib import Path

import msgspec
import pytest

from controller.errors import MicropenError
from controller.service.program import PROGRAM
from controller.session.states import State
from simulator.misbehaviour import FaultName, Moment
from simulator.ports import Chip
from simulator.scenario import Scenario
from tests.scenario.conftest import Figure
from tests.support import bills
from tests.support.auditor import audit
from tests.support.bills import dosing, pen_for, stamping
from tests.support.theatre import Theatre
from tests.support.virtual import advance

STOP_C = 43.0
CLEAR_C = 41.0


def celsius(theatre: Theatre) -> float:
    grip = theatre.stage.world.mechanism.grip
    return grip.celsius + grip.extra_k


@pytest.mark.hazard("H31")
@pytest.mark.parametrize("k_s", [0.5, 2.0, 10.0])
async def test_a_grip_that_heats_up_is_cut_out(tmp_path: Path, figure: Figure, k_s: float) -> None:
    """The pen cuts out by itself as the limit is crossed, and nobody arms until it has cooled."""
    plan = stamping(4_000, cadence_hz=60)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 20)
        grip = theatre.stage.world.mechanism.grip
        grip.extra_k = STOP_C - 2.0 - grip.celsius
        while theatre.engine.state is not State.LATCHED:
            assert celsius(theatre) < STOP_C + 0.3 * k_s + 0.2
            if theatre.stage.moves or celsius(theatre) < STOP_C:
                grip.extra_k += k_s * 0.05
            await advance(0.05)
        work.cancel()
        await theatre.rest(0.5)
        hottest = celsius(theatre)
        assert hottest >= STOP_C - 0.1
        assert "over_temperature" in theatre.referee().alarms
        with pytest.raises(MicropenError):
            await theatre.acts.clear(PROGRAM)
        with pytest.raises(MicropenError):
            await theatre.acts.treat(PROGRAM)
        made = theatre.stage.truth.so_far().punctures
        grip.extra_k -= hottest - CLEAR_C + 0.5
        await theatre.rest(5.0)
        assert theatre.stage.truth.so_far().punctures == made
        await theatre.acts.clear(PROGRAM)
        await theatre.acts.treat(PROGRAM)
        theatre.check(still_open=1)
    figure(f"cut out at {hottest:.2f} degrees with {k_s} K/s")


@pytest.mark.hazard("H31")
@pytest.mark.parametrize("reads_k", [-80.0, 300.0])
async def test_a_temperature_sensor_that_reads_nonsense_stops_the_pen(
    tmp_path: Path, reads_k: float
) -> None:
    plan = dosing(20)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 2)
        theatre.stage.strike(FaultName.OVER_TEMPERATURE, value=reads_k, lasts_s=5.0)
        await theatre.until(lambda: theatre.engine.state is State.LATCHED, 0.5)
        work.cancel()
        await theatre.rest(0.5)
        with pytest.raises(MicropenError):
            await theatre.acts.clear(PROGRAM)
        referee = theatre.check()
    assert "temperature_sensor" in referee.alarms


@pytest.mark.hazard("H32")
@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("sag_mv", [1_000, 4_000])
async def test_the_battery_collapses_at_any_phase(
    tmp_path: Path, moment: Moment, sag_mv: int
) -> None:
    """A sag stops the pen with its record whole; so does a collapse that takes the processor."""
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures > 2)
        theatre.stage.strike(FaultName.BATTERY_CLIFF, value=float(sag_mv), lasts_s=1.5, when=moment)
        if sag_mv > 3_000:
            theatre.stage.strike(FaultName.BROWN_OUT_LOOP, repeat=3, every_s=0.2, when=moment)
        await work
        referee = theatre.check()
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    assert {"battery_critical", "brown_out", "uncertain_delivery"} & referee.alarms
    if sag_mv < 3_000:
        assert "battery_critical" in referee.alarms
        assert referee.residuals == []


@pytest.mark.hazard("H32")
async def test_an_empty_battery_arms_nothing(tmp_path: Path) -> None:
    plan = dosing(4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.begin(plan)
        theatre.stage.strike(FaultName.BATTERY_CLIFF, value=620.0, lasts_s=60.0)
        await theatre.until(lambda: theatre.engine.reconciled)
        with pytest.raises(MicropenError, match="under the arming threshold"):
            await theatre.acts.prime(PROGRAM)
        await theatre.rest(1.0)
        theatre.check()
        moved = theatre.stage.truth.so_far()
    assert moved.counted == (0, 0, 0)


def with_past(scenario: Scenario, counts: int, ticks: int) -> Scenario:
    pen = msgspec.structs.replace(scenario.pen, lifetime_counts=counts, tick_at_boot=ticks)
    return msgspec.structs.replace(scenario, pen=pen)


@pytest.mark.hazard("H42")
@pytest.mark.parametrize(
    ("counts", "ticks"),
    [(2**32 - 3, 2**32 - 3_000_000), (2**31 - 2, 2**31 - 1), (2**53 - 3, 2**53 - 3_000_000)],
)
@pytest.mark.parametrize("kind", ["dose", "no_dispense"])
async def test_a_session_across_a_power_of_two(
    tmp_path: Path, counts: int, ticks: int, kind: str
) -> None:
    """Where 32 bits, a sign, or a double end, nothing wraps and nothing is rounded."""
    plan = dosing(5, 4) if kind == "dose" else stamping(60, 40)
    async with Theatre(tmp_path / "j", with_past(pen_for(plan), counts, ticks)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
        real = theatre.stage.truth.segments()
    for name, arm in referee.arms.items():
        assert arm.certain == arm.possible == (real[name].punctures, real[name].forward_steps)
    last = referee.all("arm_closed")[-1]["certain"]
    assert last["punctures"] > counts
    assert referee.alarms == set()


@pytest.mark.hazard("H40")
@pytest.mark.parametrize("edit", ["limits", "certificates", "products", "plans", "cartridges"])
async def test_an_edit_of_the_settings_changes_nothing_in_an_open_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    """The files are gone, even; the service is killed and goes on from what the journal froze."""
    config = tmp_path / "config"
    shutil.copytree(bills.CONFIG, config)
    monkeypatch.setattr(bills, "CONFIG", config)
    plan = dosing(5, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        await theatre.begin(plan)
        frozen = theatre.acts.progress.terms
        theatre.operate()
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 2)
        shutil.rmtree(config / edit)
        await theatre.crash()
        await theatre.start()
        assert theatre.acts.progress.terms == frozen
        await theatre.operate()
        referee = theatre.check()
    assert len(referee.all("session_opened")) == 1
    assert referee.all("session_opened")[0]["config_digest"] == frozen.config_digest
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H28")
async def test_one_session_has_one_patient_and_one_plan(tmp_path: Path) -> None:
    """Another plan or patient is refused while a session is open, also after a restart."""
    plan, other = dosing(5, 4), dosing(3, patient="p-2")
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        session_id = await theatre.begin(plan)
        with pytest.raises(MicropenError):
            await theatre.begin(other)
        await theatre.stop()
        await theatre.start()
        with pytest.raises(MicropenError):
            await theatre.begin(other)
        assert theatre.engine.session_id == session_id
        await theatre.operate()
        theatre.stage.fit_cartridge(Chip(0xFEED, 1, 1, 1_000, used=False))
        await theatre.begin(other)
        await theatre.operate()
        referee = theatre.check()
    opened = {body["patient"]: body["plan_digest"] for body in referee.all("session_opened")}
    assert opened == {"p-1": plan.digest, "p-2": other.digest}
    sessions = {arm.session_id for arm in referee.arms.values() if arm.opened["zone"]}
    assert len(sessions) == 2


CENTURIES_S = 60 * 365 * 86_400.0


@pytest.mark.hazard("H16", "H25", "H15")
async def test_a_clock_that_nobody_set_treats_nobody_and_breaks_nothing(tmp_path: Path) -> None:
    """1970 for a while: no session is opened, the record goes on; then the time comes."""
    plan = dosing(3)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        theatre.clock.step_wall(-CENTURIES_S)
        with pytest.raises(MicropenError, match="in the future"):
            await theatre.begin(plan)
        theatre.reset_pen()
        await advance(30.0)
        await theatre.stop()
        await theatre.start()
        assert theatre.stage.truth.so_far().punctures == 0
        theatre.clock.step_wall(CENTURIES_S)
        await theatre.play(plan)
        referee = theatre.check()
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    found = audit(tmp_path / "j")
    assert found.problems == []
    assert [entry.mono_ns for entry in found.entries] == sorted(e.mono_ns for e in found.entries)
