"""What a calibration is done by, frozen when it is opened: doses, instruments, limits.

Everything that a result depends on stands here, so that a calibration that is folded from the
journal a year later comes to the same figures. Pure. `terms.model_dump(mode="json")` is what
`CalibrationOpened.terms` holds, `terms_of` reads it back.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.calibration.acceptance import AcceptanceFile, DoseNl
from controller.calibration.certificate.report import Instrument
from controller.calibration.density import Liquid, Water
from controller.calibration.protrusion import ADVISED_REPEATS, REPEATS
from controller.calibration.protrusion import Indicator as IndicatorFacts
from controller.calibration.uncertainty import Balance, Sensors
from controller.calibration.weighing import Setting, doses_needed
from controller.record.calibration_events import CalibrationOpened
from controller.session.certificate import PicolitresAStep
from controller.session.units import MICROSECONDS_A_SECOND, steps_for
from controller.settings.scalars import StrictBool, StrictInt, Text

Micrograms = Annotated[StrictInt, Field(ge=0, le=100_000_000)]
Micrometres = Annotated[StrictInt, Field(ge=0, le=3_000)]
PeriodUs = Annotated[StrictInt, Field(ge=1, le=10_000_000)]
STEPS_MOST = 65_535
"""The wire's own bound of the steps of one stroke (SPEC.md, CONFIGURE)."""


class Part(BaseModel):
    """Base of all terms: fixed, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BalanceTerms(Part):
    """What the balance's certificate says, in micrograms; repeatability is one SD."""

    instrument: Instrument
    resolution_ug: Annotated[StrictInt, Field(ge=1, le=10_000)]
    repeatability_ug: Micrograms
    linearity_ug: Micrograms

    @property
    def facts(self) -> Balance:
        """As the uncertainty budget takes them."""
        return Balance(
            self.resolution_ug, self.repeatability_ug, self.linearity_ug, source_of(self.instrument)
        )


class CheckTerms(Part):
    """How the balance is looked at first. allowed_error_ug: what the check weight may read off.

    allowed_noise_ug: one SD; allowed_drift_ug: last reading minus first. seconds: how long.
    """

    weight: Instrument
    weight_nominal_ug: Annotated[StrictInt, Field(ge=1, le=200_000_000)]
    allowed_error_ug: Micrograms
    allowed_noise_ug: Micrograms
    allowed_drift_ug: Micrograms
    seconds: Annotated[StrictInt, Field(ge=1, le=600)] = 30

    def passes(self, noise_sd_ug: int, drift_ug: int, weight_read_ug: int) -> bool:
        """Whether a balance that did this is one to weigh with."""
        return (
            noise_sd_ug <= self.allowed_noise_ug
            and abs(drift_ug) <= self.allowed_drift_ug
            and abs(weight_read_ug - self.weight_nominal_ug) <= self.allowed_error_ug
        )


class SensorTerms(Part):
    """Expanded uncertainties (k = 2) of the instruments for liquid and air."""

    liquid_mdegc: Annotated[StrictInt, Field(ge=1, le=5_000)]
    air_mdegc: Annotated[StrictInt, Field(ge=1, le=5_000)]
    pressure_pa: Annotated[StrictInt, Field(ge=1, le=10_000)]
    humidity_permille: Annotated[StrictInt, Field(ge=1, le=200)]
    source: Text

    @property
    def facts(self) -> Sensors:
        """As the uncertainty budget takes them."""
        return Sensors(
            self.liquid_mdegc, self.air_mdegc, self.pressure_pa, self.humidity_permille, self.source
        )


class LiquidTerms(Part):
    """What is weighed. Without a density it is distilled water; uncertainty is expanded (k = 2)."""

    name: Text = "water"
    lot: Text | None = None
    density_g_m3: StrictInt | None = None
    measured_at_mdegc: StrictInt | None = None
    uncertainty_g_m3: StrictInt | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = (self.density_g_m3, self.measured_at_mdegc, self.uncertainty_g_m3)
        if any(each is None for each in given) and any(each is not None for each in given):
            raise PydanticCustomError(
                "density", "a density needs its temperature and its uncertainty"
            )
        _ = self.facts
        return self

    @property
    def facts(self) -> Water | Liquid:
        """As the density's formulas take it. Raises OutsideMethod (E7001)."""
        density, at, unsure = self.density_g_m3, self.measured_at_mdegc, self.uncertainty_g_m3
        if density is None or at is None or unsure is None:
            return Water(self.name)
        return Liquid(self.name, density, at, unsure)


class SeriesTerms(Part):
    """One dose at one stroke period, and the step's volume that the pen was found with."""

    dose_nl: DoseNl
    stroke_period_us: PeriodUs
    assumed_picolitres_a_step: PicolitresAStep


class Terms(Part):
    """What every procedure needs: the content of the limits' file."""

    limits: AcceptanceFile


