"""Makes tests of the checks: one test a check, one parameter set a case, its hazards as marks."""

from types import ModuleType

import pytest

from protocol.conformance.host import RawHost
from protocol.conformance.rules import Check, Function, Run, checks_of


def as_tests(module: ModuleType) -> dict[str, Function]:
    """A test function for each check of the module, by its name."""
    return {f"test_{check.name}": _test(check) for check in checks_of(module)}


def _test(check: Check) -> Function:
    def once(host: RawHost) -> None:
        Run(check)(host)

    def each(host: RawHost, run: Run) -> None:
        run(host)

    found: Function = once
    if check.cases:
        names = [case.name for case in check.cases]
        found = pytest.mark.parametrize("run", check.runs, ids=names)(each)
    for hazard in check.hazards:
        found = pytest.mark.hazard(hazard)(found)
    return found
