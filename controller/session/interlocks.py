"""May this be done? Pure checks that answer with findings; the engine and `plan check` ask them.

A "block" forbids; a "warn" is shown and signed for. Nothing here reads a file, a clock or a pen:
the caller brings the facts. The wall clock decides use-by and expiry only, never a dose.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Literal

from controller.session.cartridge import CartridgeType
from controller.session.findings import Finding, Findings, blocks
from controller.session.limits import EffectiveLimits
from controller.session.measures import Bench, Measure, measure_plan
from controller.session.plan import Plan
from controller.session.product import Product, Recipe
from controller.session.units import MICROSECONDS_A_SECOND, nl_of, rounded, steps_for
from controller.session.validity import check_certificate
from controller.settings import Realm
from protocol.messages import Cartridge, Envelope

__all__ = [
    "Finding",
    "Findings",
    "blocks",
    "check_approval",
    "check_battery",
    "check_cartridge",
    "check_certificate",
    "check_host_power",
    "check_plan",
    "check_product",
    "steps_for",
]

# domain.md 6.1: VIAL_AGE warns at 20 h of 24; LIMIT_NEAR at 80 % of a limit; battery low at 20 %.
VIAL_WARNING = timedelta(hours=4)
NEAR = Fraction(80, 100)
BATTERY_LOW_PERCENT = 20

_AMOUNTS = frozenset({"ZONE", "SESSION", "COURSE"})


def check_product(product: Product, now_wall: datetime) -> Findings:
    """Lot expiry and use-by. Both ends are inclusive: the vial may be used at its last moment."""
    now = now_wall.astimezone(UTC)
    made = product.reconstituted_at_wall
    use_by = made + timedelta(hours=product.use_by_h)
    found = []
    if now.date() > product.expiry_wall:
        sentence = f"Lot {product.lot} of {product.name} expired on {product.expiry_wall}."
        found.append(Finding("PRODUCT_EXPIRED", "block", sentence, str(product.expiry_wall)))
    if made > now:
        sentence = f"The vial was reconstituted at {made:%F %R} UTC, which is in the future."
        found.append(Finding("RECONSTITUTED_LATER", "block", sentence, f"{now:%F %R}"))
    elif now > use_by:
        sentence = f"{product.name} is past its use-by of {use_by:%F %R} UTC; discard it."
        found.append(Finding("PAST_USE_BY", "block", sentence, f"{use_by:%F %R}", f"{now:%F %R}"))
    elif now > use_by - VIAL_WARNING:
        sentence = f"{product.name} reaches its use-by at {use_by:%F %R} UTC."
        found.append(Finding("NEAR_USE_BY", "warn", sentence, f"{use_by:%F %R}", f"{now:%F %R}"))
    return tuple(found)


def check_approval(limits: EffectiveLimits, realm: Realm) -> Findings:
    """Whether a clinician has signed the limits. Unsigned ones hold in the training realm only."""
    if limits.approved_by is not None:
        return ()
    severity: Literal["block", "warn"] = "block" if realm == "treatment" else "warn"
    sentence = "No clinician has approved the limits file: it has no [approval] table."
    return (Finding("LIMITS_NOT_APPROVED", severity, sentence),)


def check_battery(battery_mv: int, battery_percent: int, envelope: Envelope) -> Findings:
    """Whether the pen will arm on its battery: its own threshold, and a warning at 20 %."""
    limit = envelope.arm_battery_mv
    if battery_mv < limit:
        sentence = f"The battery is at {battery_mv} mV; the pen arms from {limit} mV on. Charge it."
        return (Finding("BATTERY_LOW", "block", sentence, f"{limit} mV", f"{battery_mv} mV"),)
    if battery_percent < BATTERY_LOW_PERCENT:
        sentence = f"The battery is at {battery_percent} %."
        value = f"{battery_percent} %"
        return (Finding("BATTERY_NEAR", "warn", sentence, f"{BATTERY_LOW_PERCENT} %", value),)
    return ()


def check_host_power(under_voltage: bool) -> Findings:
    """Whether this computer's own supply is well: a board that browns out drops the pen (H33)."""
    if not under_voltage:
        return ()
    sentence = "This computer's power supply is too weak now; use the supply of the board's maker."
    return (Finding("HOST_UNDER_VOLTAGE", "block", sentence),)


def check_cartridge(
    planned: CartridgeType, fitted: Cartridge, *, armed_here: bool, armed_elsewhere: bool = False
) -> Findings:
    """Whether the fitted cartridge is the planned type and fresh (H22, H23).

    armed_here: whether this same session already armed this very cartridge, so that its used flag
    is ours. armed_elsewhere: whether the books have it in another session or in another pen; its
    chip may say what it likes.
    """
    if not fitted.present:
        return (Finding("CARTRIDGE_MISSING", "block", "No cartridge is fitted.", planned.name),)
    found = []
    for name, wanted, seen in (
        ("type", planned.type_code, fitted.type_code),
        ("needles", planned.needles, fitted.needles),
        ("protrusion ceiling", planned.max_protrusion_um, fitted.max_protrusion_um),
    ):
        if wanted != seen:
            sentence = f"The fitted cartridge has {name} {seen}, the plan's {planned.name} {wanted}"
            found.append(
                Finding("CARTRIDGE_MISMATCH", "block", sentence + ".", str(wanted), str(seen))
            )
    if fitted.used and not armed_here:
        sentence = "The fitted cartridge was used before; fit a new one."
        found.append(Finding("CARTRIDGE_USED", "block", sentence))
    elif armed_elsewhere:
        sentence = "The record has this cartridge in another session or pen; fit a new one."
        found.append(Finding("CARTRIDGE_USED", "block", sentence))
    return tuple(found)


