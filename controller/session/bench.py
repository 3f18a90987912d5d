"""A technician's arms: bursts, single strokes and priming off the skin, never inside a session.

The same grants, lease, counters and record as a patient's (C12); an arm is not bound by a
certificate, because what it moves is what a certificate is made from. What was measured is recorded
here too, in the calibration that is open.
"""

from typing import Literal

import msgspec

from controller.errors import JournalError
from controller.pen.driver import Pen
from controller.record.calibration_events import CalibrationClosed, CalibrationOpened
from controller.record.events import Actor, Body, Stroke, hex_id
from controller.session import arming
from controller.session.act_errors import DosingBlocked, NoSession, NotAllowed, NotFit, NotForBench
from controller.session.acting import Acting
from controller.session.allowance import Allowance
from controller.session.books import CalibrationBook
from controller.session.interlocks import check_host_power
from controller.session.ledger import Interval
from controller.session.states import Act, after
from protocol.limits import SLICE_US
from protocol.messages import Cartridge, StrokeSettings
from protocol.words import Mode, StatusFlag

MAY_CALIBRATE = ("technician", "administrator", "program")
MOST_PUNCTURES = 10_000
"""Of one bench arm: as many as a certificate holds for (domain.md 4.5)."""


class Ran(msgspec.Struct, frozen=True):
    """One bench arm that has ended: what the pen's own final record and events say of it.

    is_proven: the pen's record proves all that it reserved; otherwise `steps` are the fewest.
    """

    arm_id: int
    punctures: int
    steps: int
    is_proven: bool
    end_reason: str
    strokes: tuple[Stroke, ...]


