"""A technician's arms in the whole chain: bursts and priming off the skin, inside a calibration."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from controller.pen.identity import text_of
from controller.record.calibration_events import CalibrationOpened
from controller.record.events import Actor, hex_id
from controller.session.act_errors import NoSession, NotAllowed, NotForBench
from controller.session.states import State, WrongState
from protocol.messages import StrokeSettings
from protocol.words import Mode
from tests.support.bills import dosing, pen_for
from tests.support.theatre import Theatre

TECHNICIAN = Actor(name="program", role="program")
STEP_PL = 2_711
PLAN = dosing(2, 2)
BURST = StrokeSettings(Mode.BENCH, 1_000, 200_000, 369, 0)


async def begun(theatre: Theatre) -> None:
    await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
    pen = theatre.bench.pen
    opened = CalibrationOpened(
        procedure="dose",
        pen_uid=hex_id(pen.uid),
        model=text_of(pen.identity.model),
        firmware=text_of(pen.identity.firmware),
        cartridge_type=1,
        pump_head="built in",
        certificate_id=hex_id(pen.identity.certificate_id),
        terms={},
        actor=TECHNICIAN,
    )
    await theatre.bench.open("cal-1", opened)


async def test_a_burst_gives_its_steps_and_every_stroke_is_told(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await begun(theatre)
        primed = await theatre.bench.prime(400, STEP_PL, TECHNICIAN)
        assert primed.steps == 400 + theatre.bench.pen.envelope.preload_steps
        ran = await theatre.bench.stroke(BURST, 10, STEP_PL, TECHNICIAN)
        assert (ran.punctures, ran.steps, ran.is_proven) == (10, 3_690, True)
        assert [each.kind for each in ran.strokes] == ["bench"] * 10
        assert theatre.stage.truth.so_far().forward_steps == 3_690
        assert theatre.bench.ran(ran.arm_id) == ran
        await theatre.bench.close("aborted", "enough seen", {}, TECHNICIAN)
        assert theatre.engine.state is State.CLOSED
        theatre.check()


async def test_a_stop_in_a_burst_leaves_it_short_and_that_is_said(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await begun(theatre)
        work = asyncio.create_task(theatre.bench.stroke(BURST, 20, STEP_PL, TECHNICIAN))
        await theatre.until(lambda: theatre.stage.truth.so_far().punctures == 3)
        theatre.service.stop("key")
        ran = await work
        assert 0 < ran.punctures < 20
        assert ran.steps == theatre.stage.truth.so_far().forward_steps < 20 * 369
        assert ran.end_reason == "stop"
        assert theatre.engine.state is State.LATCHED
        with pytest.raises(WrongState):
            await theatre.bench.stroke(BURST, 1, STEP_PL, TECHNICIAN)
        await theatre.acts.clear(TECHNICIAN)
        assert (await theatre.bench.stroke(BURST, 2, STEP_PL, TECHNICIAN)).steps == 2 * 369
        theatre.check()


async def test_bench_and_patient_never_meet(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await begun(theatre)
        with pytest.raises(WrongState):
            await theatre.begin(PLAN)
        with pytest.raises(NoSession):
            await theatre.acts.treat(TECHNICIAN)
        await theatre.bench.close("aborted", "a patient waits", {}, TECHNICIAN)
        await theatre.begin(PLAN)
        with pytest.raises(WrongState):
            await begun(theatre)
        with pytest.raises(NoSession):
            await theatre.bench.stroke(BURST, 10, STEP_PL, TECHNICIAN)


async def test_an_operator_may_not_calibrate(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await begun(theatre)
        await theatre.bench.close("aborted", "-", {}, TECHNICIAN)
        opened = theatre.engine.books.calibrations["cal-1"].opened
        another = opened.model_copy(update={"actor": Actor(name="o", role="operator")})
        with pytest.raises(NotAllowed):
            await theatre.bench.open("cal-2", another)


async def test_a_killed_service_finds_the_calibration_open_and_the_burst_counted(
    tmp_path: Path,
) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await begun(theatre)
        await theatre.bench.prime(400, STEP_PL, TECHNICIAN)
        ran = await theatre.bench.stroke(BURST, 3, STEP_PL, TECHNICIAN)
        await theatre.crash()
        await theatre.start()
        await theatre.engine.changes.until(lambda: theatre.engine.reconciled)
        assert theatre.bench.book.session_id == "cal-1"
        assert theatre.bench.ran(ran.arm_id) == ran
        theatre.check()


async def test_another_pen_is_not_moved_for_this_calibration(tmp_path: Path) -> None:
    async with Theatre(tmp_path / "j", pen_for(PLAN)) as theatre:
        await begun(theatre)
        theatre.plug_in_other(pen_for(PLAN), seed=2)
        await theatre.until(lambda: theatre.engine.pen is None)
        await theatre.until(lambda: theatre.engine.reconciled)
        bench = theatre.bench
        assert hex_id(bench.pen.uid) == theatre.stage.uid != bench.book.opened.pen_uid
        for work in (
            partial(bench.stroke, BURST, 1, STEP_PL, TECHNICIAN),
            partial(bench.prime, 10, STEP_PL, TECHNICIAN),
            partial(bench.place, 500, 1_000_000),
        ):
            with pytest.raises(NotForBench):
                await work()
        assert theatre.stage.world.mechanism.oracle.totals.forward_steps == 0
