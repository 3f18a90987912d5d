"""Makes tests of the checks: one test a check, one parameter set a case, its hazards as marks."""

from types import ModuleType

import pytest

from protocol.conformance.granting import NobodyActed
from protocol.conformance.guard import WouldDose
from protocol.conformance.host import RawHost
from protocol.conformance.rules import Check, Function, Needs, Run, checks_of


def as_tests(module: ModuleType) -> dict[str, Function]:
    """A test function for each check of the module, by its name."""
    return {f"test_{check.name}": _test(check) for check in checks_of(module)}


def put_to(run: Run, host: RawHost) -> None:
    """Run it. On the bench a check is skipped that a person's hand or a real pen cannot do."""
    if run.needs & (Needs.QUICK_HAND | Needs.QUICK_POWER) and not host.rig.is_quick:
        pytest.skip("needs a hand within 10 ms")
    try:
        run(host)
    except (WouldDose, NobodyActed) as error:
        pytest.skip(str(error))


def _test(check: Check) -> Function:
    def once(host: RawHost) -> None:
        put_to(Run(check), host)

    def each(host: RawHost, run: Run) -> None:
        put_to(run, host)

    found: Function = once
    if check.cases:
        names = [case.name for case in check.cases]
        found = pytest.mark.parametrize("run", check.runs, ids=names)(each)
    for hazard in check.hazards:
        found = pytest.mark.hazard(hazard)(found)
    return found
