"""An open calibration in the words of the screen's contract: step, question, readings, plot.

Pure: from the book and the face to models. Nothing here decides what counts; the procedure does.
"""

from fractions import Fraction
from itertools import pairwise
from statistics import fmean

from controller.calibration.balance.words import Discard, Reading
from controller.calibration.face import TYPED
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.folding import procedure_of
from controller.calibration.procedure.protrusion_steps import moves_of
from controller.calibration.procedure.series_record import SeriesRecord
from controller.calibration.procedure.steps import Finish, Step
from controller.calibration.procedure.terms import (
    CadenceTerms,
    DoseTerms,
    ProtrusionTerms,
    terms_of,
)
from controller.calibration.weighing import Attempt
from controller.console.calibration_views import (
    LiveView,
    PlotView,
    PointView,
    QuestionView,
    ReadingView,
    StepView,
)
from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationDiscarded,
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationRun,
    CalibrationTouched,
    CalibrationWeighed,
)
from controller.record.events import Body
from controller.service.calibration_screen import Asked
from controller.session.books import CalibrationBook
from controller.session.units import MICROSECONDS_A_SECOND, microlitres

READINGS = 12
_UG_A_MG = 1_000
_KINDS = {
    "CheckBalance": "check_balance",
    "PrimePen": "prime",
    "ReadRoom": "room",
    "Weigh": "weigh",
    "Touch": "touch",
    "RunCadence": "cadence",
    "Finish": "finish",
}


def step_view(step: Step) -> StepView:
    """A step as it is shown."""
    return StepView(
        kind=_KINDS[type(step).__name__],
        title=step.title,
        instruction=step.reason if isinstance(step, Finish) else step.instruction,
        number=step.number,
        total=step.total,
    )


def question_view(asked: Asked) -> QuestionView:
    """A question as it is asked."""
    question = asked.question
    return QuestionView(
        id=asked.id,
        kind=question.kind.value,
        text=question.text,
        example=question.example,
        typed=question.kind in TYPED,
    )


def live_view(heard: Reading | Discard) -> LiveView:
    """What the balance says."""
    if isinstance(heard, Discard):
        return LiveView(mass_mg=None, decimals=0, stable=False, why=heard.why.value)
    decimals = max(0, 4 - len(str(heard.digit_ug)))
    return LiveView(
        mass_mg=heard.mass_ug / _UG_A_MG, decimals=decimals, stable=heard.stable, why=""
    )


def reading_views(book: CalibrationBook) -> list[ReadingView]:
    """The last entries, newest first."""
    found = []
    for body, wall in book.readings[: -READINGS - 1 : -1]:
        actor = getattr(body, "actor", None)
        by = "" if actor is None else actor.name
        found.append(ReadingView(wall=wall, kind=body.kind, text=_text(body), by=by))
    return found


def _text(body: Body) -> str:
    text = ""
    match body:
        case CalibrationRoom():
            text = (
                f"{body.liquid_mdegc / 1000:.1f} °C, {body.air_mdegc / 1000:.1f} °C, "
                f"{body.pressure_pa / 100:.1f} hPa, {body.humidity_permille / 10:.0f} %"
            )
        case CalibrationBalanceChecked():
            text = f"{(body.weight_read_ug - body.weight_nominal_ug) / _UG_A_MG:+g} mg"
        case CalibrationPrimed():
            text = f"{body.steps} steps"
        case CalibrationWeighed():
            text = f"{body.reading_ug / _UG_A_MG:.3f} mg, {body.steps} steps"
        case CalibrationTouched():
            text = f"{body.set_um} µm: {body.measured_um} µm"
        case CalibrationRun():
            text = f"{MICROSECONDS_A_SECOND / body.stroke_period_us:.2f} Hz"
        case CalibrationDiscarded():
            text = body.reason
    return text


# --- plots -------------------------------------------------------------------------------------


def plot_view(book: CalibrationBook) -> PlotView | None:
    """The readings of the series that is measured now, beside its limits."""
    terms = terms_of(book.opened)
    if isinstance(terms, DoseTerms):
        procedure = procedure_of(book)
        return _of_doses(procedure) if isinstance(procedure, DoseProcedure) else None
    if isinstance(terms, ProtrusionTerms):
        return _of_touches(book, terms)
    return _of_runs(book, terms)


