"""A finished calibration as data: all that its certificate says, in integers of device units.

Pure. The PDF shows this and nothing else; the digest is taken of its canonical JSON, so whoever
holds the JSON can tell whether a printed page is its picture. The schema is
`CalibrationReport.model_json_schema()`.
"""

import hashlib
import unicodedata
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.calibration.acceptance import Verdict, worst_of
from controller.settings.scalars import HexId, StrictBool, StrictInt
from protocol.limits import is_simulated_uid

Line = Annotated[str, Field(min_length=1, max_length=200)]
Remark = Annotated[str, Field(min_length=1, max_length=600)]
Positive = Annotated[StrictInt, Field(ge=1)]
NotNegative = Annotated[StrictInt, Field(ge=0)]
SIMULATED, NOT_APPROVED = "SIMULATED", "NOT APPROVED"


class Stage(StrEnum):
    """What a series was weighed for."""

    AS_FOUND = "as_found"
    FIT = "fit"
    AS_LEFT = "as_left"


class Part(BaseModel):
    """Base of the report's parts: fixed once made, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pen(Part):
    """What was calibrated."""

    uid: HexId
    model: Line
    firmware: Line
    cartridge_type: Line
    pump_head: Line


class Instrument(Part):
    """Something that was measured with, and its own certificate; None when it has none."""

    role: Line
    make: Line
    serial: Line
    certificate_number: Line | None = None
    due: date | None = None
    simulated: StrictBool = False


class Conditions(Part):
    """Liquid and air at one moment."""

    liquid_mdegc: StrictInt
    air_mdegc: StrictInt
    pressure_pa: Positive
    humidity_permille: NotNegative


class TestLiquid(Part):
    """What was weighed. density_g_m3 is the measured one; None for water, whose formula counts."""

    __test__ = False
    name: Line
    lot: Line | None = None
    density_g_m3: Positive | None = None


class BenchCheck(Part):
    """The balance looked at before the first weighing, in micrograms."""

    seconds: Positive
    noise_sd_ug: NotNegative
    drift_ug: StrictInt
    check_weight_nominal_ug: Positive
    check_weight_read_ug: StrictInt
    allowed_error_ug: NotNegative
    verdict: Verdict


class Weighing(Part):
    """One attempt. discarded_because: why it does not count; None for the one that does."""

    before_ug: StrictInt
    after_ug: StrictInt
    steps: NotNegative
    typed: StrictBool = False
    discarded_because: Remark | None = None


class BudgetLine(Part):
    """One contribution to a mean dose's uncertainty: a standard uncertainty in picolitres.

    standard: the same in its own unit, as a person reads it. dof: None when without end.
    """

    name: Line
    source: Remark
    standard: Line
    standard_pl: NotNegative
    dof: Positive | None


class DoseResult(Part):
    """What a series says, and the limits it is judged by. cv_ppm: None when nothing came.

    accumulated_error_pl: the limit that all doses of a series together put on a dose's error; None
    when they are too few for it.
    """

    mean_pl: StrictInt
    error_pl: StrictInt
    dose_sd_pl: NotNegative
    cv_ppm: NotNegative | None
    expanded_pl: NotNegative
    coverage_milli: Positive
    pass_error_pl: Positive
    fail_error_pl: Positive
    accumulated_error_pl: Positive | None
    pass_cv_ppm: Positive
    fail_cv_ppm: Positive
    verdict: Verdict


class WeighedSeries(Part):
    """One series with every attempt, where it was weighed, its result and its budget.

    blank_*_ug: what a dry cycle lost before and after. z_pl_mg: picolitres a milligram.
    residual_pl: how far the mean lies above the fitted line; None unless it was fitted.
    """

    stage: Stage
    dose_nl: Positive
    stroke_period_us: Positive
    steps_a_dose: Positive
    doses_a_weighing: Positive
    start: Conditions
    end: Conditions
    blank_start_ug: StrictInt
    blank_end_ug: StrictInt
    z_pl_mg: Positive
    replicates: tuple[tuple[Weighing, ...], ...]
    result: DoseResult
    residual_pl: StrictInt | None = None
    budget: tuple[BudgetLine, ...]


class CertifiedRange(Part):
    """A range of doses and stroke periods, both ends included, and a step's volume within it."""

    dose_from_nl: Positive
    dose_to_nl: Positive
    longest_period_us: Positive
    shortest_period_us: Positive
    picolitres_a_step: Positive
    interval_pl: NotNegative


class FittedLine(Part):
    """The line of a range of periods: a dose of s steps delivers offset + slope * s."""

    longest_period_us: Positive
    shortest_period_us: Positive
    offset_pl: StrictInt
    slope_pl_a_thousand_steps: StrictInt


