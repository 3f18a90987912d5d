"""Where a dose calibration stands: everything that its recorded bodies come to.

Pure and immutable. `after` folds one body or raises; then nothing has changed. The stages: as
found with the volume of a step that the pen came with, and as left with the fitted ones.
"""

from dataclasses import dataclass, replace
from typing import Self

from controller.calibration.acceptance import Verdict, worst_of
from controller.calibration.certificate.building import Weighed
from controller.calibration.certificate.report import Stage
from controller.calibration.conditions import check_blank, check_conditions
from controller.calibration.density import Air, Surroundings
from controller.calibration.errors import (
    BeyondPen,
    NeedleDrips,
    OutOfOrder,
    StepImplausible,
    StillWrong,
    VesselMoved,
)
from controller.calibration.fitting import Fit, check_series, fit
from controller.calibration.procedure.filling import Filling
from controller.calibration.procedure.series_record import SeriesRecord
from controller.calibration.procedure.terms import DoseTerms
from controller.errors import CalibrationError
from controller.record.calibration_events import (
    CalibrationBalanceChecked,
    CalibrationDiscarded,
    CalibrationPrimed,
    CalibrationRoom,
    CalibrationWeighed,
)
from controller.record.events import Body
from controller.session.units import PICOLITRES_A_NANOLITRE


