"""What limits hold: how the layers device, cartridge, clinician's file and plan combine.

Each layer may only lower. A limit that nobody set refuses the plan; no number in this module
stands in for one (H41). Pure: works on models that others have read.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from controller.errors import LimitMissing, LimitRaised, WrongKind
from controller.session.cartridge import CartridgeType
from controller.session.limits_file import Limit, LimitsFile, UnitLimits, load_limits
from controller.session.plan import Plan, PlanKind
from controller.session.product import ProductUnit
from controller.session.units import period_us
from controller.settings import did_you_mean
from controller.settings.scalars import Exact, exact_text
from protocol.messages import Envelope

__all__ = ["EffectiveLimits", "Limit", "LimitsFile", "load_limits", "merge"]

T = TypeVar("T")


class EffectiveLimits(BaseModel):
    """What holds for one plan on one pen with one cartridge.

    Volumes in nl, all inclusive. The four in product units are None for a product without an
    active component. In collagen induction every volume is 0, since nothing may be dispensed, and
    `course_window_days` is 0. `set_by` names the file and line that each value came from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: PlanKind
    approved_by: str | None
    unit: ProductUnit | None
    max_dose_nl: int
    max_zone_nl: int
    max_session_nl: int
    max_course_nl: int
    max_puncture_units: Exact | None
    max_zone_units: Exact | None
    max_session_units: Exact | None
    max_course_units: Exact | None
    course_window_days: int
    max_protrusion_um: Mapping[str, int]
    min_stroke_period_us: int
    max_flow_nl_s: int
    max_hole_density_per_cm2: int | None
    set_by: Mapping[str, str]


VOLUMES = ("max_dose_nl", "max_zone_nl", "max_session_nl", "max_course_nl")
UNITS = ("max_puncture_units", "max_zone_units", "max_session_units", "max_course_units")
_PEN = "the pen's own ceiling"


