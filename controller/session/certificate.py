"""What a calibration proved: picolitres a step for each configuration, for one pen, until a date.

A provisional certificate rests on the drive's geometry and not on weighings. It says so, the
training realm takes it, the treatment realm only with `policy.accept_provisional`.
"""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.errors import NotCertified
from controller.session.plan import DOSE_MAX_NL, Plan
from controller.session.units import MICROSECONDS_A_SECOND, period_us
from controller.settings import Written, load_as
from controller.settings.scalars import (
    Exact,
    HexId,
    Source,
    StrictBool,
    StrictInt,
    Text,
    exact_text,
    in_range,
)
from protocol.limits import is_simulated_uid

# domain.md 5.3: drives range from 1 to 20 nl a step.
PicolitresAStep = Annotated[StrictInt, Field(ge=1_000, le=20_000)]
Cadence = Annotated[Exact, in_range(Fraction(1, 10), 200)]
Dose = Annotated[StrictInt, Field(ge=1, le=DOSE_MAX_NL)]
LifetimeCount = Annotated[StrictInt, Field(ge=0)]
SIMULATED = "simulated"
PenUid = Annotated[str, Field(pattern=r"^([0-9a-f]{16}|simulated)$")]


class Configuration(BaseModel):
    """A range of doses and cadences, both ends included, and the step's volume within it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    dose_from_nl: Dose
    dose_to_nl: Dose
    cadence_from_hz: Cadence
    cadence_to_hz: Cadence
    picolitres_a_step: PicolitresAStep

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.dose_from_nl > self.dose_to_nl or self.cadence_from_hz > self.cadence_to_hz:
            raise PydanticCustomError("order", "a range's from is above its to")
        return self

    def covers(self, dose_nl: int, stroke_period_us: int) -> bool:
        """Whether a dose and period lie inside; cadences are compared as the pen gets them."""
        fastest, slowest = period_us(self.cadence_to_hz), period_us(self.cadence_from_hz)
        return (
            self.dose_from_nl <= dose_nl <= self.dose_to_nl
            and fastest <= stroke_period_us <= slowest
        )

    def overlaps(self, other: "Configuration") -> bool:
        """Whether some dose and cadence lie in both."""
        return (
            self.dose_from_nl <= other.dose_to_nl
            and other.dose_from_nl <= self.dose_to_nl
            and self.cadence_from_hz <= other.cadence_to_hz
            and other.cadence_from_hz <= self.cadence_to_hz
        )


class MeasuredAt(BaseModel):
    """The pen's wear (`wear.Wear`) when it was measured: a certificate's counts begin here."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    punctures: LifetimeCount
    doses: LifetimeCount
    running_us: LifetimeCount


class Certificate(Written):
    """A calibration of one pen.

    protrusion_offset_um: measured minus set; `set_protrusion_um` takes it off. valid_until_*: the
    last moment, and the last of the pen's lifetime counts (`wear.Wear`), at which it still holds;
    None: that does not end it. firmware, cartridge_type (the chip's code) and pump_head: what was
    measured; it holds for nothing else. report_digest: SHA-256 of its report's canonical JSON.
    """

    certificate_id: HexId
    pen_uid: PenUid
    provisional: StrictBool
    source: Source
    issued_wall: AwareDatetime
    valid_until_wall: AwareDatetime
    valid_until_punctures: Annotated[StrictInt, Field(ge=1)] | None = None
    valid_until_doses: Annotated[StrictInt, Field(ge=1)] | None = None
    valid_until_running_us: Annotated[StrictInt, Field(ge=1)] | None = None
    measured_at: MeasuredAt | None = None
    firmware: Text | None = None
    cartridge_type: Annotated[StrictInt, Field(ge=1, le=65_535)] | None = None
    pump_head: Text | None = None
    report_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    protrusion_offset_um: Annotated[StrictInt, Field(ge=-200, le=200)]
    prime_picolitres_a_step: PicolitresAStep
    configurations: Annotated[tuple[Configuration, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if int(self.certificate_id, 16) == 0:
            raise PydanticCustomError(
                "zero_id", "0 means that the pen has no certificate", {"path": ("certificate_id",)}
            )
        if self.valid_until_wall <= self.issued_wall:
            raise PydanticCustomError(
                "order", "must be after issued_wall", {"path": ("valid_until_wall",)}
            )
        for index, one in enumerate(self.configurations):
            if any(one.overlaps(other) for other in self.configurations[:index]):
                raise PydanticCustomError(
                    "overlap",
                    "overlaps an earlier range, so the step's volume would be ambiguous",
                    {"path": ("configurations", index)},
                )
        return self

    @property
    def wire_id(self) -> int:
        """The certificate id as the pen stores it."""
        return int(self.certificate_id, 16)

    def is_for(self, pen_uid: int) -> bool:
        """Whether it certifies this pen; "simulated" certifies every simulated pen."""
        if self.pen_uid == SIMULATED:
            return is_simulated_uid(pen_uid)
        return int(self.pen_uid, 16) == pen_uid

    def is_valid_at(self, now_wall: datetime) -> bool:
        """Whether a moment lies from issue to end, both included.

        A clock that stands before the issue counts as expired: it is not set (H25).
        """
        return self.issued_wall <= now_wall.astimezone(UTC) <= self.valid_until_wall

    def picolitres_for(self, dose_nl: int, stroke_period_us: int) -> int:
        """Picolitres a step at a dose in nl and a period in us.

        Raises NotCertified (E1009) when no configuration covers them.
        """
        for one in self.configurations:
            if one.covers(dose_nl, stroke_period_us):
                return one.picolitres_a_step
        cadence = exact_text(round(Fraction(MICROSECONDS_A_SECOND, stroke_period_us), 3))
        ranges = "; ".join(
            f"{one.dose_from_nl} to {one.dose_to_nl} nl at {exact_text(one.cadence_from_hz)} to "
            f"{exact_text(one.cadence_to_hz)} Hz"
            for one in self.configurations
        )
        raise NotCertified(
            f"{self.where('configurations')}: {dose_nl} nl at {cadence} Hz is not covered; "
            f"covered: {ranges}."
        )

    def set_protrusion_um(self, wanted_um: int) -> int:
        """What the pen must be set to so that the needle really stands out `wanted_um`."""
        return wanted_um - self.protrusion_offset_um

    def picolitres_by_zone(self, plan: Plan) -> dict[str, int]:
        """Picolitres a step for each zone of a dosing plan; empty when it dispenses nothing.

        Raises NotCertified (E1009).
        """
        if not plan.dispenses:
            return {}
        return {
            zone.name: self.picolitres_for(zone.dose_nl, zone.stroke_period_us)
            for zone in plan.zones
        }


def load_certificate(path: Path) -> Certificate:
    """Read a certificate file. Raises E1001, E1002 or E1003."""
    return load_as(Certificate, path)
