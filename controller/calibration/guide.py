"""Leads a person through a calibration: the next step, done, recorded; and again until the end.

Where it stands is always read from the calibration's book, so a power cut, a pulled cable and a
step that was broken off all go on at the same reading. What the person wishes meanwhile is granted
once the pen rests: a burst that is under way ends first, or is stopped for an abort.
"""

import asyncio
from typing import Any

from controller.calibration.cycle import Cycle
from controller.calibration.face import (
    Face,
    Kind,
    NotUnderstood,
    Question,
    Wish,
    micrometres,
    room_of,
    tachometer_mhz,
)
from controller.calibration.procedure.folding import procedure_of
from controller.calibration.procedure.steps import (
    CheckBalance,
    Finish,
    PrimePen,
    ReadRoom,
    RunCadence,
    Step,
    Touch,
    Weigh,
)
from controller.calibration.rig import Rig
from controller.calibration.taking_back import taking_back
from controller.errors import CalibrationError, JournalError, MicropenError
from controller.record.calibration_events import (
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationRun,
    CalibrationTouched,
)
from controller.record.events import Body
from protocol.messages import StrokeSettings
from protocol.words import Mode

OPENS_WITHIN_S = 0.1
TOUCH_DWELL_US = 8_000_000
TOUCH_PERIOD_US = 10_000_000
"""The needle stays out for 8 s, in which an indicator can be read; the wire's bound is 10 s."""


