"""One pen from the box to its certificate, and what the oracle says of it."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from controller.calibration.acceptance import load_acceptance
from controller.calibration.certificate.report import Stage
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.dose_state import DoseState
from controller.calibration.procedure.protrusion_steps import ProtrusionProcedure
from controller.calibration.procedure.steps import Finish
from controller.calibration.procedure.terms import (
    BalanceTerms,
    CheckTerms,
    DoseTerms,
    LiquidTerms,
    ProtrusionTerms,
    SensorTerms,
    SeriesTerms,
)
from controller.calibration.weighing import Setting
from controller.session.units import steps_for
from protocol.messages import StrokeSettings
from protocol.words import Mode
from tests.fleet.bench import (
    INDICATOR_MAX_UM,
    SENSORS_U,
    SYRINGE_NL,
    FleetBench,
    GivenUp,
    instrument,
)
from tests.fleet.draw import GEOMETRY_PL, Drawn, Kind, drawn
from tests.fleet.pen import SPEC, FleetPen

LIMITS = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml")
DOSES_NL = (1_000, 5_000, 10_000, 20_000, 50_000)
PERIOD_US = 2_000_000
"""0.5 Hz: 50 ul take a second at the pen's flow."""
POINTS_UM = (500, 1_000, 1_500, 2_000, 2_400)
BETWEEN_NL = (2_000, 7_500, 15_000, 35_000)
"""Doses that were not weighed, and are in the certificate's ranges all the same."""
TRUTH_DOSES = 12
PROTRUSION_UM = 1_000


@dataclass(frozen=True, slots=True)
class DoseTruth:
    """One dose of a pen that was calibrated: what is certified, and what is so. Nanolitres."""

    dose_nl: int
    certified_nl: float
    expanded_nl: float
    true_nl: float
    pass_nl: float
    fail_nl: float
    step_off_pl: float
    interval_pl: int

    @property
    def is_covered(self) -> bool:
        """Whether the stated uncertainty of the mean holds the true one."""
        return abs(self.true_nl - self.certified_nl) <= self.expanded_nl

    @property
    def is_in_interval(self) -> bool:
        """Whether the certificate's interval of a step holds the true value."""
        return abs(self.step_off_pl) <= self.interval_pl

    @property
    def error_nl(self) -> float:
        """True mean minus dose."""
        return self.true_nl - self.dose_nl


@dataclass(frozen=True, slots=True)
class BetweenTruth:
    """A dose between those that were weighed, given with the certificate's volume of a step."""

    dose_nl: int
    true_nl: float
    pass_nl: float

    @property
    def error_nl(self) -> float:
        """True mean minus dose."""
        return self.true_nl - self.dose_nl


@dataclass(frozen=True, slots=True)
class PointTruth:
    """One point of an axis that was calibrated, in micrometres after the offset is taken off."""

    set_um: int
    remaining_um: float
    expanded_um: float
    true_um: float

    @property
    def is_covered(self) -> bool:
        """Whether the stated uncertainty holds the truth."""
        return abs(self.true_um - self.remaining_um) <= self.expanded_um


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one pen. verdicts: of doses and axis; 'refused' when there is none.

    was_outside: as found, some weighed mean was over the pass limit of its dose.
    """

    seed: str
    kind: Kind
    doses_verdict: str
    axis_verdict: str
    reason: str
    doses: tuple[DoseTruth, ...]
    between: tuple[BetweenTruth, ...]
    points: tuple[PointTruth, ...]
    was_outside: bool
    cpu_s: float
    drawn: dict[str, Any] = field(default_factory=dict)

    @property
    def is_certified(self) -> bool:
        """Whether a certificate without a person's extra word can be made of it."""
        return self.doses_verdict == self.axis_verdict == "pass"

    @property
    def is_refused(self) -> bool:
        """Whether no certificate can be made of it."""
        return "refused" in {self.doses_verdict, self.axis_verdict}


def dose_terms(pen: Drawn) -> DoseTerms:
    """The terms that fit the bench's balance.

    Repeatability and linearity are what balances of this resolution state (estimates).
    """
    digit_ug = pen.resolution_ug
    return DoseTerms(
        limits=LIMITS,
        series=tuple(
            SeriesTerms(
                dose_nl=dose_nl, stroke_period_us=PERIOD_US, assumed_picolitres_a_step=GEOMETRY_PL
            )
            for dose_nl in DOSES_NL
        ),
        replicates=10,
        protrusion_um=PROTRUSION_UM,
        prime_steps=2_000,
        settle_s=8,
        syringe_nl=SYRINGE_NL,
        max_steps=SPEC.max_steps,
        liquid=LiquidTerms(),
        balance=BalanceTerms(
            instrument=instrument("balance"),
            resolution_ug=digit_ug,
            repeatability_ug=digit_ug,
            linearity_ug=digit_ug,
        ),
        check=CheckTerms(
            weight=instrument("check weight"),
            weight_nominal_ug=20_000,
            allowed_error_ug=5 * digit_ug,
            allowed_noise_ug=2 * digit_ug,
            allowed_drift_ug=5 * digit_ug,
        ),
        sensors=SensorTerms(
            liquid_mdegc=SENSORS_U[0],
            air_mdegc=SENSORS_U[1],
            pressure_pa=SENSORS_U[2],
            humidity_permille=SENSORS_U[3],
            source="simulated",
        ),
    )


