"""Every number of a plan beside the limit that bounds it. Pure arithmetic, exact.

`interlocks` turns the ones that fail into findings; `plan check` shows all of them. A volume is
what is asked for or what the pump's whole steps really make, whichever is more, because limits
count what is delivered and a dose may round up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from controller.session.cartridge import CartridgeType
from controller.session.limits import EffectiveLimits
from controller.session.plan import Plan, Zone
from controller.session.product import Recipe
from controller.session.units import (
    MM2_A_CM2,
    PICOLITRES_A_NANOLITRE,
    nl_of,
    pumping_us,
    steps_for,
)
from protocol.messages import Envelope


@dataclass(frozen=True, slots=True)
class Measure:
    """A value and its inclusive bound. `subject` is a zone's name, or "session" or "course".

    at_least: the bound is a minimum. `code` names the finding when it does not hold.
    """

    code: str
    subject: str
    name: str
    value: Fraction
    limit: Fraction
    unit: str
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the value respects its bound."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Bench:
    """All that a plan is measured against.

    picolitres_a_step: by zone name, empty when nothing is dispensed. protrusion_offset_um: from
    the certificate, measured minus set. course_possible_*: upper end of what earlier sessions of
    the course may have given, in nl and in this product's own unit.
    """

    plan: Plan
    limits: EffectiveLimits
    product: Recipe | None
    envelope: Envelope
    cartridge: CartridgeType
    picolitres_a_step: Mapping[str, int]
    course_possible_nl: Fraction = Fraction(0)
    course_possible_units: Fraction = Fraction(0)
    protrusion_offset_um: int = 0

    def steps(self, zone: Zone) -> int:
        """Pump steps a puncture; 0 without dispense."""
        return steps_for(zone.dose_nl, self._picolitres(zone)) if self.plan.dispenses else 0

    def dose_nl(self, zone: Zone) -> Fraction:
        """The larger of the dose asked for and the dose that whole steps make."""
        if not self.plan.dispenses:
            return Fraction(0)
        made = nl_of(self.steps(zone), self._picolitres(zone))
        return max(made, Fraction(zone.dose_nl))

    def shortest_us(self, zone: Zone) -> int:
        """The shortest period in which the zone's stroke fits (C3)."""
        return shortest_period_us(self.envelope, self.steps(zone), zone.dwell_us)

    def units(self, nl: Fraction) -> Fraction | None:
        """A volume in the product's unit; None without one."""
        if self.product is None or self.product.unit is None:
            return None
        return self.product.units_of(nl)

    def session_nl(self) -> Fraction:
        """The whole plan's volume, priming apart."""
        return sum(
            (self.dose_nl(zone) * zone.punctures for zone in self.plan.zones), start=Fraction(0)
        )

    def _picolitres(self, zone: Zone) -> int:
        return self.picolitres_a_step[zone.name]


def shortest_period_us(envelope: Envelope, steps: int, dwell_us: int) -> int:
    """Insertion + steps / max flow + dwell + retraction, in us (C3). The pen refuses less."""
    pump_us = pumping_us(steps, envelope.max_flow_steps_s)
    return envelope.insertion_us + pump_us + dwell_us + envelope.retraction_us


def measure_plan(bench: Bench) -> tuple[Measure, ...]:
    """Every zone against every limit, then the session and the course."""
    found = [measure for zone in bench.plan.zones for measure in measure_zone(bench, zone)]
    if bench.plan.dispenses:
        found += _totals(bench)
    return tuple(found)


def measure_zone(bench: Bench, zone: Zone) -> Iterator[Measure]:
    """One zone against every limit that concerns it."""
    yield from _protrusion(bench, zone)
    yield from _timing(bench, zone)
    yield from _density(bench, zone)
    if bench.plan.dispenses:
        yield from _dose(bench, zone)
        yield from _flow(bench, zone)


def _of(
    code: str, zone: Zone, name: str, value: Fraction | int, limit: Fraction | int, unit: str
) -> Measure:
    return Measure(code, zone.name, name, Fraction(value), Fraction(limit), unit)


