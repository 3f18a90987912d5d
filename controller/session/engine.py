"""The session engine: the only writer of session state.

The operator's acts (`acts.py`) and the pen's word (`PenListener` calls) meet here; both end in
committed entries. STOP is not an act: it waits for nothing and is recorded afterwards.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from controller.clock import Clock
from controller.errors import LinkError, MicropenError, PenError
from controller.pen.driver import Pen
from controller.pen.identity import Realm, require_realm
from controller.pen.strokes import PenStroke
from controller.record.events import (
    Actor,
    AlarmCleared,
    AlarmRaised,
    Body,
    HealthSeen,
    LinkLost,
    StateChanged,
    StopConfirmed,
    StopSent,
    hex_id,
)
from controller.session.alarms import AlarmBoard, raised, raised_fault
from controller.session.amounts import NegativeDifference, counter_set
from controller.session.books import Books, SessionBook
from controller.session.changes import Changes
from controller.session.closing import RecordNotFinal, RecordUnusable
from controller.session.drive import Drive
from controller.session.ending import end_arm
from controller.session.intake import Intake
from controller.session.ledger import Interval
from controller.session.recorder import Recorder, Writer
from controller.session.recovery import Recovery
from controller.session.states import Act, State, after
from controller.session.watch import Watch
from protocol.faults import describe_fault
from protocol.messages import Health, Status, Stopped
from protocol.words import StatusFlag

HEALTH_EVERY_S = 5.0
BATTERY_LOW_PERCENT = 20
_ARM_OPEN = frozenset({State.ARMING, State.RUNNING, State.ENDING})

log = structlog.get_logger("session")


SendStop = Callable[[str], int]
"""Sends STOP at once, for a reason; callable from any thread; returns the stop id."""


class Engine:
    """State of one service: at most one open session, one linked pen, one arm."""

    def __init__(
        self, clock: Clock, books: Books, writer: Writer, send_stop: SendStop, realm: Realm
    ) -> None:
        self.clock = clock
        self.realm = realm
        self.books = books
        self.recorder = Recorder(writer, books, self._record_failed)
        self._send_stop = send_stop
        self.changes = Changes()
        self.alarms = AlarmBoard()
        self.book: SessionBook | None = books.open_session()
        self.state = State.NONE if self.book is None else self.book.state
        self.pen: Pen | None = None
        self.intake: Intake | None = None
        self.drive: Drive | None = None
        self.reconciled = False
        self.link_error: MicropenError | None = None
        self.on_record_failed: Callable[[Exception], None] = lambda _: None
        self._watch = Watch()
        self._tasks: set[asyncio.Task[None]] = set()
        self._armed_ticks = 0
        self._stops: dict[int, float] = {}
        self._health_mono_s = float("-inf")

    # --- state -----------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """The open session's id."""
        return None if self.book is None else self.book.session_id

    def transition(self, act: Act, *, actor: Actor | None = None, reason: str = "") -> StateChanged:
        """Move along the table and return the entry that says so. Raises WrongState."""
        before, self.state = self.state, after(self.state, act)
        zone = self.drive.interval.opened.zone if self.drive else None
        log.info("state", session=self.session_id, before=before, act=act, after=self.state)
        self.changes.notify()
        return StateChanged(
            before=before, act=act, after=self.state, zone=zone, actor=actor, reason=reason
        )

    def note(self, *bodies: Body) -> None:
        """Record bodies of the open session without waiting for the disk."""
        if bodies and self.recorder.accepts:
            self.recorder.submit(*bodies, session_id=self.session_id, pen_uid=self._uid())

    async def commit(self, *bodies: Body) -> None:
        """Record bodies of the open session and wait until they are booked."""
        await self.recorder.commit(*bodies, session_id=self.session_id, pen_uid=self._uid())
        self.changes.notify()

    def alarm(self, alarm: AlarmRaised) -> list[AlarmRaised]:
        """The entries that raise an alarm, none when it is up already."""
        return self.alarms.up(alarm)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run link-bound work; it is cancelled when the pen is lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def recover_state(self) -> list[Body]:
        """After a restart: what the last process left open. Returns the entries that say so."""
        if self.state not in _ARM_OPEN:
            return []
        changed = self.transition(Act.LOSE, reason="the service was restarted")
        return [changed, *self.alarm(raised("uncertain_delivery", "The service was restarted."))]

    async def shut_down(self) -> None:
        """Stop granting and end every task; a second call does nothing."""
        if self.drive is not None:
            self.drive.halt()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- stop ------------------------------------------------------------------------------

    def stop(self, reason: str, actor: Actor | None = None) -> int:
        """Stop the pen now. The bytes leave before anything else happens here."""
        stop_id = self._send_stop(reason)
        self.stop_was_sent(stop_id, reason, actor)
        return stop_id

    def stop_was_sent(self, stop_id: int, reason: str, actor: Actor | None = None) -> None:
        """Take note of a stop whose bytes another thread has sent already."""
        self._stops[stop_id] = self.clock.mono_s()
        if self.drive is not None:
            self.drive.halt()
        entry = StopSent(stop_id=hex_id(stop_id), reason=reason, actor=actor)
        self.note(entry, *self.alarm(raised("stop_latched", reason)))

    # --- the pen's word (PenListener) --------------------------------------------------------

    def pen_up(self, pen: Pen) -> None:
        """A handshake is complete; nothing may be armed until `Recovery` has run."""
        self.pen, self.reconciled, self.link_error = pen, False, None
        self._watch = Watch()
        self.intake = Intake(
            self.recorder, self.books.ledger, self.clock, pen.uid, pen.boot_id, self._committed
        )
        log.info("pen up", pen=hex_id(pen.uid), boot=pen.boot_id)
        self.spawn(self._reconcile(pen, self.intake))

    def pen_failed(self, error: MicropenError) -> None:
        """No link could be made; the line goes on trying."""
        self.link_error = error
        self.changes.notify()

    def pen_lost(self, pen: Pen, reason: str) -> None:
        """The link is gone: what is open stays open until the pen itself has been asked."""
        bodies: list[Body] = [LinkLost(pen_uid=hex_id(pen.uid), reason=reason)]
        if self.drive is not None:
            self.drive.halt()
        if self.intake is not None:
            self.intake.close()
        for task in self._tasks:
            task.cancel()
        if self.state in _ARM_OPEN:
            bodies.append(self.transition(Act.LOSE, reason=reason))
            bodies += self.alarm(raised("uncertain_delivery", reason))
        self.note(*bodies)
        self.pen, self.drive, self.reconciled = None, None, False
        log.warning("pen lost", pen=hex_id(pen.uid), reason=reason)
        self.changes.notify()

    def pen_status(self, pen: Pen, status: Status) -> None:
        """Check the pen against the books, and see whether it ended its arm."""
        interval = self.drive.interval if self.drive else None
        contradiction = self._watch.look(status, interval)
        if contradiction is not None:
            self._contradicted(contradiction)
        if status.fault:
            self.note(*self.alarm(raised_fault(describe_fault(status.fault))))
        if self.state is State.RUNNING and self._has_ended(status):
            self.finish(Act.PEN_ENDED, "the pen ended the arm")
        if self.drive is not None and self.drive.rests_below_ceiling(status):
            self.complete()
        if self.state is State.READY and self.reconciled and _is_latched(status):
            self.note(self.transition(Act.LATCH, reason="latched in the pen"))
        self.changes.notify()

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None:
        """Take gapless events in."""
        if self.intake is not None:
            self.intake.take(strokes)

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None:
        """Events that the ring no longer holds; counters and arm records still cover them."""
        log.warning("events missing", first_missing=first_missing, first_present=first_present)

    def pen_health(self, pen: Pen, health: Health) -> None:
        """Record housekeeping at a low rate."""
        now_mono_s = self.clock.mono_s()
        if now_mono_s - self._health_mono_s < HEALTH_EVERY_S:
            return
        self._health_mono_s = now_mono_s
        alarms: list[AlarmRaised] | list[AlarmCleared] = (
            self.alarm(raised("battery_low"))
            if health.battery_percent < BATTERY_LOW_PERCENT
            else self.alarms.down("battery-low")
        )
        self.note(_health_entry(pen, health), *alarms)

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None:
        """The pen echoed a stop; only the first echo of each stop is recorded."""
        sent_mono_s = self._stops.pop(stopped.stop_id, None)
        if sent_mono_s is None:
            return
        self.note(
            StopConfirmed(
                stop_id=hex_id(stopped.stop_id),
                latency_us=int((self.clock.mono_s() - sent_mono_s) * 1_000_000),
                counters=counter_set(stopped.status.counters),
            )
        )

    # --- one arm's life ----------------------------------------------------------------------

    def armed(self, drive: Drive, ticks: int) -> None:
        """The pen opened the arm at `ticks`: from here on it may be granted."""
        self._armed_ticks = ticks
        self.drive = drive
        self.note(self.transition(Act.ARMED))
        drive.start()

    def finish(
        self, act: Act, reason: str, *, actor: Actor | None = None, interval: Interval | None = None
    ) -> None:
        """Raise nothing more and fetch the pen's final record of the arm under way."""
        if self.drive is not None:
            interval = self.drive.interval
            if act in (Act.DONE, Act.PAUSE):
                self.drive.ease()
            else:
                self.drive.halt()
        self.note(self.transition(act, actor=actor, reason=reason))
        if interval is not None:
            self.spawn(end_arm(self, interval))

    def complete(self) -> None:
        """The drive has nothing left to grant and all of it is committed."""
        if self.state is State.RUNNING:
            self.finish(Act.DONE, "complete")

    def _has_ended(self, status: Status) -> bool:
        arm_id = self.drive.arm_id if self.drive else 0
        return status.pen_ticks > self._armed_ticks and status.arm_id != arm_id

    # --- inside ------------------------------------------------------------------------------

    def _uid(self) -> str | None:
        return None if self.pen is None else hex_id(self.pen.uid)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop(f"internal error: {error!r}")
            log.error("internal error", exc_info=error)

    def _committed(self) -> None:
        if self.drive is not None:
            self.drive.committed()
        elif self.pen is not None and self.intake is not None:
            self.pen.ack(self.intake.acked_index)
        self.changes.notify()

    def _contradicted(self, sentence: str) -> None:
        if "books-contradict-pen" not in self.alarms.active:
            self.note(*self.alarm(raised("books_contradict_pen", sentence)))
            self.stop(sentence)

    def _record_failed(self, error: Exception) -> None:
        self._send_stop("the record cannot be written")
        if self.drive is not None:
            self.drive.halt()
        log.error("record failed", error=str(error))
        self.on_record_failed(error)
        self.note(*self.alarm(raised("record_failed", str(error))))
        if self.pen is not None:
            self.pen.follow_strokes(self.intake.acked_index if self.intake else 0)
        self.changes.notify()

    async def _reconcile(self, pen: Pen, intake: Intake) -> None:
        recovery = Recovery(pen, intake, self.books.ledger, self.recorder, self.clock, self.changes)
        try:
            require_realm(pen.uid, self.realm)
            await recovery.run()
        except PenError as error:
            self.pen_failed(error)
        except (RecordUnusable, RecordNotFinal, NegativeDifference) as error:
            self._blocked(error)
        except LinkError as error:
            log.warning("reconcile interrupted", error=error.what)
        else:
            self._settled(pen)

    def _blocked(self, error: MicropenError) -> None:
        bodies: list[Body] = list(self.alarm(raised("books_contradict_pen", error.what)))
        if self.state in (State.READY, State.INTERRUPTED, State.LATCHED):
            bodies.append(self.transition(Act.BLOCK, reason=error.what))
        self.note(*bodies)
        self.link_error = error
        self.changes.notify()

    def _settled(self, pen: Pen) -> None:
        self.reconciled = True
        bodies: list[Body] = []
        if not self.books.ledger.open_intervals():
            bodies += self.alarms.down("uncertain-delivery")
            if self.state in (State.INTERRUPTED, State.BLOCKED):
                bodies.append(self.transition(Act.RECONCILE, reason="read from the pen"))
        if self.state is State.READY and _is_latched(pen.status):
            bodies.append(self.transition(Act.LATCH, reason="latched in the pen"))
        self.note(*bodies)
        self.changes.notify()


def _is_latched(status: Status) -> bool:
    return bool(status.fault or status.flags & StatusFlag.STOP_LATCHED)


def _health_entry(pen: Pen, health: Health) -> HealthSeen:
    return HealthSeen(
        pen_uid=hex_id(pen.uid),
        battery_mv=health.battery_mv,
        battery_percent=health.battery_percent,
        grip_temperature_dc=health.grip_temperature_dc,
        ring_used=health.ring_used,
        link_discards=health.discarded_frames,
    )
