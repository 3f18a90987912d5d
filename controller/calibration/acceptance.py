"""When a calibration passes: the limits as a file, and the verdict with its guard band.

The rule: an error conforms only if it stays within the limit together with its expanded
uncertainty. |error| + U within the pass limit is a pass; within the fail limit it is conditional,
which a person has to accept by name; everything else fails. Not knowing never passes.
"""

from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.calibration.errors import NoAcceptanceLimits
from controller.calibration.statistics import Spread
from controller.session.limits_file import Limit
from controller.session.plan import DOSE_MAX_NL
from controller.settings import Written, load_as
from controller.settings.scalars import Exact, Source, StrictInt, Text, in_range

Percent = Annotated[Exact, in_range(Fraction(1, 100), 100)]
DoseNl = Annotated[StrictInt, Field(ge=1, le=DOSE_MAX_NL)]
ErrorNl = Annotated[StrictInt, Field(ge=1, le=DOSE_MAX_NL)]
ErrorUm = Annotated[StrictInt, Field(ge=1, le=1_000)]
Count = Annotated[StrictInt, Field(ge=2, le=100)]
Temperature = Annotated[StrictInt, Field(ge=10_000, le=40_000)]
Permille = Annotated[StrictInt, Field(ge=0, le=1_000)]


class Verdict(StrEnum):
    """What a judged value is; ordered from best to worst by `worst_of`."""

    PASS = "pass"
    CONDITIONAL = "conditional"
    FAIL = "fail"


_ORDER = list(Verdict)


def worst_of(*verdicts: Verdict) -> Verdict:
    """The worst of some verdicts; FAIL when there is none to look at."""
    return max(verdicts, key=_ORDER.index, default=Verdict.FAIL)


def guarded(error: float, expanded: float, pass_limit: float, fail_limit: float) -> Verdict:
    """The verdict on an error with its expanded uncertainty, all in the same unit."""
    reach = abs(error) + expanded
    if reach <= pass_limit:
        return Verdict.PASS
    return Verdict.CONDITIONAL if reach <= fail_limit else Verdict.FAIL


