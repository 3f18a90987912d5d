"""A calibration that is disturbed: killed, unplugged, stopped, redone, given up, blown at."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from controller.calibration.face import Kind, Wish
from controller.calibration.instruments import Setup
from controller.calibration.procedure import DoseOutcome, outcome_of
from controller.calibration.procedure.steps import Step, Weigh
from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationDiscarded,
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationWeighed,
)
from controller.session.states import Act, State
from tests.support.virtual import advance
from tests.support.workshop import (
    BALANCE,
    Workshop,
    burst_of,
    pen_on_bench,
    setup_of,
    workshop,
)

S = 1_000_000
COARSE = msgspec.structs.replace(BALANCE, resolution_ug=100, noise_ug=40.0)


def true_masses_are_told(room: Workshop, allowed_ug: float) -> list[float]:
    """How far each counted dose is off what really left the needle in its arms, in micrograms."""
    result = outcome_of(room.book)
    assert isinstance(result, DoseOutcome)
    assert result.weighed
    off = []
    for series in result.weighed:
        for mass_ug in series.series.masses_ug:
            expected_ug = series.series.setting.steps_a_weighing * 2.711 * room.ug_per_nl
            off.append(float(mass_ug) - expected_ug)
    assert max(map(abs, off)) <= allowed_ug, off
    return off


async def until_bodies(room: Workshop, count: int) -> None:
    await room.theatre.until(
        lambda: bool(room.theatre.engine.books.calibrations) and len(room.bodies) >= count, 600.0
    )


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("at", [4, 13])
async def test_killed_after_any_reading_it_goes_on_at_the_same_one(tmp_path: Path, at: int) -> None:
    async with workshop(tmp_path) as room:
        room.begin()
        await until_bodies(room, at)
        await advance(0.3 + 1.7 * (at % 5))
        before = room.bodies
        await room.theatre.crash()
        await room.theatre.start()
        assert room.bodies[: len(before)] == before
        step_before = room.face.shown[-1]
        shown = len(room.face.shown)
        assert await room.calibrate() == "measured"
        assert room.face.shown[shown].number >= step_before.number
        true_masses_are_told(room, 90.0)
        room.theatre.check()


@pytest.mark.hazard("H08")
async def test_killed_between_dose_and_reading_the_dose_is_kept_and_does_not_count(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path) as room:
        room.begin()
        await until_bodies(room, 6)  # check, primed, room, first, blank; then a weighing
        await room.theatre.until(lambda: room.theatre.engine.arm_is_open, 60.0)
        await room.theatre.until(lambda: room.theatre.engine.state is State.READY, 60.0)
        await advance(0.5)
        readings = len(room.bodies)
        await room.theatre.crash()
        await advance(300.0)
        await room.theatre.start()
        assert await room.calibrate() == "measured"
        kept, taken_back = room.bodies[readings : readings + 2]
        assert isinstance(kept, CalibrationWeighed)
        assert isinstance(taken_back, CalibrationDiscarded)
        assert kept.steps > 0
        assert taken_back.reason == "it was interrupted between dose and reading"
        true_masses_are_told(room, 90.0)


@pytest.mark.hazard("H08")
async def test_killed_in_a_burst_what_came_is_counted_and_the_weighing_taken_again(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path, pen_on_bench(COARSE), many_doses()) as room:
        room.begin()
        await until_bodies(room, 5)
        await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 60.0)
        given = room.theatre.stage.truth.so_far()
        await room.theatre.until(
            lambda: room.theatre.stage.truth.so_far().punctures >= given.punctures + 2, 60.0
        )
        await room.theatre.crash()
        await room.theatre.start()
        assert await room.calibrate() == "measured"
        short = room.bodies[5]
        assert isinstance(short, CalibrationWeighed)
        result = outcome_of(room.book)
        assert isinstance(result, DoseOutcome)
        first = result.weighed[0].series
        assert 0 < short.steps < first.setting.steps_a_weighing
        assert first.replicates[0].attempts[0].discarded_because is not None
        true_masses_are_told(room, 600.0)  # of 40 mg
        room.theatre.check()


def many_doses() -> Setup:
    """A balance of 0.1 mg: eight doses a weighing, so that a burst takes its time."""
    setup = setup_of()
    assert setup.balance is not None
    assert setup.check_weight is not None
    weight = {"allowed_noise_ug": 200, "allowed_error_ug": 400, "allowed_drift_ug": 400}
    return setup.model_copy(
        update={
            "balance": setup.balance.model_copy(update={"resolution_ug": 100}),
            "check_weight": setup.check_weight.model_copy(update=weight),
        }
    )


@pytest.mark.hazard("H10")
async def test_a_pulled_cable_in_a_burst_costs_no_dose(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        for _ in range(3):
            await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 600.0)
            await advance(0.4)
            room.theatre.unplug()
            await advance(3.0)
            room.theatre.replug()
            await room.theatre.until(lambda: room.theatre.engine.state is State.READY, 60.0)
        assert await work == "measured"
        assert "The pen is not connected. Plug it in; what was measured stays." in room.face.told
        true_masses_are_told(room, 90.0)
        room.theatre.check()


@pytest.mark.hazard("H34")
async def test_a_stop_in_a_burst_is_asked_about_and_the_burst_goes_on(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await until_bodies(room, 5)
        await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 60.0)
        room.theatre.service.stop("technician")
        assert await work == "measured"
        assert [each.kind for each in room.face.asked].count(Kind.CLEAR) == 1
        true_masses_are_told(room, 90.0)
        room.theatre.check()


@pytest.mark.hazard("H34")
async def test_a_burst_that_was_paused_is_not_armed_again_before_a_person_says_so(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await until_bodies(room, 5)
        engine = room.theatre.engine
        await room.theatre.until(lambda: engine.state is State.RUNNING, 60.0)
        room.face.answers[Kind.TRY_AGAIN] = lambda _: ""
        engine.finish(Act.PAUSE, "nobody listens any more")
        assert await work == "measured"
        paused = [each for each in room.face.asked if each.text == "The strokes were paused."]
        assert [each.kind for each in paused] == [Kind.TRY_AGAIN]
        true_masses_are_told(room, 90.0)
        room.theatre.check()


async def test_a_weighing_is_taken_again_with_its_reason_and_stays(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:

        def at(step: Step) -> None:
            if burst_of(step) and isinstance(step, Weigh) and step.place == 1 and not discards():
                room.face.wishes.put_nowait(Wish.REDO)

        def discards() -> list[CalibrationDiscarded]:
            return [each for each in room.bodies if isinstance(each, CalibrationDiscarded)]

        room.face.on_step = at
        assert await room.calibrate() == "measured"
        (discarded,) = discards()
        assert (discarded.series, discarded.place) == (0, 0)
        assert discarded.reason == "a drop stayed at the needle"
        result = outcome_of(room.book)
        assert isinstance(result, DoseOutcome)
        attempts = result.weighed[0].series.replicates[0].attempts
        assert [each.discarded_because for each in attempts] == [discarded.reason, None]


async def test_the_weighing_under_way_is_read_and_then_taken_again(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await until_bodies(room, 5)
        await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 60.0)
        room.face.wishes.put_nowait(Wish.REDO)
        assert await work == "measured"
        assert "The burst that is under way ends first." in room.face.told
        weighed, discarded = room.bodies[5:7]
        assert isinstance(weighed, CalibrationWeighed)
        assert isinstance(discarded, CalibrationDiscarded)
        assert weighed.steps > 0
        assert "a drop stayed at the needle" in discarded.reason


async def test_nothing_is_redone_without_a_reason_or_before_there_is_a_reading(
    tmp_path: Path,
) -> None:
    async with workshop(tmp_path) as room:
        room.face.wishes.put_nowait(Wish.REDO)
        work = room.begin()
        await until_bodies(room, 6)
        room.face.answers[Kind.REASON] = lambda _: ""
        room.face.wishes.put_nowait(Wish.REDO)
        assert await work == "measured"
        assert not [each for each in room.bodies if isinstance(each, CalibrationDiscarded)]
        assert any(each.startswith("E7083 Nothing was measured yet.") for each in room.face.told)


@pytest.mark.parametrize("bodies", [0, 3, 9])
async def test_it_is_given_up_anywhere_and_says_why(tmp_path: Path, bodies: int) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await until_bodies(room, bodies)
        await advance(2.5)
        room.face.answers[Kind.REASON] = lambda _: "a patient waits"
        room.face.wishes.put_nowait(Wish.ABORT)
        assert await work == "aborted"
        closed = room.book.closed
        assert closed is not None
        assert (closed.outcome, closed.reason) == ("aborted", "a patient waits")
        assert not room.theatre.stage.moves
        room.theatre.check()


async def test_giving_up_in_a_burst_stops_the_pen_first(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await room.theatre.until(
            lambda: (
                bool(room.face.shown)
                and burst_of(room.face.shown[-1])
                and room.theatre.engine.state is State.RUNNING
            ),
            600.0,
        )
        room.face.wishes.put_nowait(Wish.ABORT)
        assert await work == "aborted"
        assert room.theatre.engine.state is State.CLOSED
        arm = room.theatre.engine.books.ledger.of_session(room.book.session_id)[-1]
        assert arm.closed is not None
        assert arm.closed.end_reason == "stop"
        room.theatre.check()


async def test_no_reason_and_the_calibration_goes_on(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin()
        await until_bodies(room, 4)
        room.face.answers[Kind.REASON] = lambda _: ""
        room.face.wishes.put_nowait(Wish.ABORT)
        assert await work == "measured"


async def test_typed_readings_are_marked(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        room.typed = True
        room.face.answers[Kind.GO_ON] = lambda question: _with_weight(room, question.text)
        assert await room.calibrate() == "measured"
        assert {each.typed for each in room.weighed()} == {True}
        checked = room.bodies[0]
        assert isinstance(checked, CalibrationBalanceChecked)
        assert checked.typed
        result = outcome_of(room.book)
        assert isinstance(result, DoseOutcome)
        assert all(each.typed for each in result.weighed)
        true_masses_are_told(room, 90.0)


def _with_weight(room: Workshop, what: str) -> str:
    weights = {"Put": 20_000_000, "Take": 0}
    room.sim.balance.weights_ug = next(
        (mass for word, mass in weights.items() if what.startswith(word)),
        room.sim.balance.weights_ug,
    )
    return ""


async def test_what_was_typed_wrongly_is_asked_again(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        rooms = iter(["20", "20 20 101300 50", "2o 20 1013 50", *["20 20 1013 50"] * 20])
        room.face.answers[Kind.ROOM] = lambda _: next(rooms)
        work = room.begin()
        await until_bodies(room, 3)
        assert isinstance(room.bodies[1], CalibrationPrimed)
        assert isinstance(room.bodies[2], CalibrationRoom)
        told = [each.splitlines()[0] for each in room.face.told if each.startswith("E7081")]
        assert told == [
            "E7081 1 numbers were typed instead of four.",
            "E7081 101300 hPa for the air pressure cannot be; it lies between 500 and 1100 hPa.",
            "E7081 '2o' is no number.",
        ]
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_room_that_the_method_forbids_is_told_and_read_again(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        rooms = iter(["20 20 1013 30", *["20 20 1013 50"] * 20])
        room.face.answers[Kind.ROOM] = lambda _: next(rooms)
        work = room.begin()
        await until_bodies(room, 3)
        assert any(each.startswith("E7001") for each in room.face.told)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_draught_is_waited_out(tmp_path: Path) -> None:
    pen = pen_on_bench(msgspec.structs.replace(BALANCE, draught_h=60.0, draught_us=4 * S))
    async with workshop(tmp_path, pen) as room:
        room.face.answers[Kind.TRY_AGAIN] = lambda _: ""
        assert await room.calibrate() == "measured"
        unstable = [each for each in room.face.heard if not getattr(each, "stable", True)]
        assert len(unstable) > 50
        true_masses_are_told(room, 150.0)


async def test_a_balance_that_was_switched_off_between_makes_no_mass(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        room.face.answers[Kind.TRY_AGAIN] = lambda _: ""
        work = room.begin()
        await until_bodies(room, 5)
        await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 60.0)
        room.cable.hang_up("the adapter was pulled")
        room.sim.balance.tare()
        assert await work == "measured"
        discarded = [each for each in room.bodies if isinstance(each, CalibrationDiscarded)]
        assert len(discarded) == 1
        assert "went away" in discarded[0].reason
        true_masses_are_told(room, 90.0)


async def test_a_charge_that_leaks_away_is_waited_out(tmp_path: Path) -> None:
    async with workshop(tmp_path) as room:
        room.face.answers[Kind.TRY_AGAIN] = lambda _: ""
        work = room.begin()
        for _ in range(4):
            await room.theatre.until(lambda: room.theatre.engine.state is State.RUNNING, 600.0)
            await room.theatre.until(lambda: room.theatre.engine.state is State.READY, 600.0)
            await advance(2.0)
            room.sim.balance.charge(5_000.0)
        assert await work == "measured"
        assert any("static" in each for each in room.face.told)
        true_masses_are_told(room, 200.0)


@pytest.mark.parametrize("after_ms", [0, 1, 5, 20, 60, 150])
async def test_giving_up_while_an_arm_opens_leaves_none_open(tmp_path: Path, after_ms: int) -> None:
    async with workshop(tmp_path) as room:
        work = room.begin("cadence")
        await room.theatre.until(lambda: bool(room.face.shown), 60.0)
        await advance(after_ms / 1_000)
        room.face.wishes.put_nowait(Wish.ABORT)
        assert await work == "aborted"
        assert not room.theatre.engine.arm_is_open
        assert not room.theatre.stage.moves
        room.theatre.check()
