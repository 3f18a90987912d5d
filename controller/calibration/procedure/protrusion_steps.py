"""The guided touching of the needle's tip with an indicator, up and down.

Pure. Upwards each point is approached from the point below it, as often as it is repeated, then
downwards from the point above it; the axis itself always comes from its retracted side.
"""

from itertools import pairwise
from typing import Any, Literal, TypeVar

from controller.calibration.acceptance import Verdict
from controller.calibration.certificate.building import Protrusion
from controller.calibration.errors import OutOfOrder, RedoneWithoutReason, SeriesIncomplete
from controller.calibration.procedure.steps import Finish, Step, Touch
from controller.calibration.procedure.terms import ProtrusionTerms
from controller.calibration.protrusion import Touch as Touched
from controller.calibration.protrusion import protrusion_of
from controller.errors import CalibrationError
from controller.record.calibration_events import CalibrationDiscarded, CalibrationTouched
from controller.record.events import Body

T = TypeVar("T")


class ProtrusionProcedure:
    """One calibration of the axis. Every touch stays; the last one at a place counts."""

    def __init__(self, terms: ProtrusionTerms) -> None:
        self.terms = terms
        self.moves = moves_of(terms)
        self.attempts: tuple[tuple[CalibrationTouched, ...], ...] = ((),) * len(self.moves)
        self.discards: tuple[CalibrationDiscarded, ...] = ()
        self._counted: tuple[CalibrationTouched | None, ...] = (None,) * len(self.moves)

    def check(self, body: Body) -> None:
        """Raises as `apply` would; changes nothing. Ask before a body is recorded."""
        match body:
            case CalibrationTouched():
                self._check_touch(body)
            case CalibrationDiscarded():
                known = (
                    body.series == 0 and body.step == "weighing" and body.place < len(self.moves)
                )
                if not known or self._counted[body.place] is None or not body.reason.strip():
                    raise RedoneWithoutReason(f"Touch {body.place + 1} cannot be taken again.")
            case _:
                raise OutOfOrder(f"'{body.kind}' has no place in a calibration of the axis.")

    def apply(self, body: Body) -> None:
        """Fold a recorded body. Raises OutOfOrder (E7070) or RedoneWithoutReason (E7011)."""
        self.check(body)
        if isinstance(body, CalibrationTouched):
            added = (*self.attempts[body.place], body)
            self.attempts = _with(self.attempts, body.place, added)
            self._counted = _with(self._counted, body.place, body)
        elif isinstance(body, CalibrationDiscarded):
            self.discards = (*self.discards, body)
            self._counted = _with(self._counted, body.place, None)

    def _check_touch(self, body: CalibrationTouched) -> None:
        due = self._next_place
        if due is None or (body.place, body.from_um, body.set_um) != (due, *self.moves[due]):
            raise OutOfOrder(f"Touch {body.place + 1} at {body.set_um} um is not the one due.")

    @property
    def _next_place(self) -> int | None:
        return self._counted.index(None) if None in self._counted else None

    def next_step(self) -> Step:
        """What to do now."""
        place = self._next_place
        if place is None:
            return self._finish()
        from_um, set_um = self.moves[place]
        way = "outwards" if from_um < set_um else "back"
        return Touch(
            title=f"Touch {place + 1} of {len(self.moves)}: {set_um} um",
            instruction=f"The pen goes {way} from {from_um} um to {set_um} um. Let the indicator "
            "rest on the needle's tip and read it.",
            place=place,
            from_um=from_um,
            set_um=set_um,
            **self._progress(),
        )

    def outcome(self) -> Protrusion:
        """The axis's result with all touches that count. Raises E7030 or E7031."""
        counted = [each for each in self._counted if each is not None]
        if len(counted) < len(self.moves):
            raise SeriesIncomplete(f"{len(counted)} touches were taken of {len(self.moves)}.")
        touches = tuple(Touched(each.from_um, each.set_um, each.measured_um) for each in counted)
        typed = frozenset(index for index, each in enumerate(counted) if each.typed)
        result = protrusion_of(touches, self.terms.facts, self.terms.limits)
        return Protrusion(touches, result, typed)

    def _finish(self) -> Finish:
        try:
            result = self.outcome().result
        except CalibrationError as error:
            return self._finished("refused", f"E{error.number} {error.what}", {})
        worst_um, sd_um = result.max_remaining_um, result.repeatability_um
        said = (
            f"The offset is {result.offset_um:+d} um; after it is taken off, a point is up to "
            f"{worst_um:.0f} um off, and repeats scatter by {sd_um:.1f} um."
        )
        figures = {"verdict": result.verdict.value, "offset_um": result.offset_um}
        if result.verdict is Verdict.FAIL:
            return self._finished("refused", f"{said} That is outside of the limits.", figures)
        return self._finished("measured", f"{said} Verdict: {result.verdict}.", figures)

    def _finished(
        self, outcome: Literal["measured", "refused"], reason: str, result: dict[str, Any]
    ) -> Finish:
        return Finish(
            title="Finished" if outcome == "measured" else "Refused",
            instruction=reason,
            outcome=outcome,
            reason=reason,
            result=result,
            **self._progress(),
        )

    def _progress(self) -> dict[str, int]:
        done = sum(each is not None for each in self._counted)
        return {"number": done + 1, "total": len(self.moves) + 1}


def moves_of(terms: ProtrusionTerms) -> tuple[tuple[int, int], ...]:
    """Where each touch comes from and goes to, in order: upwards `repeats` times, then down."""
    up = list(pairwise((0, *terms.points_um))) * terms.repeats
    down = list(pairwise((terms.outer_um, *reversed(terms.points_um))))
    return (*up, *down)


def _with(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    return (*values[:place], value, *values[place + 1 :])
