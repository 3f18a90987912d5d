"""Short plans on the config that ships, and the pens they are played with.

"Bill" as in theatre: what is played tonight.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from controller.service.opening import Wish
from controller.session.catalogue import Catalogue
from controller.session.plan import Plan
from controller.session.product import Vial, load_product
from simulator.line import LineSettings, WireSettings
from simulator.practitioner import HandSettings
from simulator.scenario import Scenario, load

CONFIG = Path(__file__).parents[2] / "config"
VIAL = Vial(
    lot="T1",
    expiry_wall=date(2031, 1, 1),
    reconstituted_at_wall=datetime(2029, 12, 31, 20, tzinfo=UTC),
)
QUICK = HandSettings(
    reaction_us=60_000, zone_pause_us=100_000, touch_to_press_us=40_000, scatter=0.2
)


def dosing(*punctures: int, dose_nl: int = 2_000, cadence_hz: int = 5, **changes: Any) -> Plan:
    """Micro-dosing of one zone a number in `punctures`, 20 ms dwell, 5 uL prime."""
    fields: dict[str, Any] = {
        "name": "short_dosing",
        "kind": "micro_dosing",
        "patient": "p-1",
        "operator": "Op",
        "product": "nutrients_plain",
        "cartridge": "single_32g",
        "syringe_fill_nl": 1_000_000,
        "prime_nl": 5_000,
        "zones": [
            {
                "name": f"zone-{number}",
                "region": "neck",
                "punctures": count,
                "dose_nl": dose_nl,
                "protrusion_um": 700,
                "cadence_hz": cadence_hz,
                "dwell_us": 20_000,
            }
            for number, count in enumerate(punctures or (4, 3), 1)
        ],
    }
    return Plan.model_validate(fields | changes)


def stamping(*punctures: int, cadence_hz: int = 110) -> Plan:
    """Collagen induction with 12 needles at a density under the limit."""
    return Plan.model_validate(
        {
            "name": "short_stamping",
            "kind": "collagen_induction",
            "patient": "p-1",
            "operator": "Op",
            "cartridge": "array_12",
            "zones": [
                {
                    "name": f"zone-{number}",
                    "region": "cheek",
                    "punctures": count,
                    "protrusion_um": 1_000,
                    "cadence_hz": cadence_hz,
                    "area_mm2": count * 12 * 100 // 270 + 1,
                }
                for number, count in enumerate(punctures or (150, 100), 1)
            ],
        }
    )


def wish_for(plan: Plan, config: Path = CONFIG) -> Wish:
    """The plan with what it names, in the training realm."""
    product = None
    if plan.product is not None:
        product = load_product(config / "products" / f"{plan.product}.toml", VIAL)
    return Wish(plan, Catalogue(config), product, "training")


def pen_for(plan: Plan, **changes: Any) -> Scenario:
    """The shipped scenario for a plan's kind, with a quick hand and a quiet wire."""
    name = "micro_dosing" if plan.dispenses else "collagen_induction"
    hand = QUICK
    if not plan.dispenses:
        hand = msgspec.structs.replace(QUICK, glide_us=700_000, glide_lift_us=150_000)
    base = load(CONFIG / "simulator" / f"{name}.toml")
    return msgspec.structs.replace(base, **({"hand": hand, "line": usb()} | changes))


def usb() -> LineSettings:
    """An ordinary USB-serial adapter at 115,200 baud; figures as in config/simulator/default."""
    return LineSettings(
        to_pen=WireSettings(baud=115_200, latency_us=1_000, latency_jitter_us=1_000),
        to_host=WireSettings(baud=115_200, latency_us=1_000, latency_jitter_us=15_000),
    )
