"""The guided touching of the axis and the runs of the cadence: order, refusals, results."""

from typing import Any

import pytest
from pydantic import ValidationError

from controller.calibration.acceptance import Verdict
from controller.calibration.errors import (
    CadenceUnreadable,
    OutOfOrder,
    RedoneWithoutReason,
    SeriesIncomplete,
)
from controller.calibration.procedure import (
    CadenceOutcome,
    CadenceTerms,
    ProtrusionOutcome,
    ProtrusionTerms,
    outcome_of,
    procedure_of,
)
from controller.calibration.procedure.cadence_steps import CadenceProcedure
from controller.calibration.procedure.protrusion_steps import ProtrusionProcedure, moves_of
from controller.calibration.procedure.steps import Finish, RunCadence, Touch
from controller.record.calibration_events import CalibrationDiscarded
from protocol.words import Mode
from tests.support.technician import (
    TECHNICIAN,
    Hands,
    book_of,
    cadence_terms,
    protrusion_terms,
    run,
)

DISCARD = CalibrationDiscarded(series=0, place=0, reason="not at rest", actor=TECHNICIAN)


def finish_of(steps: list[Any]) -> Finish:
    assert isinstance(steps[-1], Finish)
    return steps[-1]


def test_points_are_touched_upwards_twice_and_downwards_from_beyond_the_outermost() -> None:
    moves = moves_of(protrusion_terms())
    up = [(0, 500), (500, 1_000), (1_000, 1_500), (1_500, 2_000), (2_000, 2_500)]
    down = [(2_800, 2_500), (2_500, 2_000), (2_000, 1_500), (1_500, 1_000), (1_000, 500)]
    assert list(moves) == up + up + down
    steps = run(ProtrusionProcedure(protrusion_terms()), Hands())
    assert [
        (each.from_um, each.set_um) for each in steps if isinstance(each, Touch)
    ] == up * 2 + down
    assert [each.number for each in steps] == list(range(1, 17))
    assert {each.total for each in steps} == {16}


def test_an_axis_gets_its_offset_and_the_backlash_shows() -> None:
    procedure = ProtrusionProcedure(protrusion_terms())
    book = book_of(procedure.terms)
    last = finish_of(run(procedure, Hands(axis_um=40, axis_back_um=25), book))
    outcome = outcome_of(book)
    assert isinstance(outcome, ProtrusionOutcome)
    assert (last.outcome, last.result["offset_um"]) == (
        "measured",
        outcome.protrusion.result.offset_um,
    )
    assert abs(outcome.protrusion.result.offset_um - 40) <= 2
    assert abs(outcome.protrusion.result.backlash_um - 25) <= 4
    assert outcome.verdict is Verdict.PASS
    assert outcome.protrusion.typed == frozenset(range(15))


def test_an_offset_that_is_no_offset_is_refused() -> None:
    last = finish_of(run(ProtrusionProcedure(protrusion_terms()), Hands(axis_um=300)))
    assert last.outcome == "refused"
    assert last.reason.startswith("E7031")


def test_an_axis_with_another_gain_is_refused_by_its_points() -> None:
    procedure, hands = ProtrusionProcedure(protrusion_terms()), Hands()
    while isinstance(step := procedure.next_step(), Touch):
        body = hands.body(procedure, step)
        stretched = round(1.2 * step.set_um) - 200
        procedure.apply(body.model_copy(update={"measured_um": stretched}))
    last = finish_of([step])
    assert last.outcome == "refused"
    assert "outside of the limits" in last.reason


def test_a_touch_is_taken_again_and_none_is_lost() -> None:
    procedure, hands = ProtrusionProcedure(protrusion_terms()), Hands()
    book = book_of(procedure.terms)
    with pytest.raises(RedoneWithoutReason):
        procedure.apply(DISCARD)
    hands.give(procedure, hands.body(procedure, procedure.next_step()), book)
    hands.give(procedure, DISCARD, book)
    step = procedure.next_step()
    assert isinstance(step, Touch)
    assert step.place == 0
    assert procedure_of(book).next_step() == step
    finish_of(run(procedure, hands, book))
    assert [len(each) for each in procedure.attempts] == [2] + [1] * 14
    assert procedure.discards == (DISCARD,)


def test_a_touch_elsewhere_than_asked_is_refused() -> None:
    procedure, hands = ProtrusionProcedure(protrusion_terms()), Hands()
    body = hands.body(procedure, procedure.next_step())
    for change in ({"place": 1}, {"from_um": 900}, {"set_um": 501}):
        with pytest.raises(OutOfOrder):
            procedure.apply(body.model_copy(update=change))
    assert procedure.attempts[0] == ()
    with pytest.raises(SeriesIncomplete):
        procedure.outcome()


@pytest.mark.parametrize(
    "change",
    [
        {"points_um": (500, 1_000, 1_500, 2_000)},
        {"points_um": (500, 500, 1_000, 1_500, 2_000)},
        {"outer_um": 2_500},
        {"repeats": 1},
    ],
)
def test_terms_of_the_axis_that_show_too_little_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ProtrusionTerms.model_validate(protrusion_terms().model_dump(mode="json") | change)


@pytest.mark.parametrize("tachometer", [True, False])
def test_runs_are_bench_strokes_without_a_dose_and_say_their_witness(tachometer: bool) -> None:
    procedure = CadenceProcedure(cadence_terms(tachometer=tachometer))
    book = book_of(procedure.terms)
    steps = run(procedure, Hands(clock=1.002), book)
    first = steps[0]
    assert isinstance(first, RunCadence)
    assert (first.settings.mode, first.settings.steps, first.strokes) == (Mode.BENCH, 0, 11)
    assert finish_of(steps).outcome == "measured"
    outcome = outcome_of(book)
    assert isinstance(outcome, CadenceOutcome)
    assert [each.set_period_us for each in outcome.cadences] == [500_000, 10_000]
    slow = outcome.cadences[0]
    assert ("bench R-1" in slow.witness) is tachometer
    assert slow.error_percent == pytest.approx(0.0 if tachometer else -0.2, abs=0.01)


def test_a_cadence_far_off_is_refused() -> None:
    last = finish_of(run(CadenceProcedure(cadence_terms(tachometer=False)), Hands(clock=1.2)))
    assert last.outcome == "refused"
    assert "-16.67 %" in last.reason


def test_a_run_is_taken_again_and_its_arms_count_once() -> None:
    procedure, hands = CadenceProcedure(cadence_terms()), Hands()
    with pytest.raises(RedoneWithoutReason):
        procedure.apply(DISCARD)
    body = hands.body(procedure, procedure.next_step())
    procedure.apply(body)
    procedure.apply(DISCARD)
    for change in (
        {},
        {"arm_ids": (9,), "series": 1},
        {"arm_ids": (9,), "stroke_period_us": 7},
        {"arm_ids": (9,), "tachometer_expanded_mhz": None},
    ):
        with pytest.raises(OutOfOrder):
            procedure.apply(body.model_copy(update=change))
    with pytest.raises(CadenceUnreadable):
        procedure.apply(body.model_copy(update={"arm_ids": (9,), "ticks_us": (0, 1)}))
    finish_of(run(procedure, hands))
    assert len(procedure.attempts) == 3


def test_terms_of_the_cadence_need_runs_that_can_be_judged() -> None:
    with pytest.raises(ValidationError):
        CadenceTerms.model_validate(cadence_terms().model_dump(mode="json") | {"strokes": 10})
