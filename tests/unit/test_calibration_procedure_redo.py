"""A calibration of doses: readings that are taken again, and a syringe that runs empty."""

import pytest

from controller.calibration.errors import (
    OutOfOrder,
    RedoneWithoutReason,
    VesselMoved,
)
from controller.calibration.procedure import DoseOutcome, outcome_of, procedure_of
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.series_record import MOST_SHORT
from controller.calibration.procedure.steps import (
    CheckBalance,
    Finish,
    PrimePen,
    ReadRoom,
    Weigh,
)
from controller.record.calibration_events import (
    CalibrationDiscarded,
)
from tests.support.technician import (
    TECHNICIAN,
    Hands,
    book_of,
    dose_terms,
    run,
    until,
)


def test_a_blank_that_gained_mass_is_taken_again_once_the_needle_is_dry() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands(drip_ug=130)
    book = book_of(procedure.terms)
    assert isinstance(run(procedure, hands, book)[-1], Finish)
    hands.drip_ug = 0
    discard = CalibrationDiscarded(
        series=0, step="blank_start", place=0, reason="a hand on the table", actor=TECHNICIAN
    )
    hands.give(procedure, discard, book)
    last = run(procedure, hands, book)[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "measured"


def test_a_pen_that_does_not_make_its_steps_is_not_asked_for_ever() -> None:
    steps = run(DoseProcedure(dose_terms()), Hands(missing_steps=1))
    bursts = [each for each in steps if isinstance(each, Weigh) and each.step == "weighing"]
    assert len(bursts) == MOST_SHORT
    assert {each.place for each in bursts} == {0}
    last = steps[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "refused"
    assert "1476 steps" in last.reason


def test_a_weighing_taken_again_keeps_every_attempt_with_its_reason() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=0, place=4)
    discard = CalibrationDiscarded(series=0, place=2, reason="a drop", actor=TECHNICIAN)
    hands.give(procedure, discard, book)
    step = procedure.next_step()
    assert isinstance(step, Weigh)
    assert (step.place, step.weigh_before) == (2, False)
    run(procedure, hands, book)
    outcome = outcome_of(book)
    assert isinstance(outcome, DoseOutcome)
    attempts = outcome.weighed[0].series.replicates[2].attempts
    assert [each.discarded_because for each in attempts] == ["a drop", None]


def test_after_the_blank_at_the_end_a_discard_asks_for_that_blank_and_the_room_again() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=1, step="start")
    for place in (3, 7):
        hands.give(
            procedure,
            CalibrationDiscarded(series=0, place=place, reason="draught", actor=TECHNICIAN),
            book,
        )
    steps = run(procedure, hands, book)
    again = [each for each in steps if isinstance(each, Weigh | ReadRoom) and each.series == 0]
    assert [(type(each), getattr(each, "place", None)) for each in again] == [
        (Weigh, 3),
        (Weigh, 7),
        (Weigh, 0),
        (ReadRoom, None),
    ]


