"""The guided weighing of doses: as found, fit, as left, by the pattern of ISO 8655-6.

Pure: the state is a fold of recorded bodies (`dose_state`); here it becomes the step to show.
"""

from typing import Any, Literal

from controller.calibration.acceptance import Verdict
from controller.calibration.certificate.report import Stage
from controller.calibration.errors import OutOfOrder
from controller.calibration.procedure.dose_state import DoseState
from controller.calibration.procedure.series_record import SeriesRecord
from controller.calibration.procedure.steps import (
    CheckBalance,
    Finish,
    PrimePen,
    ReadRoom,
    Step,
    Weigh,
    WeighingStep,
)
from controller.calibration.procedure.terms import DoseTerms
from controller.record.events import Body
from controller.session.units import microlitres
from protocol.messages import StrokeSettings
from protocol.words import Mode

_STAGES = {Stage.AS_FOUND: "As found", Stage.AS_LEFT: "As left"}
_OTHERS = 5
"""Readings of a series besides its weighings: room twice, first, and both blanks."""
_BEFORE = 2
"""Steps before the first series: balance and priming."""


class DoseProcedure:
    """One calibration of doses, as far as it came."""

    def __init__(self, terms: DoseTerms) -> None:
        self.terms = terms
        self.state = DoseState.begun(terms)

    def check(self, body: Body) -> None:
        """Raises as `apply` would; changes nothing. Ask before a body is recorded."""
        self.state.after(body)

    def apply(self, body: Body) -> None:
        """Fold a recorded body. Raises as `DoseState.after`; then nothing has changed."""
        self.state = self.state.after(body)

    def next_step(self) -> Step:
        """What to do now."""
        state, at = self.state, self.state.current
        if state.refused is not None:
            return self._finish("refused", state.refused)
        if at is None:
            return self._finish("measured", _left(state.verdict, len(self.terms.series)))
        if state.checked is None or not state.checked.passed:
            return self._check_balance()
        if not state.primed or state.wants_filling:
            return self._prime(at)
        return self._measure(at, state.records[at])

    def _measure(self, at: int, record: SeriesRecord) -> ReadRoom | Weigh:
        match record.awaits:
            case "first" | "blank_start" | "weighing" | "blank_end":
                return self._weigh(at, record, record.awaits)
            case "room_start":
                return self._room(at, record, "start")
            case _:
                return self._room(at, record, "end")

    # --- steps ---

    def _check_balance(self) -> CheckBalance:
        check = self.terms.check
        again = "" if self.state.checked is None else "It did not pass the last time. "
        return CheckBalance(
            title="Check the balance",
            instruction=f"{again}Leave the balance empty and untouched for {check.seconds} s; "
            f"then put the check weight of {_mg(check.weight_nominal_ug)} on.",
            seconds=check.seconds,
            weight_nominal_ug=check.weight_nominal_ug,
            allowed_error_ug=check.allowed_error_ug,
            allowed_noise_ug=check.allowed_noise_ug,
            allowed_drift_ug=check.allowed_drift_ug,
            **self._progress(),
        )

    def _prime(self, at: int) -> PrimePen:
        state, fill = self.state, self.state.wants_filling
        first = "Fill the syringe without air. " if fill else ""
        if state.records[at].shorts:
            first = "The burst came short. Fill the syringe if it is empty, without air. "
        return PrimePen(
            title="Fill and prime" if fill else "Prime the pen",
            instruction=f"{first}Hold the pen over the waste, not over the vessel, and press the "
            "trigger until it has primed. No air may come, and no drop may stay at the needle.",
            series=at,
            steps=self.terms.prime_steps,
            picolitres_a_step=state.step_pl(at),
            fill=fill,
            **self._progress(),
        )

    def _room(self, at: int, record: SeriesRecord, when: Literal["start", "end"]) -> ReadRoom:
        return ReadRoom(
            title=f"{self._named(at, record)}: the room",
            instruction="Read the temperature of the liquid, and temperature, pressure and "
            "humidity of the air.",
            series=at,
            stage=record.stage,
            at=when,
            **self._progress(),
        )

    def _weigh(self, at: int, record: SeriesRecord, awaits: WeighingStep) -> Weigh:
        burst = awaits == "weighing"
        wait_s = self.terms.cycle_s(at % len(self.terms.series))
        return Weigh(
            title=f"{self._named(at, record)}: {_reading(record, awaits)}",
            instruction=self._said(record, awaits, wait_s),
            series=at,
            stage=record.stage,
            step=awaits,
            place=record.place,
            settings=self._settings(record) if burst else None,
            doses=record.setting.doses_a_weighing if burst else 0,
            steps=record.setting.steps_a_weighing if burst else 0,
            picolitres_a_step=self.state.step_pl(at),
            wait_s=0 if awaits == "first" else wait_s,
            weigh_before=self.state.moved and awaits != "first",
            **self._progress(),
        )

    def _settings(self, record: SeriesRecord) -> StrokeSettings:
        terms, setting = self.terms, record.setting
        return StrokeSettings(
            Mode.BENCH,
            terms.protrusion_um,
            setting.stroke_period_us,
            setting.steps_a_dose,
            terms.dwell_us,
        )

    def _said(self, record: SeriesRecord, awaits: WeighingStep, wait_s: int) -> str:
        before = "Weigh the vessel as it is first. " if self.state.moved else ""
        if awaits == "first":
            return "Put the vessel on the balance and wait until the weight stands."
        if awaits == "weighing":
            doses = record.setting.doses_a_weighing
            burst = "one dose" if doses == 1 else f"{doses} doses"
            return (
                f"{before}Give {burst} into the vessel, with the trigger held until the pen rests; "
                f"touch the last drop off inside of the vessel. Read {wait_s} s after the reading "
                "before."
            )
        return (
            f"{before}Do all as for a weighing, but give no dose: hands, doors and pen the same. "
            f"Read {wait_s} s after the reading before."
        )

    def _named(self, at: int, record: SeriesRecord) -> str:
        whole = len(self.terms.series)
        dose = microlitres(record.setting.dose_nl)
        return f"{_STAGES[record.stage]}, {dose} ul, series {at % whole + 1} of {whole}"

    def _progress(self) -> dict[str, Any]:
        state = self.state
        total = _BEFORE + 2 * len(self.terms.series) * (self.terms.replicates + _OTHERS) + 1
        checked = state.checked is not None and state.checked.passed
        done = checked + state.primed + sum(each.done for each in state.records)
        return {"number": min(done + 1, total), "total": total}

    def _finish(self, outcome: Literal["measured", "refused"], reason: str) -> Finish:
        measured = outcome == "measured"
        return Finish(
            title="Finished" if measured else "Refused",
            instruction=reason,
            outcome=outcome,
            reason=reason,
            result=self._result() if measured else {},
            **self._progress(),
        )

    def _result(self) -> dict[str, Any]:
        fit = self.state.fit
        if fit is None:
            raise OutOfOrder("There is no fit yet.")
        return {
            "verdict": self.state.verdict.value,
            "prime_picolitres_a_step": fit.prime_picolitres_a_step,
            "configurations": [
                each.configuration.model_dump(mode="json") | {"interval_pl": each.interval_pl}
                for each in fit.ranges
            ],
        }


def _left(verdict: Verdict, series: int) -> str:
    if verdict is Verdict.PASS:
        return f"As left, all {series} series pass."
    return f"As left, the worst of {series} series is '{verdict}'."


def _reading(record: SeriesRecord, awaits: WeighingStep) -> str:
    if awaits == "first":
        return "vessel"
    if awaits == "weighing":
        return f"weighing {record.place + 1} of {record.replicates}"
    return "blank at the start" if awaits == "blank_start" else "blank at the end"


def _mg(mass_ug: int) -> str:
    return f"{mass_ug / 1_000:g} mg"