@dataclass(frozen=True, slots=True)
class DoseState:
    """A dose calibration as far as it came.

    records: the series of as found, then those of as left once there is a fit. last: the series
    that the balance's last reading belongs to. moved: the vessel left the balance since. arms:
    those that are in a reading already. refused: why the pen cannot be certified like this.
    """

    terms: DoseTerms
    records: tuple[SeriesRecord, ...]
    filling: Filling
    checked: CalibrationBalanceChecked | None = None
    primed: bool = False
    last: int = 0
    moved: bool = False
    arms: frozenset[int] = frozenset()
    fit: Fit | None = None
    refused: str | None = None

    @classmethod
    def begun(cls, terms: DoseTerms) -> Self:
        """Nothing measured yet."""
        found = tuple(
            SeriesRecord(
                Stage.AS_FOUND,
                terms.setting(index, each.assumed_picolitres_a_step),
                terms.replicates,
            )
            for index, each in enumerate(terms.series)
        )
        return cls(terms, found, Filling(terms.syringe_nl))

    # --- what comes next ---

    @property
    def current(self) -> int | None:
        """The first series that is not complete; None when all are."""
        for index, record in enumerate(self.records):
            if record.awaits is not None:
                return index
        return None

    @property
    def is_ready(self) -> bool:
        """Whether balance and pen are ready to weigh with."""
        return self.checked is not None and self.checked.passed and self.primed

    def step_pl(self, index: int) -> int:
        """Picolitres a step that a series is weighed with."""
        terms = self.terms.series[index % len(self.terms.series)]
        if self.fit is None or index < len(self.terms.series):
            return terms.assumed_picolitres_a_step
        return self._fitted_pl(self.fit, terms.dose_nl, terms.stroke_period_us)

    @property
    def wants_filling(self) -> bool:
        """Whether the syringe may be empty, or cannot give the next weighing or series."""
        at = self.current
        if at is None:
            return False
        record = self.records[at]
        if self.filling.is_in_doubt(record.shorts) and not self.moved:
            return True
        needed_nl = record.setting.dose_nl * record.setting.doses_a_weighing
        if record.awaits == "room_start":
            needed_nl *= record.replicates
        begins = record.awaits in {"weighing", "room_start"}
        return begins and self.filling.lacks(self._at_most(needed_nl))

    def _at_most(self, volume_nl: int) -> int:
        """What may come where so much is reckoned, before the fit says better."""
        if self.fit is not None:
            return volume_nl
        return -(-volume_nl * (100 + self.terms.most_change_percent) // 100)

    # --- folding ---

    def after(self, body: Body) -> Self:
        """This state with one more body.

        Raises OutOfOrder (E7070), VesselMoved (E7071), RedoneWithoutReason (E7011), and
        OutsideMethod (E7001) or LiquidTemperature (E7002) for a room that nothing can be weighed
        in.
        """
        match body:
            case CalibrationBalanceChecked():
                return self._checked(body)
            case CalibrationPrimed():
                return self._primed(body)
            case CalibrationRoom():
                return self._room(body)
            case CalibrationWeighed():
                return self._weighed(body)
            case CalibrationDiscarded():
                return self._discarded(body)
            case _:
                raise OutOfOrder(f"'{body.kind}' has no place in a calibration of doses.")

    def _checked(self, body: CalibrationBalanceChecked) -> Self:
        allowed = self.terms.check.passes(body.noise_sd_ug, body.drift_ug, body.weight_read_ug)
        if body.passed and not allowed:
            raise OutOfOrder("The balance is said to have passed, and by its figures it has not.")
        return replace(self, checked=body, moved=True)

    def _primed(self, body: CalibrationPrimed) -> Self:
        pl = self.terms.series[0].assumed_picolitres_a_step
        most_nl = self._at_most(body.steps * pl // PICOLITRES_A_NANOLITRE)
        filling = self.filling.primed(most_nl, filled=body.filled)
        arms = self._with_arms(body.arm_ids)
        return replace(self, primed=True, filling=filling, moved=True, arms=arms)

    def _room(self, body: CalibrationRoom) -> Self:
        index, record = self._due(body.series, f"room_{body.at}")
        air = Air(body.air_mdegc, body.pressure_pa, body.humidity_permille)
        around = Surroundings(self.terms.liquid.facts, body.liquid_mdegc, air)
        _ = around.z_ul_mg
        if body.at == "start":
            check_conditions(around, around, self.terms.limits.method)
            return self._with(index, replace(record, start=around))
        return self._with(index, replace(record, end=around))._judged(index)

    def _weighed(self, body: CalibrationWeighed) -> Self:
        index, record = self._due(body.series, body.step)
        if not self.is_ready:
            raise OutOfOrder("Nothing is weighed before balance and pen are ready.")
        arms = self._with_arms(body.arm_ids)
        if self.moved and body.before_ug is None and body.step != "first":
            raise VesselMoved("The vessel was away, and its weight before the cycle is missing.")
        given_nl = body.steps * self.step_pl(index) // PICOLITRES_A_NANOLITRE
        filling = self.filling.gave(self._at_most(given_nl))
        record = record.weighed(body)
        state = replace(self._with(index, record), arms=arms, filling=filling)
        return replace(state, last=index, moved=False)._looked_at(record)

    def _looked_at(self, record: SeriesRecord) -> Self:
        """With a refusal if bursts stay short or a blank gains mass."""
        try:
            for blank in record.blanks:
                check_blank(blank, self.terms.balance.facts)
        except NeedleDrips as error:
            return replace(self, refused=f"E{error.number} {error.what}")
        return replace(self, refused=record.cannot_dose)

    def _discarded(self, body: CalibrationDiscarded) -> Self:
        if not self._is_of_stage(body.series):
            raise OutOfOrder(f"Series {body.series + 1} is not of the stage that is weighed now.")
        at = self.current
        if at is not None and at != body.series and self.records[at].start is not None:
            raise OutOfOrder(
                f"Series {at + 1} was begun; finish it before another is gone back to."
            )
        record = self.records[body.series].discarded(body)
        moved = self.moved or body.series != self.last
        stage = self._with(body.series, record)
        return replace(stage._without_fit(), moved=moved, refused=None)

    def _due(self, series: int, awaited: str) -> tuple[int, SeriesRecord]:
        at = self.current
        if at is None or self.refused is not None:
            raise OutOfOrder("Nothing more is to be measured; discard a reading, or close.")
        if (series, awaited) != (at, self.records[at].awaits):
            due = f"series {at + 1}, {self.records[at].awaits}"
            raise OutOfOrder(f"Series {series + 1}, {awaited} was recorded; due is {due}.")
        return at, self.records[at]

    def _is_of_stage(self, series: int) -> bool:
        whole = len(self.terms.series)
        if series >= len(self.records):
            return False
        left_begun = any(record.start is not None for record in self.records[whole:])
        return series >= whole if left_begun else series < whole

    def _with(self, index: int, record: SeriesRecord) -> Self:
        before, behind = self.records[:index], self.records[index + 1 :]
        return replace(self, records=(*before, record, *behind))

    def _without_fit(self) -> Self:
        whole = len(self.terms.series)
        if all(record.awaits is None for record in self.records[:whole]):
            return self
        return replace(self, records=self.records[:whole], fit=None)

    def _with_arms(self, arm_ids: tuple[int, ...]) -> frozenset[int]:
        again = self.arms.intersection(arm_ids)
        if again or len(set(arm_ids)) < len(arm_ids):
            raise OutOfOrder(f"Arms {sorted(again) or arm_ids} are in a reading already.")
        return self.arms.union(arm_ids)

    # --- judging ---

    def weighed(self, index: int) -> Weighed:
        """The result of a complete series. Raises SeriesIncomplete (E7010)."""
        return self.records[index].result(self.terms.balance.facts, self.terms.sensors.facts)

    @property
    def verdict(self) -> Verdict:
        """What the pen was left with; FAIL while that is not weighed."""
        whole = len(self.terms.series)
        if self.fit is None or self.current is not None:
            return Verdict.FAIL
        return worst_of(*(self._verdict(index) for index in range(whole, 2 * whole)))

    def _verdict(self, index: int) -> Verdict:
        point = self.weighed(index).point
        return self.terms.limits.judge_dose(point.spread, point.budget.expanded_nl)

    def _judged(self, index: int) -> Self:
        """With what follows from a series that was completed: a refusal, a fit, or nothing."""
        try:
            self._check(index)
            whole = len(self.terms.series)
            if self.fit is None and self.current is None:
                return self._fitted([self.weighed(each) for each in range(whole)])
        except CalibrationError as error:
            return replace(self, refused=f"E{error.number} {error.what}")
        return self

    def _check(self, index: int) -> None:
        weighed = self.weighed(index)
        check_conditions(weighed.start, weighed.end, self.terms.limits.method)
        check_series(weighed.point, self.terms.limits)
        if weighed.stage is Stage.AS_LEFT and self._verdict(index) is Verdict.FAIL:
            spread, sure = weighed.point.spread, weighed.point.budget.expanded_nl
            raise StillWrong(
                f"As left, {spread.nominal_nl} nl come out {spread.error_nl:+.0f} nl off "
                f"(+- {sure:.0f} nl), with a CV of {spread.cv_percent:.1f} %."
            )

    def _fitted(self, found: list[Weighed]) -> Self:
        terms = self.terms
        line = fit([each.point for each in found], terms.limits)
        for each in terms.series:
            value_pl = self._fitted_pl(line, each.dose_nl, each.stroke_period_us)
            assumed_pl = each.assumed_picolitres_a_step
            if abs(value_pl - assumed_pl) * 100 > terms.most_change_percent * assumed_pl:
                raise StepImplausible(
                    f"{each.dose_nl} nl come out at {value_pl} pl a step against {assumed_pl} "
                    f"before; up to {terms.most_change_percent} % of change are plausible."
                )
        settings = [
            terms.setting(index, self._fitted_pl(line, each.dose_nl, each.stroke_period_us))
            for index, each in enumerate(terms.series)
        ]
        for setting in settings:
            if setting.steps_a_dose > terms.max_steps:
                raise BeyondPen(
                    f"{setting.dose_nl} nl take {setting.steps_a_dose} steps; "
                    f"this pen makes {terms.max_steps} in a stroke."
                )
        left = tuple(SeriesRecord(Stage.AS_LEFT, setting, terms.replicates) for setting in settings)
        return replace(self, fit=line, records=(*self.records, *left))

    @staticmethod
    def _fitted_pl(line: Fit, dose_nl: int, stroke_period_us: int) -> int:
        return next(
            each.configuration.picolitres_a_step
            for each in line.ranges
            if each.configuration.covers(dose_nl, stroke_period_us)
        )