def axis_terms() -> ProtrusionTerms:
    """Five points, three times up and once down."""
    return ProtrusionTerms(
        limits=LIMITS,
        points_um=POINTS_UM,
        outer_um=2_500,
        indicator=instrument("indicator"),
        resolution_um=1,
        max_error_um=INDICATOR_MAX_UM,
    )


def trial(kind: Kind, seed: str) -> Found:
    """Draw a pen, calibrate it once, and ask the oracle."""
    begun_s = time.process_time()
    one = drawn(kind, Random(f"{seed} draw"))
    pen = FleetPen(one, Random(f"{seed} pen"))
    bench = FleetBench(one, pen, Random(f"{seed} bench"))
    axis, points = _axis(bench)
    procedure = DoseProcedure(dose_terms(one))
    verdict, reason = _doses(bench, procedure)
    truths = _truths(pen, procedure.state)
    between = () if verdict == "refused" else _between(pen, procedure.state)
    return Found(
        seed=seed,
        kind=kind,
        doses_verdict=verdict,
        axis_verdict=axis,
        reason=reason,
        doses=truths,
        between=between,
        points=points,
        was_outside=_was_outside(procedure.state),
        cpu_s=time.process_time() - begun_s,
        drawn=asdict(one),
    )


def _doses(bench: FleetBench, procedure: DoseProcedure) -> tuple[str, str]:
    while not isinstance(step := procedure.next_step(), Finish):
        try:
            procedure.apply(bench.body(step))
        except GivenUp as trouble:
            return "refused", str(trouble)
    if step.outcome == "refused":
        return "refused", step.reason
    return procedure.state.verdict.value, step.reason


def _was_outside(state: DoseState) -> bool:
    complete = [
        state.weighed(index).point.spread
        for index, record in enumerate(state.records)
        if record.stage is Stage.AS_FOUND and record.awaits is None
    ]
    return any(
        abs(each.error_nl) > LIMITS.band(each.nominal_nl).error_limits_nl(each.nominal_nl)[0]
        for each in complete
    )


def _truths(pen: FleetPen, state: DoseState) -> tuple[DoseTruth, ...]:
    """Every dose whose series as left is complete; the truth is the pen's without its scatter."""
    pen.without_scatter()
    return tuple(
        _truth(pen, state, index)
        for index, record in enumerate(state.records)
        if record.stage is Stage.AS_LEFT and record.awaits is None
    )


def _truth(pen: FleetPen, state: DoseState, index: int) -> DoseTruth:
    found, fit = state.weighed(index), state.fit
    assert fit is not None
    setting: Setting = state.records[index].setting
    true_nl = _true_nl(pen, setting.steps_a_dose)
    pass_nl, fail_nl = LIMITS.band(setting.dose_nl).error_limits_nl(setting.dose_nl)
    one = next(each for each in fit.ranges if each.configuration.covers(setting.dose_nl, PERIOD_US))
    # What a step would have to be called for this dose to come out right.
    lacking_steps = (setting.dose_nl - true_nl) / fit.cadences[0].line.slope_nl
    right_pl = 1_000 * setting.dose_nl / (setting.steps_a_dose + lacking_steps)
    return DoseTruth(
        dose_nl=setting.dose_nl,
        certified_nl=found.point.spread.mean_nl,
        expanded_nl=found.point.budget.expanded_nl,
        true_nl=true_nl,
        pass_nl=float(pass_nl),
        fail_nl=float(fail_nl),
        step_off_pl=right_pl - one.configuration.picolitres_a_step,
        interval_pl=one.interval_pl,
    )


def _between(pen: FleetPen, state: DoseState) -> tuple[BetweenTruth, ...]:
    fit = state.fit
    assert fit is not None
    found = []
    for dose_nl in BETWEEN_NL:
        one = next(each for each in fit.ranges if each.configuration.covers(dose_nl, PERIOD_US))
        steps = steps_for(dose_nl, one.configuration.picolitres_a_step)
        pass_nl, _ = LIMITS.band(dose_nl).error_limits_nl(dose_nl)
        found.append(BetweenTruth(dose_nl, _true_nl(pen, steps), float(pass_nl)))
    return tuple(found)


def _true_nl(pen: FleetPen, steps: int) -> float:
    pen.fill()
    pen.prime(2_000)
    settings = StrokeSettings(Mode.BENCH, PROTRUSION_UM, PERIOD_US, steps, 0)
    return pen.true_mean_nl(settings, TRUTH_DOSES)


def _axis(bench: FleetBench) -> tuple[str, tuple[PointTruth, ...]]:
    procedure = ProtrusionProcedure(axis_terms())
    while not isinstance(step := procedure.next_step(), Finish):
        procedure.apply(bench.body(step))
    if step.outcome == "refused":
        return "refused", ()
    result = procedure.outcome().result
    truths = tuple(
        PointTruth(
            each.set_um,
            each.remaining_um,
            each.expanded_um,
            _true_axis_um(bench.pen, each.set_um) - each.set_um - result.offset_um,
        )
        for each in result.points
    )
    return result.verdict.value, truths


def _true_axis_um(pen: FleetPen, set_um: int) -> float:
    """Where the needle stands in the mean when it is sent to a protrusion."""
    found = []
    for _ in range(200):
        pen.mechanism.depth.move(pen.now_us, set_um)
        found.append(pen.mechanism.depth.protrusion_um())
    return sum(found) / len(found)