def check_plan(
    plan: Plan,
    limits: EffectiveLimits,
    product: Recipe | None,
    envelope: Envelope,
    cartridge: CartridgeType,
    picolitres_a_step: Mapping[str, int],
    *,
    course_possible_nl: Fraction = Fraction(0),
    course_possible_units: Fraction = Fraction(0),
    protrusion_offset_um: int = 0,
) -> Findings:
    """Every number of the plan against every limit and against what the pen can do.

    picolitres_a_step: by zone name (`Certificate.picolitres_by_zone`). course_possible_*: the
    upper end of earlier sessions in the course window, in nl and in this product's own unit.
    """
    bench = Bench(
        plan,
        limits,
        product,
        envelope,
        cartridge,
        picolitres_a_step,
        course_possible_nl,
        course_possible_units,
        protrusion_offset_um,
    )
    return check_bench(bench)


def check_bench(bench: Bench) -> Findings:
    """As `check_plan`, for a caller that shows the measures too."""
    found = [_finding(measure) for measure in measure_plan(bench)]
    rest = (_product_fits(bench), _syringe(bench), _prime(bench))
    return tuple(finding for finding in (*found, *rest) if finding is not None)


def _finding(measure: Measure) -> Finding | None:
    value, limit = (f"{show(part)} {measure.unit}" for part in (measure.value, measure.limit))
    if not measure.holds:
        bound = "at least" if measure.at_least else "at most"
        sentence = f"{measure.subject}: {measure.name} is {value}; it must be {bound} {limit}"
        sentence += f"{_as_cadence(measure)}."
        return Finding(measure.code, "block", sentence, limit, value, measure.subject)
    if measure.code.split("_")[0] in _AMOUNTS and measure.value > NEAR * measure.limit:
        sentence = f"{measure.subject}: {measure.name} is {value}, over 80 % of {limit}."
        return Finding("LIMIT_NEAR", "warn", sentence, limit, value, measure.subject)
    return None


def _as_cadence(measure: Measure) -> str:
    """A plan is written in hertz: say the highest cadence that a period's bound leaves."""
    if measure.code not in {"STROKE_DOES_NOT_FIT", "CADENCE_OVER_LIMIT"}:
        return ""
    centihertz = MICROSECONDS_A_SECOND * 100 // measure.limit
    return f", which is {show(Fraction(centihertz, 100))} Hz or slower"


def show(value: Fraction) -> str:
    """A number for display: whole when it is whole, otherwise with three decimals."""
    return str(value.numerator) if value.denominator == 1 else rounded(value, 3)


def _product_fits(bench: Bench) -> Finding | None:
    named = bench.product.name if bench.product else None
    if named != bench.plan.product:
        sentence = f"The plan names product {bench.plan.product}, but {named} is at hand."
        return Finding("PRODUCT_MISMATCH", "block", sentence, str(bench.plan.product), str(named))
    unit = bench.product.unit if bench.product else None
    if unit != bench.limits.unit:
        sentence = f"The limits are in {bench.limits.unit}, the product is in {unit}."
        return Finding("UNIT_MISMATCH", "block", sentence, str(bench.limits.unit), str(unit))
    return None


def _syringe(bench: Bench) -> Finding | None:
    """Whether one filling is enough; the plunger's preload moves it too, so it counts."""
    if not bench.plan.dispenses:
        return None
    most = max(bench.picolitres_a_step[zone.name] for zone in bench.plan.zones)
    spent = bench.plan.prime_nl + nl_of(bench.envelope.preload_steps, most)
    need, fill = bench.session_nl() + spent, Fraction(bench.plan.syringe_fill_nl)
    limit, value = f"{show(fill)} nl", f"{show(need)} nl"
    if spent + max(bench.dose_nl(zone) for zone in bench.plan.zones) > fill:
        sentence = f"A syringe of {limit} has no room for a dose after priming."
        return Finding("SYRINGE_TOO_SMALL", "block", sentence, limit, value)
    if need <= fill:
        return None
    sentence = f"The plan needs {value} with priming; a syringe holds {limit}, so it is changed."
    return Finding("SYRINGE_CHANGE", "warn", sentence, limit, value)


def _prime(bench: Bench) -> Finding | None:
    dead = bench.cartridge.dead_volume_nl
    if not bench.plan.dispenses or bench.plan.prime_nl >= dead:
        return None
    sentence = f"Priming with {bench.plan.prime_nl} nl does not fill the cartridge's {dead} nl."
    limit, value = f"{dead} nl", f"{bench.plan.prime_nl} nl"
    return Finding("PRIME_TOO_SMALL", "block", sentence, limit, value)
