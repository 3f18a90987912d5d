"""Traceability of hazards: what is collected, what fails a run, and that the page is up to date."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.hazards import (
    IDS,
    PAGE,
    Result,
    hazards,
    load_results,
    marked_tests,
    page,
    read_page,
    unproven,
)

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.conftest import *
from tests.conftest import _clean, _no_task_left, _nothing_left_behind
"""
PROVES = "import pytest\n@pytest.mark.hazard({ids})\ndef test_it():\n    assert {holds}\n"

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A whole run of a repository with one test, under this one's conftest and settings."""
    settings = (ROOT / "pyproject.toml").read_text()
    pytester.makepyprojecttoml(settings)
    folders = tomllib.loads(settings)["tool"]["pytest"]["ini_options"]["testpaths"]
    pytester.makeconftest(CONFTEST)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for folder in folders:
        (pytester.path / folder).mkdir(parents=True)

    def start(*ids: str, holds: bool = True, options: tuple[str, ...] = ()) -> pytest.RunResult:
        source = PROVES.format(ids=", ".join(map(repr, ids)), holds=holds)
        (pytester.path / folders[0] / "test_one.py").write_text(source)
        return pytester.runpytest_subprocess(*options)

    return start


def test_the_rows_are_all_there_in_order_and_say_something() -> None:
    rows = hazards()
    assert tuple(row.id for row in rows) == IDS
    assert {row.priority for row in rows} == {"high", "medium", "low"}
    assert all(len(row.hazard) > 10 and len(row.answer) > 10 for row in rows)
    assert not any("|" in f"{row.hazard}{row.answer}{row.hardware}{row.open}" for row in rows)


def test_a_full_run_without_a_test_of_a_hazard_fails_and_names_it(run: Run) -> None:
    excused = {row.id for row in hazards() if row.hardware}
    result = run(*(name for name in IDS if name not in {"H07", *excused}))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = [line for line in result.outlines if "WITHOUT A PASSING TEST" in line]
    assert said == ["HAZARD WITHOUT A PASSING TEST: H07"]


def test_a_selection_and_a_run_that_proves_all_pass(run: Run) -> None:
    assert run("H01", options=("tests/unit/test_one.py",)).ret == pytest.ExitCode.OK
    assert run(*IDS).ret == pytest.ExitCode.OK


def test_results_are_kept_and_joined(run: Run, pytester: pytest.Pytester) -> None:
    kept = pytester.path / ".pytest_cache" / "hazards.json"
    assert run("H01", options=("-k", "test_it")).ret == pytest.ExitCode.OK
    (node,) = load_results(kept)
    assert node == "tests/unit/test_one.py::test_it"
    assert load_results(kept)[node]["outcome"] == "passed"
    others = ("tests/other.py::test_x", "tests/unit/test_one.py::test_renamed")
    kept.write_text(json.dumps(dict.fromkeys(others, load_results(kept)[node])))
    run("H01", holds=False, options=("tests/unit/test_one.py",))
    assert {name: each["outcome"] for name, each in load_results(kept).items()} == {
        "tests/other.py::test_x": "passed",
        node: "failed",
    }


def test_two_processes_keep_and_judge_as_one_does(run: Run, pytester: pytest.Pytester) -> None:
    kept = pytester.path / ".pytest_cache" / "hazards.json"
    result = run(*(name for name in IDS if name != "H07"), options=("-n", "2"))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "HAZARD WITHOUT A PASSING TEST: H07" in result.outlines
    assert [each["outcome"] for each in load_results(kept).values()] == ["passed"]
    assert run(*IDS, options=("-n", "2")).ret == pytest.ExitCode.OK


def test_a_hazard_that_is_none_is_refused(run: Run) -> None:
    assert run("H48").ret == pytest.ExitCode.USAGE_ERROR


def test_only_what_needs_hardware_is_excused() -> None:
    excused = [row.id for row in hazards() if row.hardware]
    assert excused == ["H18", "H34"]
    assert unproven(set(IDS) - {"H18", "H34", "H21"}) == ["H21"]


def test_every_hazard_has_a_test() -> None:
    assert marked_tests().keys() == set(IDS)


def test_the_page_is_that_of_the_tests() -> None:
    """Run `make hazards` when this fails."""
    assert read_page(PAGE.read_text()) == {
        name: sorted(tests, key=lambda test: test.split("::", 1))
        for name, tests in marked_tests().items()
    }


def test_the_page_shows_results() -> None:
    tests = marked_tests()["H39"]
    passed = Result(outcome="passed", wall="2030-01-02T03:04:05+00:00", commit="abc1234")
    failed = Result(outcome="failed", wall="2030-01-01T03:04:05+00:00", commit="abc1233")
    text = page({f"{tests[0]}[a]": passed, f"{tests[0]}[b]": failed})
    (row,) = [line for line in text.splitlines() if line.startswith("| [H39]")]
    assert f"1 failed, 1 passed, {len(tests) - 1} not run, 2030-01-02, abc1234" in row
    assert "not run" in next(line for line in text.splitlines() if line.startswith("| [H01]"))
