"""How much each pen has worked, at the most: what ends a certificate before its date does.

Folded from committed entries. It never goes down: what a pen did before it was known here, outside
this journal's arms, or before its memory was renewed, counts at its upper end. Pure.
"""

import msgspec

from controller.record.events import ArmClosed, Body, ForeignMovement, PenEnrolled
from controller.session.ledger import Interval, Ledger

UNKNOWN_PERIOD_US = 2_000_000
"""A stroke whose period nobody recorded: 0.5 Hz, the slowest of a dosing pen (domain.md 5.1)."""
_DISPENSING = frozenset({"dose", "bench"})


class Wear(msgspec.Struct, frozen=True):
    """A pen's whole life. doses: punctures with dispense. running_us: punctures x stroke period."""

    punctures: int = 0
    doses: int = 0
    running_us: int = 0


NEW = Wear()


class _PenWear(msgspec.Struct):
    """known: the pen's puncture counter up to which all is counted. lost: counted, then forgotten
    by the pen's memory."""

    known: int = 0
    lost: int = 0
    doses: int = 0
    running_us: int = 0


class WearBook:
    """The wear of every pen in a journal, by uid."""

    def __init__(self) -> None:
        self._pens: dict[str, _PenWear] = {}

    def of(self, pen_uid: str, pen_punctures: int = 0) -> Wear:
        """A pen's wear now; pen_punctures: what its own counter shows, when it is at hand.

        What the counter shows beyond the books counts as doses at the slowest cadence.
        """
        pen = self._pens.get(pen_uid)
        if pen is None:
            pen = _PenWear()
        beyond = max(0, pen_punctures - pen.known)
        return Wear(
            punctures=pen.lost + pen.known + beyond,
            doses=pen.doses + beyond,
            running_us=pen.running_us + beyond * UNKNOWN_PERIOD_US,
        )

    def apply(self, body: Body, ledger: Ledger) -> None:
        """Count one committed body, which the ledger has booked already."""
        match body:
            case PenEnrolled():
                self._enrol(body)
            case ForeignMovement():
                self._unknown(body.pen_uid, body.after.punctures)
            case ArmClosed():
                self._arm(ledger.intervals[(body.pen_uid, body.arm_id)], body)
            case _:
                pass

    def _enrol(self, body: PenEnrolled) -> None:
        pen = self._pens.setdefault(body.pen_uid, _PenWear())
        if body.counters.punctures < pen.known:
            # Its memory went back, nobody can say by how much: all that it counts now may be new.
            pen.lost, pen.known = pen.lost + pen.known, 0
        self._unknown(body.pen_uid, body.counters.punctures)

    def _unknown(self, pen_uid: str, punctures: int) -> None:
        pen = self._pens.setdefault(pen_uid, _PenWear())
        made = max(0, punctures - pen.known)
        pen.known += made
        pen.doses += made
        pen.running_us += made * UNKNOWN_PERIOD_US

    def _arm(self, interval: Interval, body: ArmClosed) -> None:
        # A sealed arm's upper end is foreign movement once its pen is back; until then it is away.
        end = body.certain if body.how == "sealed" else body.possible
        opened = interval.opened
        pen = self._pens.setdefault(body.pen_uid, _PenWear())
        made = end.punctures - opened.first.punctures
        pen.known = max(pen.known, end.punctures)
        pen.running_us += made * opened.stroke_period_us
        if opened.mode in _DISPENSING and opened.steps:
            pen.doses += made
