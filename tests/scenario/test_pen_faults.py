"""The pen breaks in the middle of a session: alarm, record, and the session goes on after it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from controller.service.program import PROGRAM
from controller.session.states import State
from simulator.misbehaviour import FaultName, FaultSettings, Moment
from tests.support.bills import QUICK, dosing, pen_for, stamping
from tests.support.theatre import Theatre


def fault(name: FaultName, *, after_strokes: int = 3, **settings: Any) -> FaultSettings:
    """A fault after some strokes of the session."""
    return FaultSettings(name=name, after_strokes=after_strokes, **settings)


PASSING = [
    ("occlusion", fault(FaultName.OCCLUSION, lasts_s=3.0), "H29"),
    ("pump_fault", fault(FaultName.PUMP_BLOCKED, lasts_s=2.0), "H30"),
    ("depth_fault", fault(FaultName.DEPTH_SENSOR_STUCK, lasts_s=2.0, value=100), "H06"),
    ("depth_sensor", fault(FaultName.DEPTH_SENSOR_STUCK, lasts_s=2.0, value=5_000), "H06"),
    ("over_temperature", fault(FaultName.OVER_TEMPERATURE, lasts_s=3.0, value=30), "H31"),
    ("temperature_sensor", fault(FaultName.OVER_TEMPERATURE, lasts_s=3.0, value=300), "H31"),
    ("battery_critical", fault(FaultName.BATTERY_CLIFF, lasts_s=2.0, value=1_500), "H32"),
    ("home_lost", fault(FaultName.HOME_LOST), "H05"),
]


@pytest.mark.hazard("H44")
@pytest.mark.parametrize(
    ("alarm", "given"), [(alarm, given) for alarm, given, _ in PASSING], ids=str
)
async def test_a_fault_that_passes(tmp_path: Path, alarm: str, given: FaultSettings) -> None:
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan, fault=(given,))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert alarm in referee.alarms
    assert "fault" in referee.end_reasons
    assert [each for each in referee.all("latch_cleared") if each["fault"]]
    cleared = {each["alarm_id"] for each in referee.all("alarm_cleared")}
    raised = {each["alarm_id"] for each in referee.all("alarm_raised") if each["name"] == alarm}
    assert raised <= cleared
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H29")
async def test_an_occlusion_s_relief_is_counted_and_the_pen_is_preloaded_again(
    tmp_path: Path,
) -> None:
    given = fault(FaultName.OCCLUSION, lasts_s=3.0)
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan, fault=(given,))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
        backward = theatre.stage.world.mechanism.oracle.totals.backward_steps
    outside = [batch for batch in referee.all("strokes") if batch["arm_id"] == 0]
    reversed_steps = sum(stroke["steps"] for batch in outside for stroke in batch["strokes"])
    assert reversed_steps == backward > 0
    kinds = [stroke["kind"] for batch in referee.all("strokes") for stroke in batch["strokes"]]
    assert "preload" in kinds[kinds.index("reverse") :]
    assert "foreign_movement" not in referee.alarms


@pytest.mark.hazard("H32")
@pytest.mark.parametrize(
    "given",
    [
        fault(FaultName.BROWN_OUT_LOOP, repeat=4, every_s=0.2),
        fault(FaultName.HANG),
        fault(FaultName.REBOOT_MID_PUNCTURE),
        fault(FaultName.REBOOT_BEFORE_NVM),
        fault(FaultName.NVM_TORN),
        fault(FaultName.OTHER_FIRMWARE, when=Moment.PUMPING),
        fault(FaultName.LATE_TELEMETRY, lasts_s=3.0, value=700),
    ],
    ids=lambda each: each.name.name,
)
async def test_a_pen_that_falls_and_gets_up(tmp_path: Path, given: FaultSettings) -> None:
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan, fault=(given,))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert referee.all("session_closed")[0]["outcome"] == "complete"
    if referee.residuals:
        assert "residual_delivery" in referee.alarms


@pytest.mark.hazard("H43")
async def test_a_jam_of_the_running_needle(tmp_path: Path) -> None:
    given = fault(FaultName.MOTOR_STALL, after_strokes=60, lasts_s=1.0)
    plan = stamping()
    async with Theatre(tmp_path / "j", pen_for(plan, fault=(given,))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert "motor_jam" in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H07")
async def test_a_contact_sensor_that_chatters(tmp_path: Path) -> None:
    given = fault(FaultName.CONTACT_CHATTER, after_strokes=30, value=300)
    plan = stamping(300)
    steady = msgspec.structs.replace(QUICK, glide_us=0)
    async with Theatre(tmp_path / "j", pen_for(plan, hand=steady, fault=(given,))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert "contact_sensor" in referee.alarms
    assert referee.all("session_closed")[0]["outcome"] == "complete"


@pytest.mark.hazard("H30")
async def test_an_empty_syringe_is_alarmed_and_swapped(tmp_path: Path) -> None:
    plan = dosing(8, 6)
    async with Theatre(tmp_path / "j", pen_for(plan, fault=(fault(FaultName.EMPTY),))) as theatre:
        await theatre.begin(plan)
        work = theatre.operate()
        await theatre.until(lambda: theatre.engine.state is State.LATCHED)
        work.cancel()
        theatre.stage.fit_syringe()
        await theatre.acts.clear(PROGRAM)
        await theatre.acts.swap_syringe(1_000_000, PROGRAM)
        await theatre.operate()
        referee = theatre.check()
    assert "reservoir_empty" in referee.alarms
    assert len(referee.all("syringe_loaded")) == 2
    assert [each["reason"] for each in referee.all("syringe_removed")] == [
        "swapped",
        "end of session",
    ]


@pytest.mark.hazard("H03")
async def test_a_zone_that_got_too_little_is_alarmed(tmp_path: Path) -> None:
    """Half of the doses are cut: the hand slips off the skin while the pump runs."""
    plan = dosing(12, dose_nl=10_000, cadence_hz=2)
    clumsy = msgspec.structs.replace(QUICK, slip_share=0.5, slip_after_us=40_000)
    async with Theatre(tmp_path / "j", pen_for(plan, hand=clumsy)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    strokes = [stroke for batch in referee.all("strokes") for stroke in batch["strokes"]]
    assert any(stroke["partial"] for stroke in strokes if stroke["kind"] == "puncture")
    assert "dose_shortfall" in referee.alarms


@pytest.mark.hazard("H24")
async def test_a_cartridge_taken_off_in_mid_session(tmp_path: Path) -> None:
    plan = dosing(8, 6)
    given = fault(FaultName.CARTRIDGE_REMOVED, lasts_s=2.0)
    async with Theatre(tmp_path / "j", pen_for(plan, fault=(given,))) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    assert "cartridge_removed" in referee.alarms
    cartridges = {arm.opened["cartridge_uid"] for arm in referee.arms.values()}
    assert len(cartridges) == 2