def _of_doses(procedure: DoseProcedure) -> PlotView:
    state, terms = procedure.state, procedure.terms
    at = state.last if state.current is None else state.current
    record = state.records[at]
    setting = record.setting
    dose_nl = setting.dose_nl
    pass_nl, fail_nl = map(float, terms.limits.band(dose_nl).error_limits_nl(dose_nl))
    hz = MICROSECONDS_A_SECOND / setting.stroke_period_us
    return PlotView(
        quantity="dose",
        title=f"{microlitres(dose_nl)} uL, {hz:g} Hz",
        unit="nl",
        nominal=dose_nl,
        pass_low=dose_nl - pass_nl,
        pass_high=dose_nl + pass_nl,
        fail_low=dose_nl - fail_nl,
        fail_high=dose_nl + fail_nl,
        places=record.replicates,
        points=_points(record),
    )


def _points(record: SeriesRecord) -> list[PointView]:
    """Evaporation by the dry cycles so far; an attempt of other steps is no dose and not shown."""
    if record.series is None or record.start is None:
        return []
    lost_ug = fmean(each.loss_ug for each in record.blanks)
    z = record.start.z_ul_mg
    wanted = record.setting.steps_a_weighing

    def value(attempt: Attempt) -> float:
        gained_ug = attempt.after_ug - attempt.before_ug + lost_ug
        return round(gained_ug / record.setting.doses_a_weighing * z, 1)

    return [
        PointView(
            place=place,
            value=value(attempt),
            counts=attempt.discarded_because is None,
            reason=attempt.discarded_because or "",
        )
        for place, replicate in enumerate(record.series.replicates)
        for attempt in replicate.attempts
        if attempt.steps == wanted
    ]


def _of_touches(book: CalibrationBook, terms: ProtrusionTerms) -> PlotView:
    limits = terms.limits.protrusion
    found: list[tuple[int, float | str]] = [
        (body.place, float(body.measured_um - body.set_um))
        if isinstance(body, CalibrationTouched)
        else (body.place, body.reason)
        for body, _wall in book.readings
        if isinstance(body, CalibrationTouched | CalibrationDiscarded)
    ]
    places = len(moves_of(terms))
    return _errors("protrusion", "um", found, limits.pass_error_um, limits.fail_error_um, places)


def _of_runs(book: CalibrationBook, terms: CadenceTerms) -> PlotView:
    limits = terms.limits.cadence
    found: list[tuple[int, float | str]] = []
    for body, _wall in book.readings:
        if isinstance(body, CalibrationRun) and len(body.ticks_us) > 1:
            found.append((body.series, _cadence_error_percent(body)))
        elif isinstance(body, CalibrationDiscarded):
            found.append((body.series, body.reason))
    passes, fails = limits.pass_error_percent, limits.fail_error_percent
    return _errors("cadence", "%", found, passes, fails, len(terms.stroke_periods_us))


def _cadence_error_percent(body: CalibrationRun) -> float:
    period_us = fmean(after - before for before, after in pairwise(body.ticks_us))
    return 100 * (body.stroke_period_us / period_us - 1)


def _errors(
    quantity: str,
    unit: str,
    found: list[tuple[int, float | str]],
    passes: int | Fraction,
    fails: int | Fraction,
    places: int,
) -> PlotView:
    """Errors around nothing. A reason in place of a value takes the value before it back."""
    points: list[PointView] = []
    last: dict[int, int] = {}
    for place, told in found:
        if isinstance(told, float):
            last[place] = len(points)
            points.append(PointView(place=place, value=round(told, 3), counts=True, reason=""))
        elif place in last:
            before = points[last[place]]
            points[last[place]] = before.model_copy(update={"counts": False, "reason": told})
    return PlotView.model_validate(
        {
            "quantity": quantity,
            "title": "",
            "unit": unit,
            "nominal": 0.0,
            "pass_low": -float(passes),
            "pass_high": float(passes),
            "fail_low": -float(fails),
            "fail_high": float(fails),
            "places": places,
            "points": points,
        }
    )
