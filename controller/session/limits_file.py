"""A clinician's limits as a file: each value with its source, and who approved them.

Reading only; `limits.merge` says what follows for a plan.
"""

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from controller.session.plan import CapNl, CapUnits, PlanKind
from controller.session.product import ProductUnit
from controller.settings import Written, load_as
from controller.settings.scalars import Exact, FileName, Source, StrictInt, Text, in_range

T = TypeVar("T")


class Limit(BaseModel, Generic[T]):
    """One limit with the reason for its value."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    value: T
    source: Source


class Approval(BaseModel):
    """Who set these limits, and when. Without it they hold in the training realm only."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    by: Text
    on: date


class UnitLimits(BaseModel):
    """Limits in the units of one product family."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_puncture_units: Limit[CapUnits] | None = None
    max_zone_units: Limit[CapUnits] | None = None
    max_session_units: Limit[CapUnits] | None = None
    max_course_units: Limit[CapUnits] | None = None


Micrometres = Annotated[StrictInt, Field(ge=1, le=3_000)]


class LimitsFile(Written):
    """A file of `limits/`. Keys may be absent; a plan that needs an absent one is refused."""

    name: FileName
    title: Text
    kind: PlanKind
    approval: Approval | None = None
    max_dose_nl: Limit[CapNl] | None = None
    max_zone_nl: Limit[CapNl] | None = None
    max_session_nl: Limit[CapNl] | None = None
    max_course_nl: Limit[CapNl] | None = None
    course_window_days: Limit[Annotated[StrictInt, Field(ge=1, le=3_660)]] | None = None
    max_flow_nl_s: Limit[CapNl] | None = None
    max_cadence_hz: Limit[Annotated[Exact, in_range(Fraction(1, 10), 200)]] | None = None
    max_hole_density_per_cm2: Limit[Annotated[StrictInt, Field(ge=1, le=10_000)]] | None = None
    max_protrusion_um: dict[FileName, Limit[Micrometres]] = Field(default_factory=dict)
    units: dict[ProductUnit, UnitLimits] = Field(default_factory=dict)


def load_limits(path: Path) -> LimitsFile:
    """Read a limits file. Raises E1001, E1002 or E1003."""
    return load_as(LimitsFile, path)
