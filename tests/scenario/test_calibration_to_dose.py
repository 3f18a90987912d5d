"""From the balance to the skin: a pen is measured, certified, and doses by what was measured."""

from pathlib import Path

import pytest

from controller.calibration.certificate.report import CalibrationReport
from controller.service.certifying import issue_for_pen
from controller.session.act_errors import NotFit
from tests.support.bills import dosing
from tests.support.visits import APPROVAL, linked
from tests.support.workshop import workshop

PLAN = dosing(3, dose_nl=5_000, cadence_hz=2)


@pytest.mark.hazard("H25", "H26")
async def test_a_measured_pen_is_certified_and_doses_by_its_certificate(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        theatre = room.theatre
        assert await room.calibrate("dose") == "measured"
        assert await room.calibrate("protrusion") == "measured"
        totals = theatre.stage.world.mechanism.oracle.totals
        true_pl = 1_000 * totals.surface_nl / totals.forward_steps
        await linked(theatre)
        certificate = await issue_for_pen(theatre.service, APPROVAL)
        (issued,) = theatre.engine.books.certificates.values()
        report = CalibrationReport.model_validate(issued.body.report)
        (certified,) = report.ranges
        assert abs(certified.picolitres_a_step - true_pl) <= certified.interval_pl
        assert certificate.measured_at is not None
        assert certificate.measured_at.doses > 0, "what was weighed wore the pen too"
        session_id = await theatre.begin(PLAN)
        await theatre.operate()
        arms = theatre.engine.books.ledger.of_session(session_id)
        dosed = [arm.opened for arm in arms if arm.opened.mode == "dose"]
        assert {arm.certificate_id for arm in dosed} == {certificate.certificate_id}
        assert {arm.picolitres_a_step for arm in dosed} == {certified.picolitres_a_step}
        theatre.check()


@pytest.mark.hazard("H25")
async def test_after_so_many_doses_the_arm_is_refused(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        theatre = room.theatre
        short = room.limits.validity.model_copy(update={"doses": 5})
        room.limits = room.limits.model_copy(update={"validity": short})
        assert await room.calibrate("dose") == "measured"
        assert await room.calibrate("protrusion") == "measured"
        await linked(theatre)
        await issue_for_pen(theatre.service, APPROVAL)
        session_id = await theatre.begin(dosing(6, 2, dose_nl=5_000, cadence_hz=2))
        with pytest.raises(NotFit, match="holds until dose"):
            await theatre.operate()
        arms = theatre.engine.books.ledger.of_session(session_id)
        assert sum(arm.certain.punctures for arm in arms) == 6, "the second zone was never armed"
        theatre.check()
