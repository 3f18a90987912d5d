"""From a calibration's book to where it stands, and to what it came to.

Pure. The journal's entries are the only state: after a power cut the same book gives the same next
step.
"""

from dataclasses import dataclass
from typing import Protocol

from controller.calibration.acceptance import AcceptanceFile, Verdict, worst_of
from controller.calibration.cadence import CadenceResult
from controller.calibration.certificate.building import Protrusion, Weighed
from controller.calibration.certificate.report import BenchCheck, Instrument
from controller.calibration.errors import SeriesIncomplete
from controller.calibration.fitting import Fit
from controller.calibration.procedure.cadence_steps import CadenceProcedure
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.protrusion_steps import ProtrusionProcedure
from controller.calibration.procedure.steps import Step
from controller.calibration.procedure.terms import (
    AnyTerms,
    CadenceTerms,
    DoseTerms,
    ProtrusionTerms,
    terms_of,
)
from controller.record.events import Body
from controller.session.books import CalibrationBook


class Procedure(Protocol):
    """A guided calibration. `check` a body, record it, `apply` it, ask for the next step."""

    def check(self, body: Body) -> None:
        """Raises what `apply` would raise; changes nothing."""

    def apply(self, body: Body) -> None:
        """Fold a recorded body. Raises CalibrationError (E7xxx); then nothing has changed."""

    def next_step(self) -> Step:
        """What to do now; `Finish` when nothing is left."""


@dataclass(frozen=True, slots=True)
class DoseOutcome:
    """A finished calibration of doses, as `building.report_of` wants it."""

    terms: DoseTerms
    weighed: tuple[Weighed, ...]
    fit: Fit
    bench_check: BenchCheck
    verdict: Verdict

    @property
    def limits(self) -> AcceptanceFile:
        """The limits that it was judged by."""
        return self.terms.limits

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """All that was measured with."""
        return self.terms.all_instruments


@dataclass(frozen=True, slots=True)
class ProtrusionOutcome:
    """A finished calibration of the axis."""

    terms: ProtrusionTerms
    protrusion: Protrusion
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CadenceOutcome:
    """A finished check of the cadence."""

    terms: CadenceTerms
    cadences: tuple[CadenceResult, ...]
    verdict: Verdict


Outcome = DoseOutcome | ProtrusionOutcome | CadenceOutcome


def begun(terms: AnyTerms) -> DoseProcedure | ProtrusionProcedure | CadenceProcedure:
    """The procedure of these terms, with nothing measured yet."""
    if isinstance(terms, DoseTerms):
        return DoseProcedure(terms)
    if isinstance(terms, ProtrusionTerms):
        return ProtrusionProcedure(terms)
    return CadenceProcedure(terms)


def procedure_of(book: CalibrationBook) -> Procedure:
    """The procedure as far as its readings came.

    Raises CalibrationError (E7xxx) for a book whose readings cannot follow each other, and
    pydantic's ValidationError for terms that are none.
    """
    return _folded(book)


def outcome_of(book: CalibrationBook) -> Outcome:
    """What a calibration came to. Raises SeriesIncomplete (E7010) when it is not finished."""
    procedure = _folded(book)
    if isinstance(procedure, DoseProcedure):
        return _dose(procedure)
    if isinstance(procedure, ProtrusionProcedure):
        axis = procedure.outcome()
        return ProtrusionOutcome(procedure.terms, axis, axis.result.verdict)
    runs = procedure.outcome()
    return CadenceOutcome(procedure.terms, runs, worst_of(*(each.verdict for each in runs)))


def _folded(book: CalibrationBook) -> DoseProcedure | ProtrusionProcedure | CadenceProcedure:
    procedure = begun(terms_of(book.opened))
    for body, _wall in book.readings:
        procedure.apply(body)
    return procedure


def _dose(procedure: DoseProcedure) -> DoseOutcome:
    state, check = procedure.state, procedure.state.checked
    if state.fit is None or state.current is not None or check is None:
        raise SeriesIncomplete("The calibration of doses is not finished.")
    weighed = tuple(state.weighed(index) for index in range(len(state.records)))
    bench_check = BenchCheck(
        seconds=max(1, check.seconds),
        noise_sd_ug=check.noise_sd_ug,
        drift_ug=check.drift_ug,
        check_weight_nominal_ug=check.weight_nominal_ug,
        check_weight_read_ug=check.weight_read_ug,
        allowed_error_ug=check.allowed_error_ug,
        verdict=Verdict.PASS if check.passed else Verdict.FAIL,
    )
    return DoseOutcome(procedure.terms, weighed, state.fit, bench_check, state.verdict)