class DoseTerms(Terms):
    """Weighed doses. Series are weighed in this order, as found and again as left.

    protrusion_um and dwell_us are those of every stroke. settle_s: from the end of a burst to its
    reading. prime_steps: before the first weighing, off the vessel. syringe_nl: what one filling
    gives; None when a filling lasts for all. most_change_percent: how far a step's volume may be
    from the assumed one before it is a leak or another syringe (an estimate: syringes differ by
    5 % and more, domain.md 4.1). max_steps: what the pen makes in a stroke, from its envelope.
    instruments: all others than balance and check weight.
    """

    procedure: Literal["dose"] = "dose"
    series: Annotated[tuple[SeriesTerms, ...], Field(min_length=1, max_length=40)]
    replicates: Annotated[StrictInt, Field(ge=2, le=100)]
    protrusion_um: Micrometres
    dwell_us: Annotated[StrictInt, Field(ge=0, le=10_000_000)] = 0
    prime_steps: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    settle_s: Annotated[StrictInt, Field(ge=1, le=600)] = 10
    syringe_nl: Annotated[StrictInt, Field(ge=1, le=10_000_000)] | None = None
    most_change_percent: Annotated[StrictInt, Field(ge=1, le=50)] = 15
    max_steps: Annotated[StrictInt, Field(ge=1, le=STEPS_MOST)] = STEPS_MOST
    liquid: LiquidTerms
    balance: BalanceTerms
    check: CheckTerms
    sensors: SensorTerms
    instruments: tuple[Instrument, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for each in self.series:
            self.limits.band(each.dose_nl)
        if self.replicates < self.limits.method.replicates.value:
            raise PydanticCustomError("replicates", "fewer than the method asks for")
        least = self.limits.method.volumes.value
        for period in {each.stroke_period_us for each in self.series}:
            doses = [each.dose_nl for each in self.series if each.stroke_period_us == period]
            if len(doses) != len(set(doses)):
                raise PydanticCustomError("series", "a dose stands twice at one stroke period")
            if len(doses) < least:
                raise PydanticCustomError(
                    "volumes", "each stroke period needs {least} doses or more", {"least": least}
                )
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for index, each in enumerate(self.series):
            if self.setting(index, each.assumed_picolitres_a_step).steps_a_dose > self.max_steps:
                raise PydanticCustomError(
                    "steps", "{dose} nl take more steps than the pen makes", {"dose": each.dose_nl}
                )
        return self

    def setting(self, index: int, picolitres_a_step: int) -> Setting:
        """What each weighing of a series is, with this volume of a step."""
        one = self.series[index]
        doses = doses_needed(one.dose_nl, self.balance.resolution_ug)
        steps = steps_for(one.dose_nl, picolitres_a_step)
        return Setting(one.dose_nl, one.stroke_period_us, steps, doses)

    def cycle_s(self, index: int) -> int:
        """From one reading to the next: a dry cycle takes as long as a weighing."""
        one = self.series[index]
        doses = doses_needed(one.dose_nl, self.balance.resolution_ug)
        return self.settle_s + -(-doses * one.stroke_period_us // MICROSECONDS_A_SECOND)

    @property
    def all_instruments(self) -> tuple[Instrument, ...]:
        """For the certificate: balance, check weight and the others."""
        return (self.balance.instrument, self.check.weight, *self.instruments)


class ProtrusionTerms(Terms):
    """Where the needle's tip is touched: each point `repeats` times from inside, then from outside.

    outer_um: from where the points are approached on the way back; beyond the outermost point.
    """

    procedure: Literal["protrusion"] = "protrusion"
    points_um: tuple[Annotated[StrictInt, Field(ge=1, le=3_000)], ...]
    outer_um: Micrometres
    repeats: Annotated[StrictInt, Field(ge=REPEATS, le=20)] = ADVISED_REPEATS
    indicator: Instrument
    resolution_um: Annotated[StrictInt, Field(ge=1, le=100)]
    max_error_um: Annotated[StrictInt, Field(ge=0, le=100)]
    instruments: tuple[Instrument, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if list(self.points_um) != sorted(set(self.points_um)):
            raise PydanticCustomError("points", "points must rise, each once")
        least = self.limits.method.protrusion_points.value
        if len(self.points_um) < least:
            raise PydanticCustomError("points", "needs {least} points or more", {"least": least})
        if self.outer_um <= self.points_um[-1]:
            raise PydanticCustomError("outer", "outer_um must lie beyond the outermost point")
        return self

    @property
    def facts(self) -> IndicatorFacts:
        """As the axis' budget takes the indicator."""
        return IndicatorFacts(self.resolution_um, self.max_error_um, source_of(self.indicator))

    @property
    def all_instruments(self) -> tuple[Instrument, ...]:
        """For the certificate: the indicator and the others."""
        return (self.indicator, *self.instruments)


class CadenceTerms(Terms):
    """Runs without dispense, one at each stroke period. tachometer: None without one."""

    procedure: Literal["cadence"] = "cadence"
    stroke_periods_us: Annotated[tuple[PeriodUs, ...], Field(min_length=1, max_length=20)]
    strokes: Annotated[StrictInt, Field(ge=11, le=10_000)]
    protrusion_um: Micrometres
    tachometer: Instrument | None = None
    instruments: tuple[Instrument, ...] = ()
    simulated: StrictBool = False

    @property
    def all_instruments(self) -> tuple[Instrument, ...]:
        """For the certificate: the tachometer, if there is one, and the others."""
        first = () if self.tachometer is None else (self.tachometer,)
        return (*first, *self.instruments)


AnyTerms = DoseTerms | ProtrusionTerms | CadenceTerms
_KINDS: Mapping[str, type[AnyTerms]] = {
    "dose": DoseTerms,
    "protrusion": ProtrusionTerms,
    "cadence": CadenceTerms,
}


def terms_of(opened: CalibrationOpened) -> AnyTerms:
    """The terms of a calibration, as they were frozen. Raises pydantic's ValidationError."""
    terms: dict[str, Any] = opened.terms
    return _KINDS[opened.procedure].model_validate(terms)


def source_of(instrument: Instrument) -> str:
    """How a budget names an instrument: by its certificate, otherwise by its make and serial."""
    if instrument.certificate_number is not None:
        return f"certificate {instrument.certificate_number}"
    return f"{instrument.make} {instrument.serial}, no certificate"