class Reading(Part):
    """One reading of the indicator."""

    from_um: StrictInt
    set_um: StrictInt
    measured_um: StrictInt
    typed: StrictBool = False


class AxisPoint(Part):
    """The axis at one set protrusion; remaining: what is left after the offset is taken off."""

    set_um: StrictInt
    error_nm: StrictInt
    backlash_nm: StrictInt
    remaining_nm: StrictInt
    expanded_nm: NotNegative
    verdict: Verdict


class Axis(Part):
    """The protrusion. gain_ppm: measured a set one, a million is one to one."""

    readings: tuple[Reading, ...]
    points: tuple[AxisPoint, ...]
    offset_um: StrictInt
    gain_ppm: StrictInt
    backlash_nm: StrictInt
    repeatability_nm: NotNegative
    pass_error_um: Positive
    fail_error_um: Positive
    verdict: Verdict


class CadenceRun(Part):
    """One run at one set period. clock_ppm: the pen's clock against the witness; None without."""

    set_period_us: Positive
    pen_mhz: NotNegative
    jitter_ppm: NotNegative
    error_ppm: StrictInt
    expanded_ppm: NotNegative
    clock_ppm: StrictInt | None
    witness: Line
    verdict: Verdict


class Earlier(Part):
    """A result of an earlier certificate of the same pen."""

    certificate_id: HexId
    issued_wall: AwareDatetime
    stage: Stage
    dose_nl: Positive
    error_ppm: StrictInt
    expanded_ppm: NotNegative


class Signature(Part):
    """Who did something, and when. remark: such as why a conditional result was accepted."""

    person: Line
    at_wall: AwareDatetime
    remark: Remark | None = None


class CalibrationReport(Part):
    """A certificate's content. valid_until_*: lifetime counts of the pen; None: no such end."""

    certificate_id: HexId
    supersedes: HexId | None = None
    journal_id: Line
    software_version: Line
    limits_title: Line
    issued_wall: AwareDatetime
    valid_until_wall: AwareDatetime
    valid_until_punctures: Positive | None = None
    valid_until_doses: Positive | None = None
    valid_until_running_us: Positive | None = None
    pen: Pen
    liquid: TestLiquid
    instruments: Annotated[tuple[Instrument, ...], Field(min_length=1)]
    bench_check: BenchCheck | None = None
    series: Annotated[tuple[WeighedSeries, ...], Field(min_length=1)]
    lines: tuple[FittedLine, ...]
    ranges: Annotated[tuple[CertifiedRange, ...], Field(min_length=1)]
    prime_picolitres_a_step: Positive
    axis: Axis | None = None
    cadences: tuple[CadenceRun, ...] = ()
    history: tuple[Earlier, ...] = ()
    measured_by: Signature
    approved_by: Signature | None = None

    @model_validator(mode="after")
    def _two_people(self) -> Self:
        approved = self.approved_by
        if approved is not None and is_same_person(approved.person, self.measured_by.person):
            raise PydanticCustomError(
                "one_person", "who measured cannot approve", {"path": ("approved_by", "person")}
            )
        return self

    @property
    def verdict(self) -> Verdict:
        """The worst of what the pen was left with: how it was found does not count."""
        last = self.of(Stage.AS_LEFT) or self.of(Stage.FIT)
        return worst_of(
            *(each.result.verdict for each in last),
            *([] if self.bench_check is None else [self.bench_check.verdict]),
            *([] if self.axis is None else [self.axis.verdict]),
            *(each.verdict for each in self.cadences),
        )

    @property
    def marks(self) -> tuple[str, ...]:
        """What stands across every page: simulated parts, a missing second person."""
        pretended = any(each.simulated for each in self.instruments)
        marks = {
            SIMULATED: pretended or is_simulated_uid(int(self.pen.uid, 16)),
            NOT_APPROVED: self.approved_by is None,
        }
        return tuple(mark for mark, applies in marks.items() if applies)

    def of(self, stage: Stage) -> tuple[WeighedSeries, ...]:
        """The series of one stage."""
        return tuple(each for each in self.series if each.stage is stage)

    def canonical_json(self) -> bytes:
        """UTF-8 with sorted keys and no blanks: the same bytes for the same report."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, as 64 hexadecimal digits: what the PDF prints."""
        return hashlib.sha256(self.canonical_json()).hexdigest()


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are one, whatever their case, blanks and forms of letters."""
    return _plain(one) == _plain(other)


def _plain(person: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", person).casefold().split())
