"""The pen's word: what each push of the linked pen means for the session. Called on the loop."""

from collections.abc import Sequence

from controller.errors import MicropenError
from controller.pen.driver import Pen
from controller.pen.strokes import PenStroke
from controller.record.events import HealthSeen, hex_id
from controller.session.engine import Engine, shows_latch
from controller.session.states import Act, State
from controller.session.watch import Watch
from protocol.messages import Health, Status, Stopped

HEALTH_EVERY_S = 5.0


class Hearing:
    """The `PenListener` of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watch = Watch()
        self._health_mono_s = float("-inf")

    def pen_up(self, pen: Pen) -> None:
        """A link stands: recover first."""
        self._watch = Watch()
        self._engine.linked(pen)

    def pen_failed(self, error: MicropenError) -> None:
        """No link could be made; the line goes on trying."""
        self._engine.no_link(error)

    def pen_lost(self, pen: Pen, reason: str) -> None:
        """The link has ended."""
        self._engine.unlinked(pen, reason)

    def pen_status(self, pen: Pen, status: Status) -> None:
        """Check the pen against the books, and see whether it ended its arm."""
        engine = self._engine
        engine.looks += 1
        drive = engine.drive
        contradiction = self._watch.look(status, drive.interval if drive else None)
        if contradiction is not None:
            engine.contradicted(contradiction)
        engine.note(*engine.latch_alarms())
        if engine.state is State.RUNNING and engine.has_ended(status):
            engine.finish(Act.PEN_ENDED, "the pen ended the arm")
        if drive is not None and drive.rests_below_ceiling(status):
            engine.complete()
        if engine.state is State.READY and engine.reconciled and shows_latch(status):
            engine.note(engine.transition(Act.LATCH, reason="latched in the pen"))
        engine.changes.notify()

    def pen_strokes(self, pen: Pen, arm_id: int, strokes: Sequence[PenStroke]) -> None:
        """Take gapless events in."""
        engine = self._engine
        engine.seen.strokes(strokes, engine.clock.mono_s())
        if engine.intake is not None:
            engine.intake.take(strokes)
        if engine.drive is not None:
            engine.drive.awake()

    def pen_gap(self, pen: Pen, first_missing: int, first_present: int) -> None:
        """Events that the ring no longer holds; counters and arm records still cover them."""
        engine = self._engine
        if engine.intake is not None:
            engine.intake.skip_to(first_present)
        engine.log.warning("events lost", first_missing=first_missing, first_present=first_present)

    def pen_health(self, pen: Pen, health: Health) -> None:
        """Record housekeeping at a low rate, and free what the pen keeps for nothing."""
        engine = self._engine
        engine.seen.health = health
        self._repeat_ack(health)
        now_mono_s = engine.clock.mono_s()
        if now_mono_s - self._health_mono_s < HEALTH_EVERY_S:
            return
        self._health_mono_s = now_mono_s
        alarms = engine.alarms.on_battery(health.battery_percent)
        engine.note(_health_entry(pen, health), *alarms)

    def _repeat_ack(self, health: Health) -> None:
        # ACK is a datagram. From a pen at rest no event comes that would bring a later one, and a
        # ring that stays full refuses every arm, so no grant could bring it either.
        engine = self._engine
        is_granting = engine.drive is not None and engine.drive.is_granting
        if health.ring_used and not is_granting:
            engine.acknowledge()

    def pen_stopped(self, pen: Pen, stopped: Stopped) -> None:
        """The pen echoed a stop."""
        self._engine.stop_was_echoed(stopped)


def _health_entry(pen: Pen, health: Health) -> HealthSeen:
    return HealthSeen(
        pen_uid=hex_id(pen.uid),
        battery_mv=health.battery_mv,
        battery_percent=health.battery_percent,
        grip_temperature_dc=health.grip_temperature_dc,
        ring_used=health.ring_used,
        link_discards=health.discarded_frames,
    )
