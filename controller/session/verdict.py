"""Turns findings that forbid a plan into one error that names file, line and key of each."""

from collections.abc import Iterator

from controller.errors import PlanBlocked
from controller.session.interlocks import Finding, Findings
from controller.session.plan import Plan

_KEYS = {
    "PROTRUSION": "protrusion_um",
    "CADENCE": "cadence_hz",
    "STROKE": "cadence_hz",
    "DENSITY": "punctures",
    "DOSE": "dose_nl",
    "FLOW": "dose_nl",
    "STEPS": "dose_nl",
    "ZONE": "punctures",
    "SESSION": "zones",
    "COURSE": "zones",
    "PRIME": "prime_nl",
    "SYRINGE": "syringe_fill_nl",
    "PRODUCT": "product",
    "UNIT": "product",
}
"""First word of a finding's code -> the key of the plan that a person would change."""

_NOT_OF_THE_PLAN = frozenset({"PRODUCT_EXPIRED", "LIMITS_NOT_APPROVED"})


def refuse_blocked(plan: Plan, findings: Findings) -> None:
    """Do nothing when no finding blocks. Raises PlanBlocked, one line for each that does."""
    lines = [_line(plan, found) for found in findings if found.severity == "block"]
    if lines:
        raise PlanBlocked(f"Plan '{plan.name}' is not allowed:\n    " + "\n    ".join(lines))


def _line(plan: Plan, found: Finding) -> str:
    path = tuple(_path(plan, found))
    return f"{plan.where(*path)}: {found.sentence}" if path else found.sentence


def _path(plan: Plan, found: Finding) -> Iterator[str | int]:
    key = _KEYS.get(found.code.split("_")[0])
    if key is None or found.code in _NOT_OF_THE_PLAN:
        return
    for index, zone in enumerate(plan.zones):
        if zone.name == found.subject:
            yield from ("zones", index)
    yield key
