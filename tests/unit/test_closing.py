"""From the pen's arm record to the entry that closes an interval: no guess, no clamp."""

from typing import Any

import msgspec
import pytest

from controller.record.events import ArmClosed
from controller.session.amounts import Amount, counter_set, wire_counters
from controller.session.closing import (
    RecordNotFinal,
    RecordUnusable,
    alarms_of,
    closing_body,
    never_body,
    seal_body,
)
from controller.session.ledger import Interval
from protocol.messages import ArmRecord, Counters
from protocol.words import EndReason, RecordState
from tests.support.arms import TECHNICIAN, counters, opened

FIRST = counters(punctures=5, dose_steps=50)


def interval(committed: Amount | None = None, ceilings: tuple[int, int] = (9, 90)) -> Interval:
    return Interval(
        opened(first=FIRST),
        "s-1",
        committed or Amount(),
        puncture_ceiling=ceilings[0],
        step_ceiling=ceilings[1],
    )


def record(**changes: Any) -> ArmRecord:
    fields = ArmRecord(
        1,
        1,
        RecordState.FINAL,
        EndReason.DISARMED,
        1,
        0x1234,
        3,
        0,
        wire_counters(FIRST),
        Counters(8, 80, 0, 0, 0, 0),
        Counters(8, 80, 0, 0, 0, 0),
    )
    return msgspec.structs.replace(fields, **changes)


def done(body: ArmClosed) -> tuple[tuple[int, int], tuple[int, int]]:
    return (
        (body.certain.punctures, body.certain.dose_steps),
        (body.possible.punctures, body.possible.dose_steps),
    )


def test_a_final_record_closes_exactly() -> None:
    body = closing_body(interval(), record())
    assert (body.how, body.end_reason) == ("final", "disarmed")
    assert done(body) == ((8, 80), (8, 80))
    assert alarms_of(body) == []


@pytest.mark.hazard("H13")
def test_after_a_reset_in_mid_stroke_certain_is_the_higher_of_proven_and_committed() -> None:
    after_boot = record(end_reason=EndReason.BOOT, reserved=Counters(9, 90, 0, 0, 0, 0))
    assert done(closing_body(interval(), after_boot)) == ((8, 80), (9, 90))
    committed = Amount(punctures=4, dose_steps=40)
    body = closing_body(interval(committed), after_boot)
    assert done(body) == ((9, 90), (9, 90))


def test_a_residual_is_alarmed_and_a_seal_is_not() -> None:
    residual = closing_body(interval(), record(reserved=Counters(9, 90, 0, 0, 0, 0)))
    assert [alarm.name for alarm in alarms_of(residual)] == ["residual_delivery"]
    assert alarms_of(seal_body(interval(), TECHNICIAN, "lost")) == []


@pytest.mark.parametrize("reason", [EndReason.LAPSE, EndReason.NO_GRANT])
def test_a_lapse_is_alarmed(reason: EndReason) -> None:
    body = closing_body(interval(), record(end_reason=reason))
    assert [alarm.name for alarm in alarms_of(body)] == ["lease_lapsed"]


@pytest.mark.parametrize("state", [RecordState.OPEN, RecordState.ENDING])
def test_a_moving_pen_is_asked_again(state: RecordState) -> None:
    with pytest.raises(RecordNotFinal):
        closing_body(interval(), record(record_state=state))


@pytest.mark.hazard("H14")
@pytest.mark.parametrize(
    ("committed", "changes"),
    [
        (Amount(), {"record_state": RecordState.NOT_KEPT}),
        (Amount(), {"arm_id": 2}),
        (Amount(), {"arm_id": 2, "record_state": RecordState.NEVER}),
        (Amount(), {"first": Counters(5, 49, 0, 0, 0, 0)}),
        (Amount(punctures=4, dose_steps=30), {}),  # events prove 9 punctures, 8 are reserved
        (Amount(punctures=3, dose_steps=31), {}),
        (Amount(), {"proven": Counters(8, 80, 1, 0, 0, 0)}),
        (Amount(), {"reserved": Counters(4, 50, 0, 0, 0, 0), "proven": wire_counters(FIRST)}),
    ],
)
def test_a_record_that_contradicts_the_books_closes_nothing(
    committed: Amount, changes: dict[str, Any]
) -> None:
    with pytest.raises(RecordUnusable):
        closing_body(interval(committed), record(**changes))


def test_an_arm_whose_id_was_spent_never_was() -> None:
    spent = record(record_state=RecordState.NEVER, end_reason=EndReason.SPENT)
    body = closing_body(interval(), spent)
    assert (body.how, body.end_reason) == ("never", "spent")
    assert body.certain == body.possible == body.first == FIRST


@pytest.mark.hazard("H14")
def test_a_pen_that_denies_an_arm_with_recorded_events_is_not_believed() -> None:
    with pytest.raises(RecordUnusable, match="denies arm 1"):
        never_body(interval(Amount(punctures=1, dose_steps=10)), "never")


def test_a_seal_accepts_the_committed_ceilings() -> None:
    body = seal_body(interval(Amount(punctures=1, dose_steps=10)), TECHNICIAN, "pen lost")
    assert (body.how, body.end_reason) == ("sealed", "sealed")
    assert (body.actor, body.reason) == (TECHNICIAN, "pen lost")
    assert done(body) == ((6, 60), (9, 90))


def test_first_counters_are_compared_whole() -> None:
    assert counter_set(record().first) == FIRST