def test_a_series_that_is_gone_back_to_wants_the_vessel_weighed_before() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=3, step="blank_start")
    discard = CalibrationDiscarded(series=0, place=0, reason="static", actor=TECHNICIAN)
    with pytest.raises(OutOfOrder):
        hands.give(procedure, discard, book)
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=2, step="start")
    hands.give(procedure, discard, book)
    step = procedure.next_step()
    assert isinstance(step, Weigh)
    assert (step.series, step.place, step.weigh_before) == (0, 0, True)
    body = hands.body(procedure, step)
    with pytest.raises(VesselMoved):
        procedure.check(body.model_copy(update={"before_ug": None}))
    last = run(procedure, hands, book)[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "measured"


@pytest.mark.parametrize("step", ["blank_start", "blank_end"])
def test_a_blank_is_taken_again_too(step: str) -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    after = "weighing" if step == "blank_start" else "end"
    book = until(procedure, hands, series=0, step=after)
    discard = CalibrationDiscarded.model_validate(
        {"series": 0, "step": step, "place": 0, "reason": "the door was open", "actor": TECHNICIAN}
    )
    hands.give(procedure, discard, book)
    again = procedure.next_step()
    assert isinstance(again, Weigh)
    assert again.step == ("first" if step == "blank_start" else "blank_end")
    last = run(procedure, hands, book)[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "measured"


def test_a_discard_without_reason_or_of_nothing_is_refused() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=0, place=2)
    for place, reason in ((0, "  "), (2, "not there yet"), (99, "nowhere")):
        with pytest.raises(RedoneWithoutReason):
            hands.give(
                procedure,
                CalibrationDiscarded(series=0, place=place, reason=reason, actor=TECHNICIAN),
                book,
            )
    assert procedure_of(book).next_step() == procedure.next_step()


def test_a_syringe_that_cannot_give_the_next_series_is_filled_first() -> None:
    # 10 weighings of 4 x 1, 5 and 10 ul: 190 ul a stage.
    steps = run(DoseProcedure(dose_terms(syringe_nl=150_000)), Hands())
    fills = [
        (index, each)
        for index, each in enumerate(steps)
        if isinstance(each, PrimePen) and each.fill
    ]
    assert fills
    for index, _ in fills:
        after = steps[index + 1]
        assert isinstance(after, ReadRoom)
        assert after.at == "start"
    last = steps[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "measured"


def test_a_wide_syringe_is_filled_before_it_runs_empty_although_it_is_not_known_yet() -> None:
    """Found by the fleet: steps are reckoned at the assumed volume, and gave a tenth more."""
    hands = Hands(step_nl=1.1 * 2.711, filling_nl=200_000)
    steps = run(DoseProcedure(dose_terms(syringe_nl=200_000)), hands)
    bursts = [each for each in steps if isinstance(each, Weigh) and each.step == "weighing"]
    assert len(bursts) == 2 * 3 * 10
    last = steps[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "measured"


@pytest.mark.parametrize(("known_nl", "shorts"), [(300_000, 1), (None, 2)])
def test_after_bursts_that_came_short_the_syringe_is_looked_at_and_filled(
    known_nl: int | None, shorts: int
) -> None:
    hands = Hands(filling_nl=150_000)
    procedure = DoseProcedure(dose_terms(syringe_nl=known_nl))
    book = book_of(procedure.terms)
    steps = run(procedure, hands, book)
    last = steps[-1]
    assert isinstance(last, Finish)
    assert last.outcome == "measured"
    fill = next(at for at, each in enumerate(steps) if isinstance(each, PrimePen) and each.fill)
    after = steps[fill + 1]
    assert isinstance(after, Weigh)
    assert (after.step, after.weigh_before) == ("weighing", True)
    outcome = outcome_of(book)
    assert isinstance(outcome, DoseOutcome)
    attempts = outcome.weighed[after.series].series.replicates[after.place].attempts
    assert [each.discarded_because is None for each in attempts] == [False] * shorts + [True]


def test_a_dry_cycle_in_which_the_pen_moved_is_no_blank() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    book = until(procedure, hands, series=0, step="blank_start")
    step = procedure.next_step()
    assert isinstance(step, Weigh)
    hands.give(procedure, hands.body(procedure, step).model_copy(update={"steps": 3}), book)
    again = procedure.next_step()
    assert isinstance(again, Weigh)
    assert again.step == "blank_start"


def test_a_balance_that_is_checked_again_in_mid_series_wants_the_vessel_weighed_again() -> None:
    procedure, hands = DoseProcedure(dose_terms()), Hands()
    check = hands.body(procedure, procedure.next_step())
    book = until(procedure, hands, series=0, place=3)
    hands.give(procedure, check, book)
    step = procedure.next_step()
    assert isinstance(step, Weigh)
    assert (step.place, step.weigh_before) == (3, True)
    hands.give(procedure, check.model_copy(update={"passed": False}), book)
    assert isinstance(procedure.next_step(), CheckBalance)
