"""Protrusion and cadence in virtual time: the indicator under the needle, the pen's own ticks."""

from functools import partial
from pathlib import Path

import msgspec
import pytest

from controller.calibration.face import Kind, Question, Wish
from controller.calibration.instruments import CadenceTable
from controller.calibration.procedure import (
    CadenceOutcome,
    ProtrusionOutcome,
    ProtrusionTerms,
    outcome_of,
    terms_of,
)
from controller.calibration.procedure.protrusion_steps import moves_of
from controller.calibration.procedure.steps import Touch
from controller.record.calibration_events import (
    CalibrationDiscarded,
    CalibrationRun,
    CalibrationTouched,
)
from controller.session.states import State
from tests.support.virtual import advance
from tests.support.workshop import Workshop, pen_on_bench, setup_of, workshop


def axis_of(room: Workshop) -> ProtrusionOutcome:
    outcome = outcome_of(room.book)
    assert isinstance(outcome, ProtrusionOutcome)
    return outcome


def touches(room: Workshop) -> int:
    terms = terms_of(room.book.opened)
    assert isinstance(terms, ProtrusionTerms)
    return len(moves_of(terms))


async def test_the_axis_is_touched_at_each_point_from_both_sides(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        assert await room.calibrate("protrusion") == "measured"
        touched = [body for body in room.bodies if isinstance(body, CalibrationTouched)]
        assert len(touched) == len(room.bodies) == touches(room)
        assert all(body.typed for body in touched)
        result = axis_of(room).protrusion.result
        assert abs(result.offset_um) <= 10
        assert len(result.points) == 5
        assert room.theatre.stage.world.mechanism.oracle.totals.forward_steps == 0
        for arm in room.theatre.engine.books.ledger.of_session(room.book.session_id):
            opened = arm.opened
            assert (opened.mode, opened.steps, opened.dwell_us) == ("bench", 0, 8_000_000)
        room.theatre.check()


async def test_a_missed_or_mistyped_reading_is_asked_for_again(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        right = room.face.answers[Kind.INDICATOR]
        wrong = iter(["", "0.2", "0.2 inch", "0.2003 mm"])
        room.face.answers[Kind.INDICATOR] = lambda question: next(wrong, None) or right(question)
        work = room.begin("protrusion")
        await room.theatre.until(lambda: len(room.face.told) > 2 and len(room.bodies) == 1, 300.0)
        room.face.wishes.put_nowait(Wish.ABORT)
        assert await work == "aborted"
        told = [each.splitlines()[0] for each in room.face.told if each.startswith("E7081")]
        assert told == [
            "E7081 '0.2' has no unit: type mm or um behind the number.",
            "E7081 '0.2 inch' has no unit: type mm or um behind the number.",
            "E7081 '0.2003 mm' is no whole number of micrometres up to 10 mm.",
        ]


@pytest.mark.hazard("H08")
async def test_killed_at_a_touch_it_goes_on_at_the_same_one(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        room.begin("protrusion")
        for place in (1, 4, 9):
            await room.theatre.until(partial(_is_at, room, place), 600.0)
            await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 60.0)
            await advance(1.0)
            await room.theatre.crash()
            await room.theatre.start()
            assert len(room.bodies) == place
            room.begin("protrusion")
        await room.theatre.until(lambda: room.book.closed is not None, 900.0)
        assert [body.place for body in room.bodies if isinstance(body, CalibrationTouched)] == list(
            range(touches(room))
        )
        room.theatre.check()


def _is_at(room: Workshop, place: int) -> bool:
    step = room.face.shown[-1] if room.face.shown else None
    return isinstance(step, Touch) and step.place == place


async def test_a_touch_is_taken_again(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:

        def at(question: Question) -> str:
            if len(room.bodies) == 2:
                room.face.wishes.put_nowait(Wish.REDO)
            if len(room.bodies) == 5:
                room.face.wishes.put_nowait(Wish.ABORT)
            return right(question)

        right = room.face.answers[Kind.INDICATOR]
        room.face.answers[Kind.INDICATOR] = at
        assert await room.calibrate("protrusion") == "aborted"
        places = [getattr(body, "place", None) for body in room.bodies]
        assert places == [0, 1, 2, 2, 2, 3]
        discarded = room.bodies[3]
        assert isinstance(discarded, CalibrationDiscarded)
        assert discarded.reason == "a drop stayed at the needle"


async def test_an_axis_that_is_off_by_too_much_is_refused(tmp_path: Path) -> None:
    pen = pen_on_bench()
    pen = msgspec.structs.replace(
        pen, indicator=msgspec.structs.replace(pen.indicator, zero_um=300.0)
    )
    async with workshop(tmp_path, pen) as room:
        assert await room.calibrate("protrusion") == "refused"
        closed = room.book.closed
        assert closed is not None
        assert closed.reason.startswith("E7031 The needle stands out +300 um")
        assert room.face.asked[-1].kind is Kind.GO_ON


async def test_each_cadence_is_run_and_judged_by_the_pen_s_ticks(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        assert await room.calibrate("cadence") == "measured"
        runs = [body for body in room.bodies if isinstance(body, CalibrationRun)]
        assert [(run.stroke_period_us, len(run.ticks_us)) for run in runs] == [
            (100_000, 21),
            (500_000, 21),
        ]
        outcome = outcome_of(room.book)
        assert isinstance(outcome, CadenceOutcome)
        assert all(abs(each.error_percent) < 5 for each in outcome.cadences)
        room.theatre.check()


async def test_a_tachometer_s_word_is_taken(tmp_path: Path) -> None:
    tachometer = {"role": "tachometer", "make": "DT", "serial": "T-9"}
    async with workshop(tmp_path, setup=setup_of(tachometer=tachometer)) as room:
        words = iter(["10", "10 0.02", "2 0.01"])
        room.face.answers[Kind.TACHOMETER] = lambda _: next(words)
        assert await room.calibrate("cadence") == "measured"
        runs = [body for body in room.bodies if isinstance(body, CalibrationRun)]
        assert [(run.tachometer_mhz, run.tachometer_expanded_mhz) for run in runs] == [
            (10_000, 20),
            (2_000, 10),
        ]
        assert any(each.startswith("E7081 Two numbers are needed") for each in room.face.told)


async def test_a_run_that_was_stopped_is_made_again_as_a_whole(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        room.face.answers[Kind.TRY_AGAIN] = lambda _: ""
        work = room.begin("cadence")
        await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 60.0)
        await advance(0.7)
        room.theatre.service.stop("technician")
        assert await work == "measured"
        asked = [each.kind for each in room.face.asked]
        assert asked.count(Kind.CLEAR) == 1
        assert any("STOP was pressed" in each for each in room.face.told)
        runs = [body for body in room.bodies if isinstance(body, CalibrationRun)]
        assert [len(run.ticks_us) for run in runs] == [21, 21]
        room.theatre.check()


async def test_a_setup_that_the_pen_cannot_do_opens_nothing(tmp_path: Path) -> None:
    table = CadenceTable(stroke_periods_us=(5_000,), strokes=21, protrusion_um=500)
    async with workshop(tmp_path, setup=setup_of().model_copy(update={"cadence": table})) as room:
        with pytest.raises(Exception, match="a period of 5000 us is too short"):
            await room.calibrate("cadence")
        assert room.theatre.engine.books.calibrations == {}
