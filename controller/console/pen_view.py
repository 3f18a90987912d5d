"""The pen as the screen shows it: now, or when it was last heard."""

from controller.console.views import FaultView, PenFlags, PenView
from controller.pen.driver import Pen
from controller.pen.identity import realm_of, text_of
from controller.record.events import hex_id
from controller.session.engine import Engine
from protocol.faults import describe_fault
from protocol.messages import Status
from protocol.words import StatusFlag


class PenPicture:
    """Remembers the last view, for when the pen is gone."""

    def __init__(self) -> None:
        self._last: PenView | None = None
        self._set_um = 0

    def view(self, engine: Engine) -> PenView | None:
        """The pen; None when none was ever linked."""
        pen = engine.pen
        if pen is None:
            gone = {"connected": False, "cadence_hz": 0.0}
            return None if self._last is None else self._last.model_copy(update=gone)
        if engine.drive is not None:
            self._set_um = engine.drive.interval.opened.protrusion_um
        self._last = _view(engine, pen, self._set_um)
        return self._last


def _view(engine: Engine, pen: Pen, set_um: int) -> PenView:
    status, seen = pen.status, engine.seen
    return PenView(
        uid=hex_id(pen.uid),
        model=text_of(pen.identity.model),
        firmware=text_of(pen.identity.firmware),
        simulated=realm_of(pen.uid) == "training",
        connected=True,
        state=status.state.name.lower(),
        flags=flags_of(status),
        fault=_fault(status.fault),
        battery_percent=None if seen.health is None else seen.health.battery_percent,
        protrusion_set_um=set_um,
        protrusion_reached_um=seen.protrusion_um,
        cadence_hz=round(seen.cadence_hz(engine.clock.mono_s()), 2),
        punctures=status.counters.punctures,
    )


def flags_of(status: Status) -> PenFlags:
    """The flags of a status by name."""
    return PenFlags(
        at_rest=bool(status.flags & StatusFlag.AT_REST),
        contact=bool(status.flags & StatusFlag.CONTACT),
        trigger=bool(status.flags & StatusFlag.TRIGGER),
        holding=bool(status.flags & StatusFlag.HOLDING),
        stop_latched=bool(status.flags & StatusFlag.STOP_LATCHED),
    )


def _fault(number: int) -> FaultView | None:
    return FaultView(number=number, sentence=describe_fault(number).sentence) if number else None