class _Layers:
    """One merge: picks each value and remembers who set it."""

    def __init__(
        self, device: Envelope, cartridge: CartridgeType, file: LimitsFile, plan: Plan
    ) -> None:
        self.device, self.cartridge, self.file, self.plan = device, cartridge, file, plan
        self.set_by: dict[str, str] = {}

    def need(self, limit: Limit[T] | None, *key: str) -> tuple[T, str]:
        """A value of the limits file and its place. Raises LimitMissing when it is not set."""
        if limit is None:
            raise LimitMissing(f"{self.file.where(*key)} is not set, and this plan needs it.")
        return limit.value, f"{self.file.where(*key)} ({limit.source})"

    def lower(
        self, name: str, base: T, base_by: str, wish: T | None, *key: str, reverse: bool = False
    ) -> T:
        """The plan's wish if it lowers `base`. Raises LimitRaised if it would raise it.

        reverse: the limit is a minimum (a stroke period), so a smaller wish raises it.
        """
        if wish is None:
            self.set_by[name] = base_by
            return base
        mine, theirs = Fraction(str(wish)), Fraction(str(base))
        if mine < theirs if reverse else mine > theirs:
            written = f"{self.plan.where('limits', *key)}"
            raise LimitRaised(
                f"{written} would raise the limit {exact_text(theirs)} of {base_by} "
                f"to {exact_text(mine)}."
            )
        self.set_by[name] = self.plan.where("limits", *key)
        return wish

    def volumes(self) -> dict[str, int]:
        """The four volume limits; 0 when the plan dispenses nothing."""
        if not self.plan.dispenses:
            return dict.fromkeys(VOLUMES, 0)
        found = {}
        for name in VOLUMES:
            base, by = self.need(getattr(self.file, name), name)
            found[name] = self.lower(name, base, by, getattr(self.plan.limits, name), name)
        return found

    def units(self, unit: ProductUnit | None) -> dict[str, Fraction | None]:
        """The four limits in the product's own unit; None without one."""
        if unit is None:
            return dict.fromkeys(UNITS)
        table = self.file.units.get(unit, UnitLimits())
        found: dict[str, Fraction | None] = {}
        for name in UNITS:
            base, by = self.need(getattr(table, name), "units", unit, name)
            found[name] = self.lower(name, base, by, getattr(self.plan.limits, name), name)
        return found

    def protrusions(self) -> dict[str, int]:
        """The ceiling of each region in um: lowest of pen, cartridge, file; then the plan's."""
        self._regions_known()
        found = {}
        for region, limit in self.file.max_protrusion_um.items():
            base, by = min(
                (limit.value, f"{self.file.where('max_protrusion_um', region)} ({limit.source})"),
                (self.cartridge.max_protrusion_um, self.cartridge.where("max_protrusion_um")),
                (self.device.max_protrusion_um, _PEN),
            )
            wish = self.plan.limits.max_protrusion_um.get(region)
            key = ("max_protrusion_um", region)
            found[region] = self.lower(".".join(key), base, by, wish, *key)
        return found

    def _regions_known(self) -> None:
        known = tuple(self.file.max_protrusion_um)
        asked: list[tuple[str, tuple[str | int, ...]]] = [
            (zone.region, ("zones", index, "region")) for index, zone in enumerate(self.plan.zones)
        ]
        asked += [
            (region, ("limits", "max_protrusion_um", region))
            for region in self.plan.limits.max_protrusion_um
        ]
        for region, key in asked:
            if region not in known:
                raise LimitMissing(
                    f"{self.plan.where(*key)}: no protrusion limit is set for "
                    f'"{region}" in {self.file.where("max_protrusion_um")}'
                    f"{did_you_mean(region, known)}"
                )

    def period(self) -> int:
        """The shortest stroke period in us: longest of pen's, file's and plan's."""
        cadence, by = self.need(self.file.max_cadence_hz, "max_cadence_hz")
        base, base_by = max((period_us(cadence), by), (self.device.min_stroke_period_us, _PEN))
        wish = self.plan.limits.max_cadence_hz
        wanted = None if wish is None else period_us(wish)
        name = "min_stroke_period_us"
        return self.lower(name, base, base_by, wanted, "max_cadence_hz", reverse=True)

    def flow(self) -> int:
        """The highest flow in nl/s; 0 when the plan dispenses nothing."""
        if not self.plan.dispenses:
            return 0
        name = "max_flow_nl_s"
        base, by = min(
            self.need(self.file.max_flow_nl_s, name),
            (self.cartridge.max_flow_nl_s, self.cartridge.where(name)),
        )
        return self.lower(name, base, by, self.plan.limits.max_flow_nl_s, name)

    def window_days(self) -> int:
        """Days back that a course reaches; 0 when the plan dispenses nothing."""
        if not self.plan.dispenses:
            return 0
        value, by = self.need(self.file.course_window_days, "course_window_days")
        self.set_by["course_window_days"] = by
        return value

    def density(self) -> int | None:
        """The highest density in holes/cm2. Collagen induction cannot go without one."""
        name = "max_hole_density_per_cm2"
        limit, wish = self.file.max_hole_density_per_cm2, self.plan.limits.max_hole_density_per_cm2
        if limit is None and self.plan.dispenses:
            if wish is not None:
                self.set_by[name] = self.plan.where("limits", name)
            return wish
        base, by = self.need(limit, name)
        return self.lower(name, base, by, wish, name)


def merge(
    device: Envelope,
    cartridge: CartridgeType,
    limits_file: LimitsFile,
    plan: Plan,
    *,
    unit: ProductUnit | None,
) -> EffectiveLimits:
    """The limits in force: of every layer the lowest.

    device: the attached pen's envelope, or a pen model's. unit: the product's unit, None without.
    Raises WrongKind (E1008), LimitMissing (E1007) for a limit nobody set, LimitRaised (E1006) when
    the plan would raise one; both places are named with file and line.
    """
    _same_kind(cartridge, limits_file, plan)
    layers = _Layers(device, cartridge, limits_file, plan)
    values: dict[str, object] = {**layers.volumes(), **layers.units(unit)}
    return EffectiveLimits.model_validate(
        values
        | {
            "kind": plan.kind,
            "approved_by": limits_file.approval.by if limits_file.approval else None,
            "unit": unit,
            "course_window_days": layers.window_days(),
            "max_protrusion_um": layers.protrusions(),
            "min_stroke_period_us": layers.period(),
            "max_flow_nl_s": layers.flow(),
            "max_hole_density_per_cm2": layers.density(),
            "set_by": layers.set_by,
        }
    )


def _same_kind(cartridge: CartridgeType, limits_file: LimitsFile, plan: Plan) -> None:
    if limits_file.kind != plan.kind:
        raise WrongKind(
            f"{plan.where('kind')} is {plan.kind}, but {limits_file.where('kind')} is "
            f"{limits_file.kind}."
        )
    if plan.dispenses and not cartridge.dispenses:
        raise WrongKind(
            f"{plan.where('cartridge')}: {cartridge.name} cannot dispense "
            f"({cartridge.where('dispenses')})."
        )
