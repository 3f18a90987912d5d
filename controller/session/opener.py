"""Opens one arm: prepare, record, ask the pen, drive (C4). The order is the point.

The arm and its first ceilings are durable before ARM's first byte, and whatever comes between -
a stop, the loss of the pen, a refusal - ends it by its own id.
"""

import asyncio
from collections.abc import Callable

from controller.errors import LinkError, LinkLost, MicropenError, PenRefused
from controller.pen.driver import Pen
from controller.record.events import Actor
from controller.session import arming
from controller.session.act_errors import refused_by_pen
from controller.session.amounts import NegativeDifference, wire_counters
from controller.session.drive import Drive
from controller.session.engine import Engine
from controller.session.fitness import next_arm_id
from controller.session.ledger import Interval
from controller.session.states import Act, State, after
from protocol.messages import Cartridge
from protocol.words import Result

Fit = Callable[[Pen, Cartridge], None]
"""Raises NotFit unless pen, cartridge and room are fit for what the arm is wanted for."""


class Opener:
    """Opens arms for an engine, one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._opening: set[asyncio.Task[None]] = set()

    async def adopt_foreign(self) -> None:
        """Book what the pen did since the last arm; raises as `Recovery.adopt_foreign` does."""
        engine = self._engine
        if engine.recovery is None:
            return
        try:
            await engine.recovery.adopt_foreign()
        except NegativeDifference as error:
            engine.contradicted(error.what)
            raise

    async def open(self, pen: Pen, request: arming.Request, actor: Actor, check: Fit) -> None:
        """Open one arm and let it be driven, unless `check` refuses the fitted cartridge.

        Raises what `check` raises, DosingBlocked, PenRefused, LinkError, JournalError or
        WrongState; whatever is raised, no arm is left behind without its end.
        """
        engine, stops = self._engine, self._engine.stops.count
        fitted = await pen.cartridge()
        check(pen, fitted)
        digest = await arming.configure(pen, request.settings)
        if engine.state is not State.READY:
            after(engine.state, Act.ARM)
        self._check_unchanged(pen, stops)
        arm_id = next_arm_id(engine, pen)
        prepared = arming.prepare(pen, arm_id, request, digest, fitted, actor)
        # From the commit on this must come to its end, also when whoever asked goes away.
        opening = asyncio.create_task(self._open_arm(pen, prepared, stops))
        self._opening.add(opening)
        opening.add_done_callback(self._opened)
        await asyncio.shield(opening)

    def _check_unchanged(self, pen: Pen, stops: int) -> None:
        if self._engine.stops.count != stops:
            raise PenRefused("ARM was not sent: a stop came first.", result=Result.STOP_LATCHED)
        if self._engine.pen is not pen:
            raise LinkLost("The pen was lost while it was prepared.")

    def _is_arming(self, pen: Pen) -> bool:
        return self._engine.pen is pen and self._engine.state is State.ARMING

    def _opened(self, opening: "asyncio.Task[None]") -> None:
        self._opening.discard(opening)
        error = None if opening.cancelled() else opening.exception()
        # A refusal is on record, also when whoever asked has gone away; anything else is not.
        if error is not None and not isinstance(error, MicropenError):
            self._engine.on_defect(error)

    async def _open_arm(self, pen: Pen, prepared: arming.Prepared, stops: int) -> None:
        engine, opened = self._engine, prepared.opened
        # A task starts a turn of the loop later: what was true when it was made may be over.
        self._check_unchanged(pen, stops)
        await engine.move(Act.ARM, opened, prepared.first_grant, actor=opened.actor)
        interval = engine.books.ledger.intervals[(opened.pen_uid, opened.arm_id)]
        try:
            ticks = await self._ask_pen(pen, interval)
        except LinkError as error:
            if self._is_arming(pen):
                engine.finish(Act.REFUSED, error.what, interval=interval)
            raise
        if engine.intake is None or not self._is_arming(pen):
            raise LinkLost("The pen was lost while it was armed.")
        if engine.stops.count != stops:
            engine.finish(Act.REFUSED, "stopped while arming", interval=interval)
            raise PenRefused("The arm was stopped as it opened.", result=Result.STOP_LATCHED)
        engine.armed(
            Drive(pen, interval, engine.intake, prepared.allowance, engine.complete), ticks
        )

    async def _ask_pen(self, pen: Pen, interval: Interval) -> int:
        """Ask for the arm; returns the pen's tick at which it was open."""
        engine, opened = self._engine, interval.opened
        reply = await pen.arm(
            opened.arm_id,
            opened.settings_digest,
            int(opened.cartridge_uid, 16),
            int(opened.certificate_id, 16),
            wire_counters(opened.first),
            pen.last_stop_id,
        )
        if reply.result is not Result.OK:
            if self._is_arming(pen):
                engine.finish(Act.REFUSED, reply.result.name.lower(), interval=interval)
            raise refused_by_pen("ARM", reply.result)
        return reply.status.pen_ticks