class Table(BaseModel):
    """Base of the tables of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Method(Table):
    """How much has to be measured, and under which conditions."""

    volumes: Limit[Count]
    replicates: Limit[Count]
    liquid_from_mdegc: Limit[Temperature]
    liquid_to_mdegc: Limit[Temperature]
    liquid_drift_mdegc: Limit[Annotated[StrictInt, Field(ge=10, le=5_000)]]
    humidity_from_permille: Limit[Permille]
    protrusion_points: Limit[Count]


class DoseBand(Table):
    """The limits of a range of doses. Errors either in nanolitres or in percent of the dose."""

    from_nl: DoseNl
    to_nl: DoseNl
    pass_error_nl: ErrorNl | None = None
    fail_error_nl: ErrorNl | None = None
    pass_error_percent: Percent | None = None
    fail_error_percent: Percent | None = None
    pass_cv_percent: Percent
    fail_cv_percent: Percent
    source: Source

    @model_validator(mode="after")
    def _sound(self) -> Self:
        absolute = self.pass_error_nl is not None and self.fail_error_nl is not None
        relative = self.pass_error_percent is not None and self.fail_error_percent is not None
        given = sum(
            value is not None
            for value in (
                self.pass_error_nl,
                self.fail_error_nl,
                self.pass_error_percent,
                self.fail_error_percent,
            )
        )
        if absolute == relative or given != 2:
            raise PydanticCustomError(
                "error_limits", "needs pass and fail limits of the error, in nl or in percent"
            )
        pass_nl, fail_nl = self.error_limits_nl(self.from_nl)
        if pass_nl > fail_nl or self.pass_cv_percent > self.fail_cv_percent:
            raise PydanticCustomError("order", "a pass limit is above its fail limit")
        if self.from_nl > self.to_nl:
            raise PydanticCustomError("order", "a range's from is above its to")
        return self

    def error_limits_nl(self, dose_nl: int) -> tuple[Fraction, Fraction]:
        """The pass and the fail limit of the systematic error, in nanolitres."""
        if self.pass_error_nl is not None and self.fail_error_nl is not None:
            return Fraction(self.pass_error_nl), Fraction(self.fail_error_nl)
        share = Fraction(dose_nl, 100)
        return share * (self.pass_error_percent or 0), share * (self.fail_error_percent or 0)

    def judge_error(self, dose_nl: int, error_nl: float, expanded_nl: float) -> Verdict:
        """The verdict on a systematic error."""
        pass_nl, fail_nl = self.error_limits_nl(dose_nl)
        return guarded(error_nl, expanded_nl, float(pass_nl), float(fail_nl))

    def judge_cv(self, cv_percent: float) -> Verdict:
        """The verdict on a random error."""
        return guarded(cv_percent, 0.0, float(self.pass_cv_percent), float(self.fail_cv_percent))


class Accumulated(Table):
    """The limit for all doses of a series together, from a total volume on."""

    from_nl: Annotated[StrictInt, Field(ge=1, le=100_000_000)]
    pass_error_percent: Percent
    source: Source


class ProtrusionLimits(Table):
    """Limits of the protrusion at each point, and of the scatter of repeats (one SD)."""

    pass_error_um: ErrorUm
    fail_error_um: ErrorUm
    max_repeatability_um: ErrorUm
    source: Source


class CadenceLimits(Table):
    """Limits of the cadence, in percent of the set one."""

    pass_error_percent: Percent
    fail_error_percent: Percent
    source: Source


class Validity(Table):
    """How long a certificate holds, whichever comes first.

    hours: of running, punctures x stroke period. doses: punctures with dispense. punctures: of any
    kind; None: they do not end it.
    """

    days: Annotated[StrictInt, Field(ge=1, le=366)]
    hours: Annotated[StrictInt, Field(ge=1, le=10_000)]
    doses: Annotated[StrictInt, Field(ge=1, le=100_000_000)]
    punctures: Annotated[StrictInt, Field(ge=1, le=1_000_000_000)] | None = None
    source: Source


class AcceptanceFile(Written):
    """`calibration.toml`. Every limit has its source; nothing stands in for a missing one."""

    title: Text
    method: Method
    doses: Annotated[tuple[DoseBand, ...], Field(min_length=1)]
    accumulated: Accumulated
    protrusion: ProtrusionLimits
    cadence: CadenceLimits
    validity: Validity

    @model_validator(mode="after")
    def _bands_apart(self) -> Self:
        for index, (lower, upper) in enumerate(zip(self.doses, self.doses[1:], strict=False)):
            if upper.from_nl <= lower.to_nl:
                raise PydanticCustomError(
                    "overlap",
                    "begins inside the band before; bands are written in rising order",
                    {"path": ("doses", index + 1)},
                )
        return self

    def band(self, dose_nl: int) -> DoseBand:
        """The band that a dose falls into. Raises NoAcceptanceLimits (E7020)."""
        for one in self.doses:
            if one.from_nl <= dose_nl <= one.to_nl:
                return one
        known = "; ".join(f"{one.from_nl} to {one.to_nl} nl" for one in self.doses)
        raise NoAcceptanceLimits(
            f"{self.where('doses')}: no band holds for {dose_nl} nl; there are: {known}."
        )

    def judge_dose(self, spread: Spread, expanded_nl: float) -> Verdict:
        """The verdict on one series: systematic error, random error, and the accumulated volume.

        expanded_nl: the expanded uncertainty of the mean dose. Raises NoAcceptanceLimits (E7020).
        """
        band = self.band(spread.nominal_nl)
        return worst_of(
            band.judge_error(spread.nominal_nl, spread.error_nl, expanded_nl),
            band.judge_cv(spread.cv_percent),
            self._judge_total(spread, expanded_nl),
        )

    def _judge_total(self, spread: Spread, expanded_nl: float) -> Verdict:
        if spread.n * spread.doses * spread.nominal_nl < self.accumulated.from_nl:
            return Verdict.PASS
        limit_nl = float(self.accumulated.pass_error_percent) * spread.nominal_nl / 100
        return guarded(spread.error_nl, expanded_nl, limit_nl, limit_nl)


def load_acceptance(path: Path) -> AcceptanceFile:
    """Read `calibration.toml`. Raises E1001, E1002 or E1003."""
    return load_as(AcceptanceFile, path)
