"""The guided calibration of doses: its order, what it refuses, and what it comes to."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from controller.calibration.acceptance import Verdict
from controller.calibration.certificate.report import Stage
from controller.calibration.errors import (
    LiquidTemperature,
    NoAcceptanceLimits,
    OutOfOrder,
    OutsideMethod,
    SeriesIncomplete,
)
from controller.calibration.procedure import DoseOutcome, DoseTerms, outcome_of, procedure_of
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.steps import (
    CheckBalance,
    Finish,
    PrimePen,
    ReadRoom,
    Weigh,
)
from controller.calibration.procedure.terms import LiquidTerms
from controller.record.calibration_events import (
    CalibrationPrimed,
    CalibrationTouched,
)
from tests.support.technician import (
    TECHNICIAN,
    Hands,
    book_of,
    dose_terms,
    run,
    until,
)


def test_the_order_is_check_prime_and_per_series_room_blank_weighings_blank_room() -> None:
    hands, procedure = Hands(), DoseProcedure(dose_terms(replicates=10))
    steps = run(procedure, hands)
    kinds = [type(each) for each in steps]
    assert kinds[:2] == [CheckBalance, PrimePen]
    first = steps[2 : 2 + 15]
    assert [getattr(each, "step", getattr(each, "at", "")) for each in first] == [
        "start",
        "first",
        "blank_start",
        *["weighing"] * 10,
        "blank_end",
        "end",
    ]
    assert len(steps) == 2 + 2 * 3 * 15 + 1
    assert [each.number for each in steps] == list(range(1, len(steps) + 1))
    assert {each.total for each in steps} == {len(steps)}
    assert all(each.title and each.instruction for each in steps)
    assert isinstance(steps[-1], Finish)
    assert steps[-1].outcome == "measured"


def test_a_burst_lifts_a_dose_over_the_balances_resolution_and_a_dry_cycle_takes_as_long() -> None:
    steps = [each for each in run(DoseProcedure(dose_terms()), Hands()) if isinstance(each, Weigh)]
    bursts = {each.series: each for each in steps if each.step == "weighing"}
    # 400 steps of 0.01 mg are 4 mg: four doses of 1 ul, one of 5 ul and of 10 ul.
    assert [bursts[index].doses for index in range(3)] == [4, 1, 1]
    settings = bursts[0].settings
    assert settings is not None
    assert settings.steps == 369
    assert bursts[0].steps == 4 * 369
    waits = {(each.series, each.step): each.wait_s for each in steps}
    assert waits[0, "first"] == 0
    assert waits[0, "blank_start"] == waits[0, "weighing"] == waits[0, "blank_end"] == 18
    assert waits[1, "weighing"] == 12


def test_as_left_is_weighed_with_the_fitted_steps_and_comes_out_right() -> None:
    hands = Hands(step_nl=2.5, lost_nl=60.0)
    procedure = DoseProcedure(dose_terms())
    book = book_of(procedure.terms)
    steps = run(procedure, hands, book)
    assert isinstance(steps[-1], Finish)
    outcome = outcome_of(book)
    assert isinstance(outcome, DoseOutcome)
    assert outcome.verdict is Verdict.PASS
    found, left = outcome.weighed[:3], outcome.weighed[3:]
    assert [each.stage for each in outcome.weighed] == [Stage.AS_FOUND] * 3 + [Stage.AS_LEFT] * 3
    assert all(each.point.spread.error_percent < -7 for each in found)
    assert all(abs(each.point.spread.error_percent) < 2 for each in left)
    assert outcome.bench_check.verdict is Verdict.PASS
    assert steps[-1].result["verdict"] == "pass"
    assert 2_400 < steps[-1].result["prime_picolitres_a_step"] < 2_600


@pytest.mark.parametrize(
    ("hands", "number"),
    [
        (Hands(share=0.3), "E7022"),
        (Hands(step_nl=2.711 * 0.8), "E7024"),
        (Hands(bend_nl=900.0), "E7023"),
        (Hands(step_nl=0.0), "E7022"),
        (Hands(end_mdegc=22_100), "E7001"),
        (Hands(left_factor=0.9), "E7072"),
        (Hands(drip_ug=130), "E7073"),
    ],
)
def test_a_pen_that_cannot_be_certified_is_refused_with_the_cores_sentence(
    hands: Hands, number: str
) -> None:
    last = run(DoseProcedure(dose_terms()), hands)[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "refused"
    assert last.reason.startswith(number)
    assert last.result == {}


def test_a_dose_that_the_pen_cannot_make_is_refused_before_it_is_tried() -> None:
    terms = dose_terms(max_steps=3_700)
    last = run(DoseProcedure(terms), Hands(step_nl=2.6))[-1]
    assert isinstance(last, Finish)
    assert last.reason.startswith("E7074")
    with pytest.raises(ValidationError):
        dose_terms(max_steps=3_600)


def test_what_cannot_follow_is_refused_and_changes_nothing() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=0, place=1)
    state, step = procedure.state, procedure.next_step()
    assert isinstance(step, Weigh)
    good = hands.body(procedure, step)
    used = next(body.arm_ids for body, _ in book.readings if isinstance(body, CalibrationPrimed))
    for change in ({"series": 1}, {"step": "blank_end"}, {"arm_ids": used}, {"arm_ids": (7, 7)}):
        with pytest.raises(OutOfOrder):
            procedure.apply(good.model_copy(update=change))
    with pytest.raises(OutOfOrder):
        procedure.apply(
            CalibrationTouched(
                place=0, from_um=0, set_um=500, measured_um=500, typed=True, actor=TECHNICIAN
            )
        )
    assert procedure.state is state


def test_a_balance_that_fails_its_check_is_checked_again_and_cannot_be_talked_well() -> None:
    procedure = DoseProcedure(dose_terms())
    step = procedure.next_step()
    assert isinstance(step, CheckBalance)
    bad = replace(Hands(), balance_error_ug=50)
    body = bad.body(procedure, step)
    assert not body.model_dump()["passed"]
    with pytest.raises(OutOfOrder):
        procedure.check(body.model_copy(update={"passed": True}))
    procedure.apply(body)
    assert isinstance(procedure.next_step(), CheckBalance)
    procedure.apply(Hands().body(procedure, procedure.next_step()))
    assert isinstance(procedure.next_step(), PrimePen)


def test_a_room_outside_of_the_method_is_no_place_to_begin() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands(start_mdegc=14_000)
    with pytest.raises(OutsideMethod):
        run(procedure, hands)
    step = procedure.next_step()
    assert isinstance(step, ReadRoom)


def test_doses_under_the_lowest_band_and_too_few_of_them_are_refused_at_the_terms() -> None:
    terms = dose_terms()
    low = terms.series[0].model_copy(update={"dose_nl": 500})
    with pytest.raises(NoAcceptanceLimits):
        DoseTerms.model_validate(
            terms.model_dump(mode="json")
            | {"series": [each.model_dump() for each in (low, *terms.series)]}
        )
    for change in (
        {"series": [each.model_dump() for each in terms.series[:2]]},
        {"replicates": 9},
        {"series": [terms.series[0].model_dump()] * 3},
        {"liquid": {"name": "saline", "density_g_m3": 1_004_600}},
    ):
        with pytest.raises(ValidationError):
            DoseTerms.model_validate(terms.model_dump(mode="json") | change)


def test_terms_come_back_from_the_journal_as_they_went(tmp_path: Path) -> None:
    del tmp_path
    terms = dose_terms()
    book = book_of(terms)
    back = procedure_of(book)
    assert isinstance(back, DoseProcedure)
    assert back.terms.model_dump(mode="json") == terms.model_dump(mode="json")


def test_another_liquid_is_weighed_by_its_density_at_its_temperature() -> None:
    saline = LiquidTerms(
        name="saline", density_g_m3=1_004_600, measured_at_mdegc=21_400, uncertainty_g_m3=100
    )
    terms = dose_terms().model_copy(update={"liquid": saline})
    means_nl = []
    for one in (dose_terms(), terms):
        book = book_of(one)
        procedure = DoseProcedure(one)
        run(procedure, Hands(), book)
        outcome = outcome_of(book)
        assert isinstance(outcome, DoseOutcome)
        means_nl.append(outcome.weighed[0].point.spread.mean_nl)
    # Water has 997.9 kg/m3 there: the same mass is less of the heavier liquid.
    assert means_nl[1] / means_nl[0] == pytest.approx(997.9 / 1_004.6, rel=1e-4)
    with pytest.raises(LiquidTemperature):
        run(DoseProcedure(terms), Hands(start_mdegc=22_500))


def test_a_reading_that_was_typed_stays_marked() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=1, place=6)
    body = hands.body(procedure, procedure.next_step()).model_copy(update={"typed": True})
    hands.give(procedure, body, book)
    run(procedure, hands, book)
    outcome = outcome_of(book)
    assert isinstance(outcome, DoseOutcome)
    assert [each.typed for each in outcome.weighed[:3]] == [set(), {(6, 0)}, set()]


def test_an_unfinished_calibration_comes_to_nothing() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=4, place=3)
    with pytest.raises(SeriesIncomplete):
        outcome_of(book)
