"""What the technician has on the bench, as a TOML file: instruments, liquid, doses, periods.

Pure but for reading that file. A setup becomes the terms of one procedure, which freeze it for
good. Nothing here has a default that could stand for a measurement.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controller.calibration.acceptance import AcceptanceFile, DoseNl
from controller.calibration.certificate.report import Instrument
from controller.calibration.procedure.terms import (
    AnyTerms,
    CadenceTerms,
    DoseTerms,
    LiquidTerms,
    Micrograms,
    Micrometres,
    PeriodUs,
    ProtrusionTerms,
    SensorTerms,
)
from controller.calibration.protrusion import ADVISED_REPEATS
from controller.errors import CalibrationError, InputRejected, WrongUsage
from controller.record.calibration_events import Procedure
from controller.session.certificate import PicolitresAStep
from controller.settings import Written, load_as
from controller.settings.problems import describe
from controller.settings.scalars import StrictInt, Text

Picolitres = Callable[[int, int], int]
"""What a step is taken for at a dose in nl and a stroke period in us, until it is measured."""
BALANCE, WEIGHT, INDICATOR, TACHOMETER = "balance", "check weight", "indicator", "tachometer"
_OF_SERIES = {"doses_nl", "stroke_periods_us", "assumed_picolitres_a_step"}


class InstrumentExpired(CalibrationError):
    """An instrument's own certificate has run out."""

    number = 7080
    cause = "It was not sent to its laboratory in time, or the setup file tells an old date."
    action = "Use another instrument, or write its new certificate and date into the setup file."


class Table(BaseModel):
    """Base of the tables of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BalanceTable(Instrument):
    """The balance with what its certificate says; repeatability is one SD."""

    role: Text = BALANCE
    resolution_ug: Annotated[StrictInt, Field(ge=1, le=10_000)]
    repeatability_ug: Micrograms
    linearity_ug: Micrograms


class WeightTable(Instrument):
    """The check weight, and what the balance may show of it. noise: one SD."""

    role: Text = WEIGHT
    nominal_ug: Annotated[StrictInt, Field(ge=1, le=200_000_000)]
    allowed_error_ug: Micrograms
    allowed_noise_ug: Micrograms
    allowed_drift_ug: Micrograms
    seconds: Annotated[StrictInt, Field(ge=1, le=600)] = 30


class IndicatorTable(Instrument):
    """The dial or digital indicator with what its certificate says."""

    role: Text = INDICATOR
    resolution_um: Annotated[StrictInt, Field(ge=1, le=100)]
    max_error_um: Annotated[StrictInt, Field(ge=0, le=100)]


class TachometerTable(Instrument):
    """The tachometer."""

    role: Text = TACHOMETER


class DoseTable(Table):
    """What is weighed: each dose at each period.

    assumed_picolitres_a_step: for what no certificate of the pen covers; geometry will do.
    """

    doses_nl: Annotated[tuple[DoseNl, ...], Field(min_length=1)]
    stroke_periods_us: Annotated[tuple[PeriodUs, ...], Field(min_length=1)]
    replicates: StrictInt
    protrusion_um: Micrometres
    dwell_us: StrictInt = 0
    settle_s: StrictInt = 10
    prime_steps: StrictInt
    syringe_nl: StrictInt | None = None
    assumed_picolitres_a_step: PicolitresAStep | None = None


class ProtrusionTable(Table):
    """Where the needle's tip is touched."""

    points_um: tuple[StrictInt, ...]
    outer_um: StrictInt
    repeats: StrictInt = ADVISED_REPEATS


class CadenceTable(Table):
    """Which stroke periods are run."""

    stroke_periods_us: Annotated[tuple[PeriodUs, ...], Field(min_length=1)]
    strokes: StrictInt = 101
    protrusion_um: Micrometres


class RoomTable(Table):
    """Liquid and air for a program, which can read no instrument."""

    liquid_mdegc: StrictInt
    air_mdegc: StrictInt
    pressure_pa: StrictInt
    humidity_permille: StrictInt