def _protrusion(bench: Bench, zone: Zone) -> Iterator[Measure]:
    ceiling = bench.limits.max_protrusion_um[zone.region]
    yield _of("PROTRUSION_OVER_LIMIT", zone, "protrusion", zone.protrusion_um, ceiling, "um")
    command = zone.protrusion_um - bench.protrusion_offset_um
    hard = min(bench.envelope.max_protrusion_um, bench.cartridge.max_protrusion_um)
    yield _of("PROTRUSION_OVER_CEILING", zone, "set protrusion", command, hard, "um")
    yield Measure(
        "PROTRUSION_NOT_SETTABLE",
        zone.name,
        "set protrusion",
        Fraction(command),
        Fraction(1),
        "um",
        at_least=True,
    )


def _timing(bench: Bench, zone: Zone) -> Iterator[Measure]:
    period, subject = Fraction(zone.stroke_period_us), zone.name
    shortest = Fraction(bench.shortest_us(zone))
    for code, name, limit in (
        ("CADENCE_OVER_LIMIT", "stroke period", Fraction(bench.limits.min_stroke_period_us)),
        ("STROKE_DOES_NOT_FIT", "stroke period for this dose", shortest),
    ):
        yield Measure(code, subject, name, period, limit, "us", at_least=True)


def _density(bench: Bench, zone: Zone) -> Iterator[Measure]:
    limit = bench.limits.max_hole_density_per_cm2
    if limit is not None and zone.area_mm2 is not None:
        value = Fraction(zone.punctures * bench.cartridge.needles * MM2_A_CM2, zone.area_mm2)
        yield _of("DENSITY_OVER_LIMIT", zone, "hole density", value, limit, "/cm2")


def _dose(bench: Bench, zone: Zone) -> Iterator[Measure]:
    limits, dose = bench.limits, bench.dose_nl(zone)
    total = dose * zone.punctures
    yield _of("DOSE_OVER_LIMIT", zone, "dose", dose, limits.max_dose_nl, "nl")
    yield _of("ZONE_OVER_LIMIT", zone, "zone volume", total, limits.max_zone_nl, "nl")
    yield from _units(bench, zone.name, "DOSE", "dose", dose, limits.max_puncture_units)
    yield from _units(bench, zone.name, "ZONE", "zone", total, limits.max_zone_units)


def _units(
    bench: Bench,
    subject: str,
    code: str,
    name: str,
    nl: Fraction,
    limit: Fraction | None,
    before: Fraction = Fraction(0),
) -> Iterator[Measure]:
    units = bench.units(nl)
    if units is not None:
        # Without a limit in this unit nothing may be given: the bound is 0, never "unbounded".
        bound = limit if limit is not None else Fraction(0)
        unit = bench.limits.unit or "units"
        yield Measure(
            f"{code}_UNITS_OVER_LIMIT", subject, f"{name} units", units + before, bound, unit
        )


def _flow(bench: Bench, zone: Zone) -> Iterator[Measure]:
    picolitres = bench.picolitres_a_step[zone.name]
    flow = Fraction(bench.envelope.max_flow_steps_s * picolitres, PICOLITRES_A_NANOLITRE)
    yield _of("FLOW_OVER_LIMIT", zone, "flow", flow, bench.limits.max_flow_nl_s, "nl/s")
    steps, ceiling = bench.steps(zone), bench.envelope.max_steps
    yield _of("STEPS_OVER_CEILING", zone, "steps a puncture", steps, ceiling, "steps")


def _totals(bench: Bench) -> Iterator[Measure]:
    limits, total = bench.limits, bench.session_nl()
    course = total + bench.course_possible_nl
    for code, subject, value, limit in (
        ("SESSION_OVER_LIMIT", "session", total, limits.max_session_nl),
        ("COURSE_OVER_LIMIT", "course", course, limits.max_course_nl),
    ):
        yield Measure(code, subject, f"{subject} volume", value, Fraction(limit), "nl")
    yield from _units(bench, "session", "SESSION", "session", total, limits.max_session_units)
    yield from _units(
        bench,
        "course",
        "COURSE",
        "course",
        total,
        limits.max_course_units,
        bench.course_possible_units,
    )
