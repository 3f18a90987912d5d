"""Entry bodies of one arm of one pen, for tests of the books: small numbers, everything named."""

from typing import Any

from controller.record.events import Actor, ArmClosed, ArmOpened, CounterSet, Stroke, Strokes
from controller.session.amounts import Amount, counters_with

PEN = "f000000000000001"
UID = int(PEN, 16)
BOOT = 3
PERSON = Actor(name="Op", role="operator")
TECHNICIAN = Actor(name="Tech", role="technician")
PERIOD_US = 200_000
STEPS = 10


def counters(**values: int) -> CounterSet:
    """The pen's lifetime counters; 0 where nothing is said."""
    return CounterSet(**(dict.fromkeys(CounterSet.model_fields, 0) | values))


def opened(arm_id: int = 1, **changes: Any) -> ArmOpened:
    """A dosing arm in zone "one": 10 steps a puncture, 5 Hz, 1 nl a step."""
    fields: dict[str, Any] = {
        "arm_id": arm_id,
        "pen_uid": PEN,
        "pen_boot_id": BOOT,
        "mode": "dose",
        "purpose": "zone",
        "zone": "one",
        "protrusion_um": 500,
        "stroke_period_us": PERIOD_US,
        "steps": STEPS,
        "dwell_us": 0,
        "settings_digest": 1,
        "cartridge_uid": "00000000000000c1",
        "certificate_id": "00000000000000ce",
        "picolitres_a_step": 1_000,
        "needles": 1,
        "first": counters(),
        "first_index": 0,
        "actor": PERSON,
    }
    return ArmOpened(**(fields | changes))


def priming(arm_id: int = 1, **changes: Any) -> ArmOpened:
    """A prime arm: 100 steps a slice of 100 ms."""
    fields: dict[str, Any] = {
        "mode": "prime",
        "purpose": "prime",
        "zone": None,
        "protrusion_um": 0,
        "stroke_period_us": 100_000,
        "steps": 100,
    }
    return opened(arm_id, **(fields | changes))


def stamping(arm_id: int = 1, **changes: Any) -> ArmOpened:
    """An arm without dispense at 100 Hz."""
    fields = {"mode": "no_dispense", "steps": 0, "stroke_period_us": 10_000, "picolitres_a_step": 0}
    return opened(arm_id, **(fields | changes))


def event(index: int, kind: str = "puncture", steps: int = STEPS, **changes: Any) -> Stroke:
    """One event of the pen."""
    fields: dict[str, Any] = {
        "index": index,
        "pen_ticks": 1_000_000 + index * PERIOD_US,
        "kind": kind,
        "steps": steps,
        "protrusion_um": 500,
        "contact": True,
        "partial": False,
        "load_trip": False,
        "depth_miss": False,
        "peak_load_dn": 5,
    }
    return Stroke(**(fields | changes))


def batch(
    *events: Stroke, arm_id: int = 1, ceilings: tuple[int, int] = (0, 0), boot: int = BOOT
) -> Strokes:
    """A committed batch that raises the ceilings to at least `ceilings`."""
    return Strokes(
        arm_id=arm_id,
        pen_uid=PEN,
        pen_boot_id=boot,
        strokes=events,
        puncture_ceiling=ceilings[0],
        step_ceiling=ceilings[1],
    )


def closed(
    arm: ArmOpened, certain: Amount, possible: Amount | None = None, **changes: Any
) -> ArmClosed:
    """The closing entry of an arm: by its final record unless `how` says otherwise."""
    fields: dict[str, Any] = {
        "arm_id": arm.arm_id,
        "pen_uid": arm.pen_uid,
        "how": "final",
        "end_reason": "disarmed",
        "first": arm.first,
        "certain": counters_with(arm.first, certain),
        "possible": counters_with(arm.first, certain if possible is None else possible),
    }
    return ArmClosed(**(fields | changes))
