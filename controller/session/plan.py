"""What is to be given: zones, punctures, dose and cadence, for one patient pseudonym.

A plan is written by a person and frozen by its digest. It may lower limits, never raise them
(`limits.merge`). Cadence is written in hertz; `stroke_period_us` is what the pen gets.
"""

import hashlib
import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal, LiteralString, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.session.units import period_us
from controller.settings import Written, load_as
from controller.settings.scalars import (
    Exact,
    FileName,
    Id,
    StrictInt,
    Text,
    exact_text,
    in_range,
)

PlanKind = Literal["micro_dosing", "collagen_induction"]

# design.md section 1: what each way of working is. These bound what a plan can say at all; they
# authorise nothing. 50 uL is also the hard ceiling a point in domain.md 3.4.
CADENCE_HZ: dict[PlanKind, tuple[Fraction, Fraction]] = {
    "micro_dosing": (Fraction(1, 2), Fraction(10)),
    "collagen_induction": (Fraction(50), Fraction(150)),
}
DOSE_MIN_NL = 100
DOSE_MAX_NL = 50_000

Nanolitres = Annotated[StrictInt, Field(ge=0, le=10_000_000)]
CapNl = Annotated[StrictInt, Field(ge=1, le=100_000_000)]
CapUnits = Annotated[Exact, in_range(0, 10_000)]


class Zone(BaseModel):
    """One area of skin: how many punctures, how deep, how much, how fast.

    dose_nl: a puncture; 0 in collagen induction, otherwise 100 to 50,000. dwell_us: the needle
    stays after the last pump step. area_mm2: needed for hole density; required in collagen
    induction. The first zone of the plan is treated first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Id
    region: FileName
    punctures: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    protrusion_um: Annotated[StrictInt, Field(ge=1, le=3_000)]
    cadence_hz: Exact
    dose_nl: Annotated[StrictInt, Field(ge=0, le=DOSE_MAX_NL)] = 0
    dwell_us: Annotated[StrictInt, Field(ge=0, le=10_000_000)] = 0
    area_mm2: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.cadence_hz <= 0:
            raise _mistake("out_of_range", "must be above 0", "cadence_hz")
        return self

    @property
    def stroke_period_us(self) -> int:
        """Start of stroke to start of stroke, rounded up from the cadence."""
        return period_us(self.cadence_hz)

    @property
    def total_nl(self) -> int:
        """What the zone asks for: punctures times dose."""
        return self.punctures * self.dose_nl


class PlanLimits(BaseModel):
    """Limits that this plan sets lower than everybody else. Units are the product's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_dose_nl: CapNl | None = None
    max_zone_nl: CapNl | None = None
    max_session_nl: CapNl | None = None
    max_course_nl: CapNl | None = None
    max_puncture_units: CapUnits | None = None
    max_zone_units: CapUnits | None = None
    max_session_units: CapUnits | None = None
    max_course_units: CapUnits | None = None
    max_protrusion_um: dict[str, Annotated[StrictInt, Field(ge=1, le=3_000)]] = Field(
        default_factory=dict
    )
    max_cadence_hz: Annotated[Exact, in_range(Fraction(1, 10), 200)] | None = None
    max_flow_nl_s: CapNl | None = None
    max_hole_density_per_cm2: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None


class Plan(Written):
    """One treatment. `patient` is a pseudonym: no name belongs in it.

    syringe_fill_nl: what is drawn up into one syringe. prime_nl: what is spent to fill the
    cartridge, never given to the patient.
    """

    name: FileName
    kind: PlanKind
    patient: Id
    operator: Text
    product: FileName | None = None
    cartridge: FileName
    syringe_fill_nl: Nanolitres = 0
    prime_nl: Nanolitres = 0
    zones: Annotated[tuple[Zone, ...], Field(min_length=1, max_length=100)]
    limits: PlanLimits = Field(default_factory=PlanLimits)
    sources: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [zone.name for zone in self.zones]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise _mistake("repeated", f'"{name}" is named twice', "zones", index, "name")
        if self.kind == "micro_dosing":
            self._dosing()
        else:
            self._without_dispense()
        for index, zone in enumerate(self.zones):
            self._cadence(index, zone)
        return self

    def _dosing(self) -> None:
        if self.product is None:
            raise _mistake("missing_key", "micro-dosing needs a product", "product")
        if self.syringe_fill_nl == 0:
            raise _mistake("missing_key", "micro-dosing needs a filled syringe", "syringe_fill_nl")
        for index, zone in enumerate(self.zones):
            if zone.dose_nl < DOSE_MIN_NL:
                words = f"{zone.dose_nl} is not accepted: it must be {DOSE_MIN_NL} to {DOSE_MAX_NL}"
                raise _mistake("out_of_range", f"{words} nl", "zones", index, "dose_nl")

    def _without_dispense(self) -> None:
        for key in ("product", "syringe_fill_nl", "prime_nl"):
            if getattr(self, key):
                raise _mistake("not_for_kind", "collagen induction dispenses nothing", key)
        for index, zone in enumerate(self.zones):
            for key in ("dose_nl", "dwell_us"):
                if getattr(zone, key):
                    words = "must be 0 in collagen induction"
                    raise _mistake("not_for_kind", words, "zones", index, key)
            if zone.area_mm2 is None:
                words = "is needed in collagen induction, to know the density of holes"
                raise _mistake("missing_key", words, "zones", index, "area_mm2")

    def _cadence(self, index: int, zone: Zone) -> None:
        low, high = CADENCE_HZ[self.kind]
        if not low <= zone.cadence_hz <= high:
            words = f"{exact_text(zone.cadence_hz)} is not accepted: {self.kind} runs at "
            words += f"{exact_text(low)} to {exact_text(high)} Hz"
            raise _mistake("out_of_range", words, "zones", index, "cadence_hz")

    @property
    def dispenses(self) -> bool:
        """Whether this plan gives a dose."""
        return self.kind == "micro_dosing"

    @property
    def total_nl(self) -> int:
        """What the whole plan asks for, priming apart."""
        return sum(zone.total_nl for zone in self.zones)

    @property
    def digest(self) -> str:
        """sha256, in hex, of the canonical JSON: sorted keys, no spaces, exact decimals."""
        text = json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True
        )
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def zone(self, name: str) -> Zone:
        """The zone of that name. Raises KeyError for another."""
        return {zone.name: zone for zone in self.zones}[name]


def _mistake(code: LiteralString, sentence: str, *path: str | int) -> PydanticCustomError:
    # Braces would be read as places for context by pydantic; none of our sentences has any.
    return PydanticCustomError(code, "{sentence}", {"sentence": sentence, "path": path})


def load_plan(path: Path) -> Plan:
    """Read a plan. Raises E1001 unreadable, E1002 not TOML, E1003 with every mistake found."""
    return load_as(Plan, path)
