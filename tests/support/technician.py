"""A technician and a pen of few numbers, as the calibration's procedures meet them.

The pen delivers `step_nl` a step and loses `lost_nl` of each dose; the balance shows 0.01 mg; water
evaporates. Scatter comes from a seeded generator. Whatever a step asks for becomes its body.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from controller.calibration.acceptance import load_acceptance
from controller.calibration.certificate.report import Instrument, Stage
from controller.calibration.procedure import AnyTerms, DoseTerms, Procedure
from controller.calibration.procedure.dose import DoseProcedure
from controller.calibration.procedure.steps import (
    CheckBalance,
    Finish,
    PrimePen,
    ReadRoom,
    RunCadence,
    Step,
    Touch,
    Weigh,
)
from controller.calibration.procedure.terms import (
    BalanceTerms,
    CadenceTerms,
    CheckTerms,
    LiquidTerms,
    ProtrusionTerms,
    SensorTerms,
    SeriesTerms,
)
from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationOpened,
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationRun,
    CalibrationTouched,
    CalibrationWeighed,
)
from controller.record.events import Actor, Body
from controller.session.books import CalibrationBook

LIMITS = load_acceptance(Path(__file__).parents[2] / "config" / "calibration.toml")
TECHNICIAN = Actor(name="Ana", role="technician")
WALL = datetime(2026, 11, 23, 3, 20, tzinfo=UTC).isoformat()
EVAPORATION_UG = 30
UL_MG = 1.0033
"""Z of water at 22 C and 1,013 hPa (domain.md 4.3)."""


def instrument(role: str, serial: str) -> Instrument:
    return Instrument(role=role, make="bench", serial=serial, simulated=True)


def dose_terms(
    doses_nl: tuple[int, ...] = (1_000, 5_000, 10_000),
    periods_us: tuple[int, ...] = (2_000_000,),
    replicates: int = 10,
    syringe_nl: int | None = None,
    assumed_pl: int = 2_711,
    max_steps: int = 18_500,
) -> DoseTerms:
    return DoseTerms(
        limits=LIMITS,
        series=tuple(
            SeriesTerms(
                dose_nl=dose_nl, stroke_period_us=period_us, assumed_picolitres_a_step=assumed_pl
            )
            for period_us in periods_us
            for dose_nl in doses_nl
        ),
        replicates=replicates,
        protrusion_um=1_000,
        prime_steps=400,
        syringe_nl=syringe_nl,
        max_steps=max_steps,
        liquid=LiquidTerms(),
        balance=BalanceTerms(
            instrument=instrument("balance", "B-1"),
            resolution_ug=10,
            repeatability_ug=15,
            linearity_ug=20,
        ),
        check=CheckTerms(
            weight=instrument("check weight", "W-1"),
            weight_nominal_ug=20_000,
            allowed_error_ug=40,
            allowed_noise_ug=30,
            allowed_drift_ug=50,
        ),
        sensors=SensorTerms(
            liquid_mdegc=100, air_mdegc=200, pressure_pa=100, humidity_permille=20, source="T-1"
        ),
    )


def protrusion_terms(repeats: int = 2) -> ProtrusionTerms:
    return ProtrusionTerms(
        limits=LIMITS,
        points_um=(500, 1_000, 1_500, 2_000, 2_500),
        outer_um=2_800,
        repeats=repeats,
        indicator=instrument("indicator", "I-1"),
        resolution_um=1,
        max_error_um=4,
    )


def cadence_terms(*, tachometer: bool = True) -> CadenceTerms:
    return CadenceTerms(
        limits=LIMITS,
        stroke_periods_us=(500_000, 10_000),
        strokes=11,
        protrusion_um=1_000,
        tachometer=instrument("tachometer", "R-1") if tachometer else None,
    )


def book_of(terms: AnyTerms) -> CalibrationBook:
    opened = CalibrationOpened(
        procedure=terms.procedure,
        pen_uid="fff0000000000001",
        model="m",
        firmware="1",
        cartridge_type=1,
        pump_head="p",
        certificate_id="0000000000000000",
        terms=terms.model_dump(mode="json"),
        actor=TECHNICIAN,
    )
    return CalibrationBook("cal-1", opened, WALL)


@dataclass
class Hands:
    """Who does the steps, and what the pen and the bench are like.

    share: scatter of a dose. bend_nl: what the middle dose gains, so that the line is crooked.
    missing_steps: what each burst lacks. left_factor: how much less it gives as left. drip_ug: what
    drips into the vessel in each cycle. axis_*: what the needle stands out too far by, and how much
    further when it comes from outside. filling_nl: what a filling really gives.
    """

    step_nl: float = 2.711
    lost_nl: float = 0.0
    share: float = 0.01
    bend_nl: float = 0.0
    missing_steps: int = 0
    left_factor: float = 1.0
    drip_ug: int = 0
    filling_nl: float = math.inf
    drawn_nl: float = 0.0
    balance_error_ug: int = 0
    start_mdegc: int = 21_400
    end_mdegc: int = 21_500
    axis_um: int = 40
    axis_back_um: int = 25
    clock: float = 1.0
    seed: int = 1
    shown_ug: int = 3_000_000
    arm: int = 0
    chance: Random = field(default_factory=lambda: Random(0))

    def give(self, procedure: Procedure, body: Body, book: CalibrationBook | None = None) -> None:
        """Apply a body; if it can follow, it is in the book too."""
        procedure.apply(body)
        if book is not None:
            book.readings.append((body, WALL))

    def body(self, procedure: Procedure, step: Step) -> Any:
        """What doing a step is recorded as."""
        match step:
            case CheckBalance():
                return self._checked(step)
            case PrimePen():
                return self._primed(step)
            case ReadRoom():
                return self._room(step)
            case Weigh():
                return self._weighed(step)
            case Touch():
                return self._touched(step)
            case RunCadence():
                return self._ran(step)
            case _:
                raise AssertionError(f"{step} of {procedure} asks for nothing")

    def _checked(self, step: CheckBalance) -> Body:
        error_ug = self.balance_error_ug
        return CalibrationBalanceChecked(
            seconds=step.seconds,
            noise_sd_ug=8,
            drift_ug=-20,
            weight_nominal_ug=step.weight_nominal_ug,
            weight_read_ug=step.weight_nominal_ug + error_ug,
            allowed_error_ug=step.allowed_error_ug,
            typed=False,
            passed=error_ug <= step.allowed_error_ug,
            actor=TECHNICIAN,
        )

    def _primed(self, step: PrimePen) -> Body:
        self.arm += 1
        steps = step.steps + 200
        self.drawn_nl = steps * self.step_nl + (0 if step.fill else self.drawn_nl)
        return CalibrationPrimed(
            series=step.series,
            steps=steps,
            arm_ids=(self.arm,),
            filled=step.fill,
            actor=TECHNICIAN,
        )

    def _room(self, step: ReadRoom) -> Body:
        return CalibrationRoom(
            series=step.series,
            at=step.at,
            liquid_mdegc=self.start_mdegc if step.at == "start" else self.end_mdegc,
            air_mdegc=22_000,
            pressure_pa=101_300,
            humidity_permille=520,
            actor=TECHNICIAN,
        )

    def _weighed(self, step: Weigh) -> Body:
        self.chance.seed(f"{self.seed} {step.series} {step.step} {step.place} {self.shown_ug}")
        before_ug = self.shown_ug if step.weigh_before else None
        steps = self._steps(step) - self.missing_steps if step.step == "weighing" else 0
        if step.step != "first":
            gained_ug = sum(self._dose_nl(step) for _ in range(step.doses)) / UL_MG
            self.shown_ug += round((gained_ug + self.drip_ug - EVAPORATION_UG) / 10) * 10
        self.arm += step.step == "weighing"
        return CalibrationWeighed(
            series=step.series,
            step=step.step,
            reading_ug=self.shown_ug,
            before_ug=before_ug,
            steps=steps,
            arm_ids=(self.arm,) if step.step == "weighing" else (),
            typed=False,
            actor=TECHNICIAN,
        )

    def _steps(self, step: Weigh) -> int:
        left_nl = self.filling_nl - self.drawn_nl
        self.drawn_nl += min(left_nl, step.steps * self.step_nl)
        return int(min(step.steps, left_nl / self.step_nl)) if self.step_nl else step.steps

    def _dose_nl(self, step: Weigh) -> float:
        steps = step.settings.steps if step.settings is not None else 0
        bend_nl = self.bend_nl if step.series % 3 == 1 else 0.0
        factor = self.left_factor if step.stage is Stage.AS_LEFT else 1.0
        even_nl = (steps * self.step_nl - self.lost_nl + bend_nl) * factor
        return even_nl * self.chance.gauss(1.0, self.share)

    def _touched(self, step: Touch) -> Body:
        back_um = self.axis_back_um if step.from_um > step.set_um else 0
        self.chance.seed(f"{self.seed} {step.place}")
        return CalibrationTouched(
            place=step.place,
            from_um=step.from_um,
            set_um=step.set_um,
            measured_um=step.set_um + self.axis_um + back_um + self.chance.randint(-3, 3),
            typed=True,
            actor=TECHNICIAN,
        )

    def _ran(self, step: RunCadence) -> Body:
        self.arm += 1
        period_us = step.settings.stroke_period_us
        outside = step.with_tachometer
        return CalibrationRun(
            series=step.series,
            stroke_period_us=period_us,
            ticks_us=tuple(round(at * period_us * self.clock) for at in range(step.strokes)),
            arm_ids=(self.arm,),
            tachometer_mhz=round(1e9 / period_us) if outside else None,
            tachometer_expanded_mhz=10 if outside else None,
            actor=TECHNICIAN,
        )


def run(procedure: Procedure, hands: Hands, book: CalibrationBook | None = None) -> list[Step]:
    """Do every step until nothing is left; returns them, the Finish last."""
    steps = [procedure.next_step()]
    while not isinstance(steps[-1], Finish):
        hands.give(procedure, hands.body(procedure, steps[-1]), book)
        steps.append(procedure.next_step())
    return steps


def until(
    procedure: DoseProcedure, hands: Hands, *, series: int, step: str = "weighing", place: int = 0
) -> CalibrationBook:
    """Go on until this reading is due; of the room's, `step` is start or end."""
    book = book_of(procedure.terms)
    while True:
        due = procedure.next_step()
        assert not isinstance(due, Finish)
        if isinstance(due, ReadRoom) and (due.series, due.at, 0) == (series, step, place):
            return book
        if isinstance(due, Weigh) and (due.series, due.step, due.place) == (series, step, place):
            return book
        hands.give(procedure, hands.body(procedure, due), book)
