"""Sessions in which nothing goes wrong: every step and nanolitre is on record, exactly once."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from tests.scenario.conftest import Figure
from tests.support.bills import dosing, pen_for, stamping
from tests.support.referee import Referee
from tests.support.theatre import Theatre

TOLERANCE = 0.05
"""domain.md 4.5: an accumulated dose of 200 uL and more passes within 5 %."""


def zone_punctures(referee: Referee) -> dict[str, int]:
    """Certain punctures by zone."""
    found: dict[str, int] = {}
    for arm in referee.arms.values():
        if arm.opened["zone"]:
            zone = arm.opened["zone"]
            found[zone] = found.get(zone, 0) + arm.certain[0]
    return found


async def test_a_dosing_session_is_recorded_step_by_step(tmp_path: Path) -> None:
    plan = dosing(5, 4)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        session_id = await theatre.play(plan)
        referee = theatre.check()
        truth = theatre.stage.truth.segments()
    assert referee.end_reasons == ["disarmed"] * 3
    assert referee.residuals == []
    assert referee.alarms == set()
    assert zone_punctures(referee) == {"zone-1": 5, "zone-2": 4}
    for arm in referee.arms.values():
        made = truth[arm.name]
        assert arm.certain == arm.possible == (made.punctures, made.forward_steps)
        assert arm.session_id == session_id
    assert theatre.ceilings.looks > 9


async def test_accumulated_volume_is_within_five_per_cent(tmp_path: Path, figure: Figure) -> None:
    plan = dosing(13, 12, dose_nl=10_000, cadence_hz=3)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
        truth = theatre.stage.truth.segments()
    dosed = [arm for arm in referee.arms.values() if arm.opened["zone"]]
    recorded_nl = sum(arm.certain[1] * arm.opened["picolitres_a_step"] for arm in dosed) / 1000
    left_nl = sum(truth[arm.name].volume_nl for arm in dosed)
    assert recorded_nl >= 200_000
    assert abs(left_nl - recorded_nl) <= TOLERANCE * recorded_nl
    figure(f"{recorded_nl / 1000:.2f} uL recorded, {left_nl / 1000:.2f} uL left the needle")


async def test_the_account_of_a_closed_session_balances_exactly(tmp_path: Path) -> None:
    plan = dosing(4, 3, product="microbotox_24")
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
    (closed,) = referee.all("session_closed")
    (syringe,) = closed["account"]["syringes"]
    steps = {
        purpose: sum(
            arm.certain[1] for arm in referee.arms.values() if arm.opened["purpose"] == purpose
        )
        for purpose in ("zone", "prime")
    }
    assert Fraction(syringe["delivered_nl"]) == Fraction(steps["zone"] * 2711, 1000)
    assert Fraction(syringe["primed_nl"]) == Fraction(steps["prime"] * 2711, 1000)
    assert Fraction(syringe["unknown_nl"]) == 0
    assert Fraction(syringe["left_nl"]) == 0
    parts = ("delivered_nl", "primed_nl", "discarded_nl", "unknown_nl")
    assert sum(Fraction(syringe[part]) for part in parts) == 1_000_000
    dose = closed["account"]["dose"]
    assert Fraction(dose["certain_units"]) == Fraction(dose["certain_nl"]) * Fraction(24, 1_000_000)


@pytest.mark.parametrize("cadence_hz", [110, 150])
async def test_collagen_induction_at_full_cadence(
    tmp_path: Path, cadence_hz: int, figure: Figure
) -> None:
    plan = stamping(400, 300, cadence_hz=cadence_hz)
    async with Theatre(tmp_path / "j", pen_for(plan)) as theatre:
        await theatre.play(plan)
        referee = theatre.check()
        truth = theatre.stage.truth.segments()
    made = zone_punctures(referee)
    assert 390 <= made["zone-1"] <= 400
    assert 290 <= made["zone-2"] <= 300
    assert sum(made.values()) == sum(moved.punctures for moved in truth.values())
    assert referee.alarms == set()
    assert referee.end_reasons == ["disarmed", "disarmed"]
    figure(f"{made} punctures of 400 and 300")


def test_the_drive_needs_no_broker() -> None:
    """The controller's process never even loads what speaks MQTT."""
    program = "import sys, controller.service.app; print('aiomqtt' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
