"""The hazards, the tests that prove each, and the page that says so: docs/hazards.md.

`python -m tests.support.hazards` prints the page from tests/support/hazards.toml, the marks in the
tests' sources and the results of the last runs (tests/support/hazard_audit.py keeps them).
"""

import ast
import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).parents[2]
ROWS = Path(__file__).with_name("hazards.toml")
PAGE = ROOT / "docs" / "hazards.md"
RESULTS = Path(".pytest_cache", "hazards.json")
IDS = tuple(f"H{number:02}" for number in range(1, 48))


class Result(TypedDict):
    """How a test ended last."""

    outcome: str
    wall: str
    commit: str


@dataclass(frozen=True)
class Hazard:
    """One row. `hardware`: what only a bench can show, and why; `open`: what is not shown yet."""

    id: str
    hazard: str
    answer: str
    priority: str
    hardware: str = ""
    open: str = ""


def hazards() -> list[Hazard]:
    """All rows in order."""
    rows = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    return [Hazard(name, **row) for name, row in rows.items()]


def marked_tests(root: Path = ROOT) -> dict[str, list[str]]:
    """Test functions by hazard as `file::name`, read from the sources without importing them."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "hazard(" in text:
            for name, test in _marks(ast.parse(text)):
                found.setdefault(name, []).append(f"{path.relative_to(root)}::{test}")
    for name, test in _marked_checks(root):
        found.setdefault(name, []).append(test)
    return {name: sorted(tests) for name, tests in found.items()}


def _marked_checks(root: Path) -> Iterator[tuple[str, str]]:
    """Checks of the conformance suite by hazard, under the names of the tests made of them."""
    for path in sorted((root / "protocol" / "conformance" / "checks").glob("c*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                for name in _hazards_of_check(node.decorator_list):
                    yield name, f"tests/conformance/test_{path.name}::test_{node.name}"


def _hazards_of_check(decorators: Iterable[ast.expr]) -> list[str]:
    """Hazards named by `@check(..., hazards=(...))`."""
    calls = [d for d in decorators if isinstance(d, ast.Call)]
    given = [key.value for call in calls for key in call.keywords if key.arg == "hazards"]
    words = [
        each.value for node in given for each in ast.walk(node) if isinstance(each, ast.Constant)
    ]
    return [word for word in words if isinstance(word, str)]


def _marks(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        functions = [node] if not isinstance(node, ast.ClassDef) else node.body
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        for function in functions:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _ids([*function.decorator_list, *getattr(node, "decorator_list", [])]):
                    yield name, prefix + function.name


def _ids(decorators: Iterable[ast.expr]) -> list[str]:
    """Hazards named by `pytest.mark.hazard(...)`, once each, in order."""
    calls = [d for d in decorators if isinstance(d, ast.Call) and _is_hazard(d.func)]
    words = [a.value for call in calls for a in call.args if isinstance(a, ast.Constant)]
    return list(dict.fromkeys(word for word in words if isinstance(word, str)))


def _is_hazard(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr == "hazard"


# --- results -------------------------------------------------------------------------------------


def load_results(path: Path = ROOT / RESULTS) -> dict[str, Result]:
    """Last result of every test node that bears a mark; empty when there is none."""
    try:
        found: dict[str, Result] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def unproven(passed: Iterable[str]) -> list[str]:
    """Hazards that no passed test bears and that are not listed as needing hardware."""
    proven = set(passed)
    return [row.id for row in hazards() if row.id not in proven and not row.hardware]


# --- the page ------------------------------------------------------------------------------------

HEAD = """\
# Hazards and the tests that prove them

Made by `make hazards` from `tests/support/hazards.toml`, the `hazard` marks of the tests and their
last results; do not edit it. A full run of the tests fails when a hazard has no passing test and is
not excused by hardware. Priorities are proposals that a clinician must set. The tests are named
below the table, hazard by hazard.

| hazard | what goes wrong | what answers it | priority | tests | last result | beside the tests |
|---|---|---|---|---|---|---|
"""


def page(results: Mapping[str, Result]) -> str:
    """The whole of docs/hazards.md."""
    tests = marked_tests()
    rows = "".join(_row(hazard, tests.get(hazard.id, []), results) for hazard in hazards())
    lists = "".join(_list(hazard, tests.get(hazard.id, [])) for hazard in hazards())
    return f"{HEAD}{rows}\n{lists}"


def _row(hazard: Hazard, tests: list[str], results: Mapping[str, Result]) -> str:
    beside = [f"needs hardware: {hazard.hardware}"] * bool(hazard.hardware)
    beside += [f"open: {hazard.open}"] * bool(hazard.open)
    cells = (
        f"[{hazard.id}](#{hazard.id.lower()})",
        *(hazard.hazard, hazard.answer, hazard.priority),
        str(len(tests)),
        _result(tests, results),
        "; ".join(beside),
    )
    return f"| {' | '.join(cells)} |\n"


def _result(tests: Iterable[str], results: Mapping[str, Result]) -> str:
    """Such as "41 passed, 2030-01-01, 1234abc": every parameter set of a test counts."""
    wanted = set(tests)
    found = [result for node, result in results.items() if node.split("[")[0] in wanted]
    if not found:
        return "not run"
    counts = Counter(result["outcome"] for result in found)
    newest = max(found, key=lambda result: result["wall"])
    said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    ran = {node.split("[")[0] for node in results}
    missing = f", {len(wanted - ran)} not run" if wanted - ran else ""
    return f"{said}{missing}, {newest['wall'][:10]}, {newest['commit']}"


def _list(hazard: Hazard, tests: Iterable[str]) -> str:
    by_file: dict[str, list[str]] = {}
    for test in tests:
        file, _, name = test.partition("::")
        by_file.setdefault(file, []).append(name)
    lines = (
        f"- [{file}](../{file}): {', '.join(f'`{name}`' for name in sorted(names))}\n"
        for file, names in sorted(by_file.items())
    )
    return f"\n## {hazard.id}\n\n{hazard.hazard}.\n\n{''.join(lines)}"


def read_page(text: str) -> dict[str, list[str]]:
    """Hazards and their tests as a page has them, in the form of `marked_tests`."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        tests = [
            f"{file}::{name}"
            for file, names in re.findall(r"^- \[([^]]+)\]\([^)]+\): (.*)$", part, re.MULTILINE)
            for name in re.findall(r"`([^`]+)`", names)
        ]
        found[part[:3]] = tests
    return found


if __name__ == "__main__":
    sys.stdout.write(page(load_results()))