class Bench:
    """The technician's side of an engine."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting
        self._engine = acting.engine

    @property
    def book(self) -> CalibrationBook:
        """The open calibration. Raises NoSession."""
        if not isinstance(self._engine.book, CalibrationBook):
            raise NoSession("No calibration is open.")
        return self._engine.book

    @property
    def pen(self) -> Pen:
        """The linked pen. Raises NoPen."""
        return self._acting.linked()

    # --- the calibration's own record --------------------------------------------------------

    async def open(self, calibration_id: str, opened: CalibrationOpened) -> None:
        """Begin a calibration of the linked pen.

        Raises NotAllowed, NoPen, NotForBench for another pen, WrongState while a session or
        another calibration is open.
        """
        engine = self._engine
        async with self._acting.one_at_a_time:
            if opened.actor.role not in MAY_CALIBRATE:
                raise NotAllowed(f"'{opened.actor.role}' may not calibrate a pen.")
            after(engine.state, Act.OPEN)
            if hex_id(self.pen.uid) != opened.pen_uid:
                raise NotForBench(f"Pen {opened.pen_uid} is not the one that is connected.")
            wall = engine.clock.now_wall().isoformat()
            engine.book = CalibrationBook(calibration_id, opened, wall)
            try:
                await engine.move(Act.OPEN, opened, actor=opened.actor)
            except JournalError:
                engine.book = None
                raise
            engine.book = engine.books.calibrations[calibration_id]

    async def record(self, *bodies: Body) -> None:
        """Make readings durable; only then do they count. Raises NoSession, JournalError."""
        _ = self.book
        await self._engine.commit(*bodies)

    async def close(
        self,
        outcome: Literal["measured", "refused", "aborted"],
        reason: str,
        result: dict[str, object],
        actor: Actor,
    ) -> None:
        """End the calibration. Raises WrongState while an arm is under way, DosingBlocked."""
        engine = self._engine
        async with self._acting.one_at_a_time:
            after(engine.state, Act.CLOSE)
            for arm in engine.books.ledger.of_session(self.book.session_id):
                if arm.is_open:
                    raise DosingBlocked(f"Arm {arm.opened.arm_id} is still open; seal it first.")
            closed = CalibrationClosed(outcome=outcome, reason=reason, result=result, actor=actor)
            await engine.move(Act.CLOSE, *engine.alarms.on_close(), closed, actor=actor)
            engine.book = None

    # --- arms ------------------------------------------------------------------------------

    async def place(self, protrusion_um: int, stroke_period_us: int) -> None:
        """Let the depth axis come to a protrusion and rest there; the needle stays in.

        Raises PenRefused, LinkError, NoPen, NotForBench for another pen.
        """
        async with self._acting.one_at_a_time:
            pen = self.pen
            self._check_same(pen)
            settings = StrokeSettings(Mode.BENCH, protrusion_um, stroke_period_us, 0, 0)
            await arming.configure(pen, settings)

    async def stroke(
        self, settings: StrokeSettings, punctures: int, picolitres_a_step: int, actor: Actor
    ) -> Ran:
        """Arm for so many bench strokes and wait for the pen's final record of them.

        The trigger starts them, off the skin. `picolitres_a_step` is what is assumed until the
        calibration says better; it books the volume. Raises NotForBench, what `Opener.open`
        raises, and DosingBlocked when the pen was lost meanwhile; `ran` tells the arm once it is
        back.
        """
        if settings.mode is not Mode.BENCH or not 0 < punctures <= MOST_PUNCTURES:
            raise NotForBench(f"{punctures} strokes in mode {settings.mode.name} are no burst.")
        allowance = Allowance(punctures, punctures * settings.steps, "plan")
        request = arming.Request("bench", None, settings, allowance, picolitres_a_step)
        return await self._run(request, actor)

    async def prime(self, steps: int, picolitres_a_step: int, actor: Actor) -> Ran:
        """Arm for priming by `steps`, after the preload that the pen must make. As `stroke`."""
        _ = self.book
        envelope = self.pen.envelope
        preloaded = bool(self.pen.status.flags & StatusFlag.PRELOADED)
        wanted = steps + (0 if preloaded else envelope.preload_steps)
        slices, a_slice = arming.equal_slices(envelope, max(1, wanted))
        settings = StrokeSettings(Mode.PRIME, 0, SLICE_US, a_slice, 0)
        allowance = Allowance(0, a_slice * slices, "plan")
        request = arming.Request("prime", None, settings, allowance, picolitres_a_step)
        return await self._run(request, actor)

    def ran(self, arm_id: int) -> Ran | None:
        """An arm of the open calibration that has its final record; None while it has none."""
        for interval in self._engine.books.ledger.of_session(self.book.session_id):
            if interval.opened.arm_id == arm_id and not interval.is_open:
                return self._ran(interval)
        return None

    async def _run(self, request: arming.Request, actor: Actor) -> Ran:
        engine = self._engine
        book = self.book
        before = {each.opened.arm_id for each in engine.books.ledger.of_session(book.session_id)}
        async with self._acting.arming(actor) as pen:
            await self._acting.opener.open(pen, request, actor, self._check_fit)
        await engine.changes.until(lambda: not engine.arm_is_open)
        arms = engine.books.ledger.of_session(book.session_id)
        interval = next(each for each in arms if each.opened.arm_id not in before)
        if interval.is_open:
            raise DosingBlocked(f"Arm {interval.opened.arm_id} has no final record yet.")
        return self._ran(interval)

    def _ran(self, interval: Interval) -> Ran:
        closed, done = interval.closed, interval.certain
        return Ran(
            arm_id=interval.opened.arm_id,
            punctures=done.punctures,
            steps=done.forward_steps,
            is_proven=interval.certain == interval.possible,
            end_reason="" if closed is None else closed.end_reason,
            strokes=tuple(self.book.strokes.get(interval.opened.arm_id, ())),
        )

    def _check_same(self, pen: Pen) -> None:
        if hex_id(pen.uid) != self.book.opened.pen_uid:
            raise NotForBench(f"Pen {hex_id(pen.uid)} is not the one that is calibrated.")

    def _check_fit(self, pen: Pen, fitted: Cartridge) -> None:
        self._check_same(pen)
        if not fitted.present:
            raise NotFit("No cartridge is fitted.")
        for finding in check_host_power(self._engine.host_under_voltage()):
            raise NotFit(finding.sentence)
