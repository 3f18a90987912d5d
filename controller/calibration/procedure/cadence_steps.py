"""The guided check of the cadence: a run at each stroke period, against the pen's own ticks and,
where the technician has one, an outside tachometer. Pure.
"""

from typing import Any, Literal

from controller.calibration.acceptance import Verdict, worst_of
from controller.calibration.cadence import CadenceResult, Tachometer, cadence_of
from controller.calibration.errors import OutOfOrder, RedoneWithoutReason, SeriesIncomplete
from controller.calibration.procedure.steps import Finish, RunCadence, Step
from controller.calibration.procedure.terms import CadenceTerms, source_of
from controller.record.calibration_events import CalibrationDiscarded, CalibrationRun
from controller.record.events import Body
from controller.session.units import MICROSECONDS_A_SECOND
from protocol.messages import StrokeSettings
from protocol.words import Mode


class CadenceProcedure:
    """One check of the cadence. Every run stays; the last one at a period counts."""

    def __init__(self, terms: CadenceTerms) -> None:
        self.terms = terms
        self.attempts: tuple[CalibrationRun, ...] = ()
        self.discards: tuple[CalibrationDiscarded, ...] = ()
        self._counted: dict[int, CalibrationRun] = {}

    def check(self, body: Body) -> None:
        """Raises as `apply` would; changes nothing. Ask before a body is recorded."""
        match body:
            case CalibrationRun():
                self._check_run(body)
            case CalibrationDiscarded():
                known = body.step == "weighing" and body.place == 0
                if not known or body.series not in self._counted or not body.reason.strip():
                    raise RedoneWithoutReason(f"Run {body.series + 1} cannot be taken again.")
            case _:
                raise OutOfOrder(f"'{body.kind}' has no place in a check of the cadence.")

    def apply(self, body: Body) -> None:
        """Fold a recorded body.

        Raises OutOfOrder (E7070), RedoneWithoutReason (E7011) or CadenceUnreadable (E7040).
        """
        self.check(body)
        if isinstance(body, CalibrationRun):
            self.attempts = (*self.attempts, body)
            self._counted[body.series] = body
        elif isinstance(body, CalibrationDiscarded):
            self.discards = (*self.discards, body)
            del self._counted[body.series]

    def _check_run(self, body: CalibrationRun) -> None:
        due = self._next_series
        if due is None or body.series != due:
            raise OutOfOrder(f"Run {body.series + 1} is not the one that is due.")
        if body.stroke_period_us != self.terms.stroke_periods_us[due]:
            raise OutOfOrder(f"Run {due + 1} was made at {body.stroke_period_us} us a stroke.")
        if {arm for each in self.attempts for arm in each.arm_ids}.intersection(body.arm_ids):
            raise OutOfOrder("These arms are in a run already.")
        if body.tachometer_mhz is not None and not self._has_expanded(body):
            raise OutOfOrder(
                "A tachometer's word needs its uncertainty, and its name in the terms."
            )
        self._judged(body)

    def _has_expanded(self, body: CalibrationRun) -> bool:
        return body.tachometer_expanded_mhz is not None and self.terms.tachometer is not None

    @property
    def _next_series(self) -> int | None:
        for index in range(len(self.terms.stroke_periods_us)):
            if index not in self._counted:
                return index
        return None

    def next_step(self) -> Step:
        """What to do now."""
        due, whole = self._next_series, len(self.terms.stroke_periods_us)
        if due is None:
            return self._finish()
        period_us, outside = self.terms.stroke_periods_us[due], self.terms.tachometer
        witness = "" if outside is None else " Read the tachometer meanwhile and type it in."
        return RunCadence(
            title=f"Run {due + 1} of {whole}: {_hz(period_us)}",
            instruction="Hold the pen in the air and press the trigger until the pen rests: "
            f"{self.terms.strokes} strokes at {_hz(period_us)}.{witness}",
            series=due,
            settings=StrokeSettings(Mode.BENCH, self.terms.protrusion_um, period_us, 0, 0),
            strokes=self.terms.strokes,
            with_tachometer=outside is not None,
            **self._progress(),
        )

    def outcome(self) -> tuple[CadenceResult, ...]:
        """The results in the terms' order. Raises SeriesIncomplete (E7010)."""
        if self._next_series is not None:
            raise SeriesIncomplete("Not all runs were made.")
        return tuple(self._judged(self._counted[index]) for index in sorted(self._counted))

    def _judged(self, body: CalibrationRun) -> CadenceResult:
        tachometer = None
        outside, mhz, unsure = (
            self.terms.tachometer,
            body.tachometer_mhz,
            body.tachometer_expanded_mhz,
        )
        if outside is not None and mhz is not None and unsure is not None:
            tachometer = Tachometer(mhz, unsure, source_of(outside))
        return cadence_of(body.stroke_period_us, body.ticks_us, tachometer, self.terms.limits)

    def _finish(self) -> Finish:
        results = self.outcome()
        verdict = worst_of(*(each.verdict for each in results))
        said = "; ".join(
            f"{_hz(each.set_period_us)}: {each.error_percent:+.2f} % by {each.witness}"
            for each in results
        )
        outcome: Literal["measured", "refused"] = "measured"
        if verdict is Verdict.FAIL:
            outcome, said = "refused", f"{said}. That is outside of the limits."
        return Finish(
            title="Finished" if outcome == "measured" else "Refused",
            instruction=said,
            outcome=outcome,
            reason=said,
            result={"verdict": verdict.value},
            **self._progress(),
        )

    def _progress(self) -> dict[str, Any]:
        return {
            "number": len(self._counted) + 1,
            "total": len(self.terms.stroke_periods_us) + 1,
        }


def _hz(stroke_period_us: int) -> str:
    return f"{MICROSECONDS_A_SECOND / stroke_period_us:.4g} Hz"