class Setup(Written):
    """The whole file. A procedure needs the tables that it measures with, and no others."""

    pump_head: Text
    balance: BalanceTable | None = None
    check_weight: WeightTable | None = None
    sensors: SensorTerms | None = None
    indicator: IndicatorTable | None = None
    tachometer: TachometerTable | None = None
    instruments: tuple[Instrument, ...] = ()
    liquid: LiquidTerms = LiquidTerms()
    dose: DoseTable | None = None
    protrusion: ProtrusionTable | None = None
    cadence: CadenceTable | None = None
    room: RoomTable | None = None

    def terms(
        self, procedure: Procedure, limits: AcceptanceFile, today: date, assumed: Picolitres
    ) -> AnyTerms:
        """The terms of a procedure. Raises E7080 for an instrument whose certificate ran out.

        Raises E1003 for values that cannot be, WrongUsage for a table that is missing, E7020 for a
        dose without limits, and what `assumed` raises.
        """
        for each in self._used(procedure):
            check_due(each, today)
        made: dict[Procedure, Callable[[], AnyTerms]] = {
            "dose": lambda: self._dose(limits, assumed),
            "protrusion": lambda: self._protrusion(limits),
            "cadence": lambda: self._cadence(limits),
        }
        try:
            return made[procedure]()
        except ValidationError as error:
            raise self._refused(procedure, error) from error

    def _dose(self, limits: AcceptanceFile, assumed: Picolitres) -> DoseTerms:
        table, balance = self._needed("dose", self.dose), self._needed("balance", self.balance)
        weight = self._needed("check_weight", self.check_weight)
        for dose_nl in table.doses_nl:
            limits.band(dose_nl)
        series = [
            {
                "dose_nl": dose_nl,
                "stroke_period_us": period_us,
                "assumed_picolitres_a_step": assumed(dose_nl, period_us),
            }
            for period_us in table.stroke_periods_us
            for dose_nl in table.doses_nl
        ]
        return DoseTerms.model_validate(
            {
                **table.model_dump(exclude=_OF_SERIES),
                "limits": limits,
                "series": series,
                "liquid": self.liquid,
                "balance": {"instrument": plain(balance)}
                | balance.model_dump(include=_own(BalanceTable)),
                "check": {
                    "weight": plain(weight),
                    "weight_nominal_ug": weight.nominal_ug,
                    **weight.model_dump(include=_own(WeightTable) - {"nominal_ug"}),
                },
                "sensors": self._needed("sensors", self.sensors),
                "instruments": self.instruments,
            }
        )

    def _protrusion(self, limits: AcceptanceFile) -> ProtrusionTerms:
        table = self._needed("protrusion", self.protrusion)
        indicator = self._needed("indicator", self.indicator)
        return ProtrusionTerms.model_validate(
            {
                **table.model_dump(),
                **indicator.model_dump(include=_own(IndicatorTable)),
                "limits": limits,
                "indicator": plain(indicator),
                "instruments": self.instruments,
            }
        )

    def _cadence(self, limits: AcceptanceFile) -> CadenceTerms:
        table = self._needed("cadence", self.cadence)
        tachometer = None if self.tachometer is None else plain(self.tachometer)
        return CadenceTerms.model_validate(
            {
                **table.model_dump(),
                "limits": limits,
                "tachometer": tachometer,
                "instruments": self.instruments,
            }
        )

    def _used(self, procedure: Procedure) -> Iterator[Instrument]:
        used: dict[Procedure, tuple[Instrument | None, ...]] = {
            "dose": (self.balance, self.check_weight),
            "protrusion": (self.indicator,),
            "cadence": (self.tachometer,),
        }
        yield from (each for each in used[procedure] if each is not None)
        yield from self.instruments

    def _needed(self, name: str, table: Any) -> Any:
        if table is None:
            where = "the setup" if self.origin is None else str(self.origin.path)
            raise WrongUsage(
                f"{where} has no table [{name}].",
                cause="This procedure measures with it.",
                action=f"Write [{name}] into the setup file; docs/calibration.md shows one.",
            )
        return table

    def _refused(self, procedure: str, error: ValidationError) -> Exception:
        if self.origin is None:
            return error
        _key, code, sentence = describe(error.errors(include_url=False)[0], type(self))
        return InputRejected([self.origin.problem((procedure,), code, sentence)])


def plain(instrument: Instrument) -> Instrument:
    """An instrument without what only its own table has."""
    return Instrument.model_validate(instrument.model_dump(include=set(Instrument.model_fields)))


def check_due(instrument: Instrument, today: date) -> None:
    """Refuse an instrument whose certificate has run out. Raises InstrumentExpired (E7080)."""
    if instrument.due is not None and instrument.due < today:
        raise InstrumentExpired(
            f"The {instrument.role} {instrument.make} {instrument.serial} was due on "
            f"{instrument.due.isoformat()}."
        )


def load_setup(path: Path) -> Setup:
    """Read a setup file. Raises E1001, E1002 or E1003 with every mistake at its line."""
    return load_as(Setup, path)


def _own(table: type[Instrument]) -> set[str]:
    return set(table.model_fields) - set(Instrument.model_fields)