class Guide:
    """One calibration that is open, from where its book stands to its end."""

    def __init__(self, rig: Rig, face: Face, cycle: Cycle) -> None:
        self._rig = rig
        self._face = face
        self._cycle = cycle
        self._bench = rig.bench
        self._wishing: asyncio.Task[Wish] | None = None

    async def run(self) -> str:
        """Until the calibration is closed; how it was closed: measured, refused or aborted.

        Raises what only work on pen, journal or setup can mend; the calibration stays open then.
        """
        try:
            while True:
                step = procedure_of(self._bench.book).next_step()
                self._face.show(step)
                outcome = await self._with_wishes(step)
                if outcome is not None:
                    return outcome
        finally:
            await _end(self._wishing)

    # --- what the person wishes ---------------------------------------------------------------

    async def _with_wishes(self, step: Step) -> str | None:
        if self._wishing is None:
            self._wishing = asyncio.create_task(self._face.wish(), name="wish")
        work = asyncio.create_task(self._do(step), name="step")
        try:
            await asyncio.wait({work, self._wishing}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            wish, self._wishing = self._wishing.result(), None
            return await self._grant(wish, step, work)
        finally:
            await _end(work)

    async def _grant(self, wish: Wish, step: Step, work: "asyncio.Task[str | None]") -> str | None:
        rig = self._rig
        if wish is Wish.ABORT:
            self._stop_if_armed()
        elif rig.engine.arm_is_open:
            self._face.tell("The burst that is under way ends first.")
        await _end(work)
        # An arm that was on its way already opens all the same, a turn of the loop later.
        await rig.engine.changes.until(lambda: False, OPENS_WITHIN_S)
        if wish is Wish.ABORT:
            self._stop_if_armed()
        await rig.at_rest()
        if wish is Wish.ABORT:
            return await self._abort()
        if wish is Wish.REDO:
            await self._redo(step)
        else:
            self._cycle.vessel_moved("the vessel was moved")
            self._face.tell("The vessel is weighed again before the next dose.")
        return None

    def _stop_if_armed(self) -> None:
        if self._rig.engine.arm_is_open:
            self._rig.stop("the technician gives the calibration up")

    async def _abort(self) -> str | None:
        reason = await self._reason("Why is the calibration given up?")
        if not reason:
            return None
        try:
            await self._bench.close("aborted", reason, {}, self._rig.actor)
        except JournalError:
            raise
        except MicropenError as error:
            self._face.tell(str(error))
            return None
        return "aborted"

    async def _redo(self, step: Step) -> None:
        reason = await self._reason("Why is it taken again?")
        if not reason:
            return
        if isinstance(step, Weigh) and self._rig.unread("bench"):
            self._cycle.vessel_moved(reason)
            self._face.tell("The weighing under way is read and then taken again.")
            return
        try:
            await self._record(taking_back(self._bench.book, reason, self._rig.actor))
        except CalibrationError as error:
            self._face.tell(str(error))

    async def _reason(self, text: str) -> str:
        question = Question(Kind.REASON, f"{text} (ENTER alone: nothing happens)", "a few words")
        return (await self._face.ask(question)).strip()

    # --- the steps ----------------------------------------------------------------------------

    async def _do(self, step: Step) -> str | None:
        try:
            return await self._done(step)
        except CalibrationError as error:
            await self._face.ask(Question(Kind.TRY_AGAIN, str(error)))
            return None

    async def _done(self, step: Step) -> str | None:
        match step:
            case CheckBalance():
                await self._record(await self._cycle.check(step))
            case ReadRoom():
                await self._read_room(step)
            case PrimePen():
                await self._prime(step)
            case Weigh():
                await self._record(*await self._cycle.weigh(step))
            case Touch():
                await self._touch(step)
            case RunCadence():
                await self._run_cadence(step)
            case Finish():
                return await self._finish(step)
        return None

    async def _record(self, *bodies: Body) -> None:
        """Make readings durable, also when the step is broken off meanwhile. Raises as `check`."""
        procedure = procedure_of(self._bench.book)
        for body in bodies:
            procedure.apply(body)
        recording = asyncio.create_task(self._bench.record(*bodies), name="record")
        try:
            await asyncio.shield(recording)
        except asyncio.CancelledError:
            await asyncio.wait({recording})
            raise

    async def _read_room(self, step: ReadRoom) -> None:
        question = Question(
            Kind.ROOM, "Liquid C, air C, air pressure hPa, humidity %:", "21.4 22.1 1012.4 52"
        )
        while True:
            try:
                room = room_of(await self._face.ask(question))
                body = CalibrationRoom(
                    series=step.series,
                    at=step.at,
                    liquid_mdegc=room.liquid_mdegc,
                    air_mdegc=room.air_mdegc,
                    pressure_pa=room.pressure_pa,
                    humidity_permille=room.humidity_permille,
                    actor=self._rig.actor,
                )
                await self._record(body)
                return
            except CalibrationError as error:
                self._face.tell(str(error))

    async def _prime(self, step: PrimePen) -> None:
        if step.fill and not self._rig.unread("prime"):
            await self._face.ask(Question(Kind.GO_ON, "The syringe is filled and has no air."))
        arms = await self._rig.prime(step.steps, step.picolitres_a_step)
        body = CalibrationPrimed(
            series=step.series,
            steps=sum(each.steps for each in arms),
            arm_ids=tuple(each.arm_id for each in arms),
            filled=step.fill,
            actor=self._rig.actor,
        )
        await self._record(body)

    async def _touch(self, step: Touch) -> None:
        rig = self._rig
        stroke = StrokeSettings(Mode.BENCH, step.set_um, TOUCH_PERIOD_US, 0, TOUCH_DWELL_US)
        text = "What does the indicator show? (ENTER alone: the needle comes out again)"
        measured_um: int | None = None
        while measured_um is None:
            await rig.place(step.from_um, TOUCH_PERIOD_US)
            await rig.place(step.set_um, TOUCH_PERIOD_US)
            await rig.run(stroke, 1)
            try:
                told = await self._face.ask(Question(Kind.INDICATOR, text, "1.023 mm"))
                measured_um = micrometres(told) if told.strip() else None
            except NotUnderstood as error:
                self._face.tell(str(error))
        body = CalibrationTouched(
            place=step.place,
            from_um=step.from_um,
            set_um=step.set_um,
            measured_um=measured_um,
            typed=True,
            actor=rig.actor,
        )
        await self._record(body)

    async def _run_cadence(self, step: RunCadence) -> None:
        ran = await self._rig.run(step.settings, step.strokes)
        tachometer = await self._tachometer() if step.with_tachometer else None
        body = CalibrationRun(
            series=step.series,
            stroke_period_us=step.settings.stroke_period_us,
            ticks_us=tuple(each.pen_ticks for each in ran.strokes),
            arm_ids=(ran.arm_id,),
            tachometer_mhz=None if tachometer is None else tachometer[0],
            tachometer_expanded_mhz=None if tachometer is None else tachometer[1],
            actor=self._rig.actor,
        )
        await self._record(body)

    async def _tachometer(self) -> tuple[int, int] | None:
        text = "Tachometer: cadence Hz and its uncertainty Hz (k = 2); - for none:"
        while True:
            try:
                return tachometer_mhz(
                    await self._face.ask(Question(Kind.TACHOMETER, text, "99.74 0.10"))
                )
            except NotUnderstood as error:
                self._face.tell(str(error))

    async def _finish(self, step: Finish) -> str:
        if step.outcome == "refused":
            text = "It is closed as refused; or take the last reading again."
            await self._face.ask(Question(Kind.GO_ON, f"{step.reason} {text}"))
        await self._rig.at_rest()
        await self._bench.close(step.outcome, step.reason, step.result, self._rig.actor)
        return step.outcome


async def _end(task: "asyncio.Task[Any] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
