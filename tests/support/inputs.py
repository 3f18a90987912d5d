"""Small, round inputs for tests of rules: one pump step is exactly 1 nl, limits are easy to hit.

`folder` copies the config that ships, so that a test can spoil one line of it.
"""

import re
import shutil
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from controller.session.cartridge import CartridgeType
from controller.session.limits import EffectiveLimits, LimitsFile, merge
from controller.session.measures import Bench
from controller.session.plan import Plan
from controller.session.product import Product, ProductUnit, Recipe
from protocol.messages import Envelope

CONFIG = Path(__file__).parents[2] / "config"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHY = "chosen for the test"


def folder(tmp_path: Path) -> Path:
    """A copy of the config folder that may be spoilt."""
    return Path(shutil.copytree(CONFIG, tmp_path / "config"))


def spoil(path: Path, old: str, new: str) -> Path:
    """Replace the first `old` in a file, which must be there, by `new`."""
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1))
    return path


def rewrite(path: Path, key: str, lines: str) -> Path:
    """Replace the first line `key = ...` of a file, which must be there, by other lines."""
    text, count = re.subn(rf"(?m)^{key} = .*$", lambda _: lines, path.read_text(), count=1)
    assert count == 1, f"{path} has no line for {key}"
    path.write_text(text)
    return path


def line_of(path: Path, text: str) -> int:
    """The number of the first line that holds `text`."""
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def envelope(**changes: int) -> Envelope:
    """A pen of 2.5 mm, 150 Hz, 50,000 steps/s, 2.5 ms in and out."""
    fields = {
        "request_id": 0,
        "max_protrusion_um": 2_500,
        "min_stroke_period_us": 6_666,
        "max_steps": 60_000,
        "max_flow_steps_s": 50_000,
        "insertion_us": 2_500,
        "retraction_us": 2_500,
        "preload_steps": 200,
        "ring_depth": 2_048,
        "arm_battery_mv": 3_600,
    }
    return Envelope(**(fields | changes))


def cartridge(**changes: Any) -> CartridgeType:
    """One needle, 1.0 mm, 5 uL dead volume, 80 uL/s."""
    fields = {
        "name": "needle",
        "title": "needle",
        "source": WHY,
        "type_code": 1,
        "needles": 1,
        "max_protrusion_um": 1_000,
        "dispenses": True,
        "dead_volume_nl": 5_000,
        "max_flow_nl_s": 80_000,
    }
    return CartridgeType.model_validate(fields | changes)


def zone(**changes: Any) -> dict[str, Any]:
    """10 punctures of 10 uL at 1 Hz and 0.5 mm into region "neck"."""
    fields: dict[str, Any] = {
        "name": "one",
        "region": "neck",
        "punctures": 10,
        "dose_nl": 10_000,
        "protrusion_um": 500,
        "cadence_hz": 1,
    }
    return fields | changes


def plan(*zones: dict[str, Any], **changes: Any) -> Plan:
    """A micro-dosing plan of those zones, or of one `zone()`."""
    fields: dict[str, Any] = {
        "name": "plan",
        "kind": "micro_dosing",
        "patient": "p-1",
        "operator": "Op",
        "product": "mix",
        "cartridge": "needle",
        "syringe_fill_nl": 1_000_000,
        "prime_nl": 5_000,
        "zones": zones or (zone(),),
    }
    return Plan.model_validate(fields | changes)


def stamping(*zones: dict[str, Any], **changes: Any) -> Plan:
    """A collagen-induction plan: 100 Hz, 250 punctures on 10 cm2."""
    each = zone(dose_nl=0, cadence_hz=100, punctures=250, area_mm2=1_000)
    fields: dict[str, Any] = {
        "kind": "collagen_induction",
        "product": None,
        "syringe_fill_nl": 0,
        "prime_nl": 0,
    }
    return plan(*(zones or (each,)), **(fields | changes))


def recipe(**changes: Any) -> Recipe:
    """20 U/mL of ona, half stock, half saline."""
    fields: dict[str, Any] = {
        "name": "mix",
        "title": "mix",
        "source": WHY,
        "use_by_h": 24,
        "active": {
            "name": "onabotulinumtoxinA",
            "unit": "ona_u",
            "vial_units": 100,
            "diluent_nl": 2_500_000,
            "stock_fraction": Fraction(1, 2),
            "stated_units_a_ml": 20,
        },
        "components": ({"name": "saline", "fraction": Fraction(1, 2)},),
    }
    return Recipe.model_validate(fields | changes)


def product(**changes: Any) -> Product:
    """`recipe()` from a vial mixed at `NOW`."""
    vial: dict[str, Any] = {
        "lot": "L1",
        "expiry_wall": date(2026, 12, 31),
        "reconstituted_at_wall": NOW,
    }
    return recipe().with_vial(**(vial | changes))


LIMIT_VALUES: dict[str, Any] = {
    "max_dose_nl": 20_000,
    "max_zone_nl": 500_000,
    "max_session_nl": 1_000_000,
    "max_course_nl": 2_000_000,
    "course_window_days": 90,
    "max_flow_nl_s": 60_000,
    "max_cadence_hz": 10,
    "max_hole_density_per_cm2": 300,
}
UNIT_VALUES: dict[str, Any] = {
    "max_puncture_units": 1,
    "max_zone_units": 20,
    "max_session_units": 40,
    "max_course_units": 80,
}


def sourced(value: Any) -> dict[str, Any]:
    """A limit as its file has it."""
    return {"value": value, "source": WHY}


def limits_file(*, without: str = "", **changes: Any) -> LimitsFile:
    """`LIMIT_VALUES`, `UNIT_VALUES` for ona, and 760 um for "neck"; `without` leaves one out."""
    values = {key: sourced(value) for key, value in LIMIT_VALUES.items() if key != without}
    units = {key: sourced(value) for key, value in UNIT_VALUES.items() if key != without}
    fields: dict[str, Any] = {
        "name": "limits",
        "title": "limits",
        "kind": "micro_dosing",
        "max_protrusion_um": {"neck": sourced(760)},
        "units": {"ona_u": units},
    }
    return LimitsFile.model_validate(fields | values | changes)


def limits(
    given: Plan | None = None, unit: ProductUnit | None = "ona_u", **changes: Any
) -> EffectiveLimits:
    """The merged limits of `plan()` or of a given plan."""
    given = given or plan()
    if not given.dispenses:
        unit, changes = None, {"kind": given.kind, "max_cadence_hz": sourced(150)} | changes
    return merge(envelope(), cartridge(), limits_file(**changes), given, unit=unit)


def bench(given: Plan | None = None, **changes: Any) -> Bench:
    """Everything about `plan()` or a given plan, at 1,000 pl a step."""
    given = given or plan()
    fields: dict[str, Any] = {
        "plan": given,
        "limits": limits(given),
        "product": recipe() if given.dispenses else None,
        "envelope": envelope(),
        "cartridge": cartridge(),
        "picolitres_a_step": {each.name: 1_000 for each in given.zones if given.dispenses},
    }
    return Bench(**(fields | changes))
