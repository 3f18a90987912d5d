"""Static, draught, other balances and another pen: no wrong mass without a word."""

from pathlib import Path

import msgspec
import pytest

from controller.calibration.face import Kind
from controller.calibration.procedure import DoseOutcome, outcome_of
from controller.calibration.procedure.steps import Step, Weigh
from controller.record.calibration_events import CalibrationDiscarded, CalibrationWeighed
from controller.session.states import State
from tests.support.bills import dosing, pen_for
from tests.support.virtual import advance
from tests.support.workshop import (
    BALANCE,
    Workshop,
    burst_of,
    pen_on_bench,
    quick_limits,
    setup_of,
    workshop,
)

S = 1_000_000


def off_share(room: Workshop) -> float:
    """How far the worst counted weighing is off what the drive's geometry says."""
    result = outcome_of(room.book)
    assert isinstance(result, DoseOutcome)
    worst = 0.0
    for series in result.weighed:
        expected_ug = series.series.setting.steps_a_weighing * 2.711 * room.ug_per_nl
        for mass_ug in series.series.masses_ug:
            worst = max(worst, abs(float(mass_ug) / expected_ug - 1))
    return worst


@pytest.mark.parametrize("seed", [4])
async def test_static_and_draughts_make_no_wrong_mass_silently(tmp_path: Path, seed: int) -> None:
    """Forty charges and thirty draughts an hour: waited out, or seen in the scatter and refused."""
    weather = msgspec.structs.replace(
        BALANCE, static_h=40.0, static_ug=5_000.0, static_us=20 * S, draught_h=30.0
    )
    setup = setup_of()
    assert setup.dose is not None
    setup = setup.model_copy(update={"dose": setup.dose.model_copy(update={"replicates": 4})})
    async with workshop(
        tmp_path, pen_on_bench(weather), setup, quick_limits(replicates=4), seed=seed
    ) as room:
        room.face.answers[Kind.TRY_AGAIN] = lambda _: ""
        outcome = await room.calibrate()
        closed = room.book.closed
        assert closed is not None
        assert outcome == closed.outcome
        if outcome == "measured":
            assert off_share(room) < 0.03
        else:
            assert closed.reason.startswith(("E7022", "E7023", "E7072", "E7073"))
        assert any(not getattr(each, "stable", True) for each in room.face.heard)
        room.theatre.check()


async def test_a_sartorius_balance_weighs_as_well(tmp_path: Path) -> None:
    balance = msgspec.structs.replace(BALANCE, speaks="sbi", with_word=True)
    async with workshop(tmp_path, pen_on_bench(balance)) as room:
        assert await room.calibrate() == "measured"
        assert any(each.startswith("Balance: Sartorius SBI B200000001") for each in room.face.told)
        assert off_share(room) < 0.02


async def test_a_question_that_may_have_tared_voids_the_weighing(tmp_path: Path) -> None:
    """E7061: the balance was tared between dose and reading; the mass would be nonsense."""
    balance = msgspec.structs.replace(BALANCE, speaks="sbi")
    async with workshop(tmp_path, pen_on_bench(balance)) as room:
        work = room.begin()
        await room.theatre.until(
            lambda: (
                bool(room.face.shown)
                and burst_of(room.face.shown[-1])
                and room.theatre.engine.state is State.RUNNING
            ),
            600.0,
        )
        await room.theatre.until(lambda: room.theatre.engine.state is State.READY, 60.0)
        read, heard = len(room.bodies), len(room.face.heard)
        await room.theatre.until(lambda: len(room.face.heard) > heard, 60.0)
        room.sim.talk.deaf = True
        room.sim.balance.tare()
        await advance(1.3)
        room.sim.talk.deaf = False
        assert await work == "measured"
        weighed, discarded = room.bodies[read : read + 2]
        assert isinstance(weighed, CalibrationWeighed)
        assert isinstance(discarded, CalibrationDiscarded)
        assert "left a question without an answer" in discarded.reason
        assert any(each.startswith("E7061") for each in room.face.told)
        assert off_share(room) < 0.02


async def test_another_pen_is_not_used_and_the_right_one_is_waited_for(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await room.theatre.until(
            lambda: bool(room.theatre.engine.books.calibrations) and len(room.bodies) == 4, 600.0
        )
        room.theatre.plug_in_other(pen_for(dosing()), seed=7)
        await room.theatre.until(
            lambda: any("another pen" in each for each in room.face.told), 60.0
        )
        assert room.theatre.stage.world.mechanism.oracle.totals.forward_steps == 0
        room.theatre.plug_in_first_again()
        assert await work == "measured"
        assert off_share(room) < 0.02


async def test_something_taken_off_in_a_dry_cycle_is_no_evaporation(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        on_pan_ug = iter([100_000, 0])

        def at(step: Step) -> None:
            if isinstance(step, Weigh) and step.step in {"first", "blank_start"}:
                room.sim.balance.weights_ug = next(on_pan_ug, 0)

        room.face.on_step = at
        assert await room.calibrate() == "measured"
        taken_back = [body for body in room.bodies if isinstance(body, CalibrationDiscarded)]
        assert [(each.step, each.place) for each in taken_back] == [("blank_start", 0)]
        assert taken_back[0].reason.startswith("the vessel lost 100.0")
        assert off_share(room) < 0.02
