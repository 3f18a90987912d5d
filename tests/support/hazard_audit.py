"""Keeps the results of the tests that bear a hazard's mark, and judges a full run by them.

Under pytest-xdist the tests are collected and run in worker processes: each report brings its
test's hazards along as properties, and only the process that hears all reports keeps and judges.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.support.hazards import RESULTS, ROOT, Result, load_results, unproven

CHOICES = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
"""Options that leave tests out."""
PROPERTY = "hazard"


class HazardAudit:
    """Collects outcomes; at the end of a full run a hazard without a passed test fails it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._marked: dict[str, list[str]] = {}
        self._outcomes: dict[str, str] = {}
        option = config.option
        self._chosen = any(getattr(option, name, None) for name in CHOICES)
        whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        self._full = whole and not self._chosen and not option.collectonly
        self._whole_files: set[str] = set()
        self.unproven: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Runs after every selection, so what is here will run."""
        self._collected([item.nodeid for item in session.items])
        for item in session.items:
            names = [name for mark in item.iter_markers("hazard") for name in mark.args]
            item.user_properties += [(PROPERTY, name) for name in names]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: list[str]) -> None:
        """The same from a worker; every worker collects all."""
        self._collected(ids)

    def _collected(self, ids: list[str]) -> None:
        if not self._chosen and not any("::" in argument for argument in self._config.args):
            self._whole_files = {nodeid.split("::")[0] for nodeid in ids}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test passes when nothing of it failed; its worst part counts."""
        names = [str(value) for key, value in report.user_properties if key == PROPERTY]
        counts = report.when == "call" or not report.passed
        failed = self._outcomes.get(report.nodeid) == "failed"
        if names and counts and not failed:
            self._marked[report.nodeid] = names
            self._outcomes[report.nodeid] = report.outcome

    @property
    def passed(self) -> set[str]:
        """Hazards with a passed test in this run."""
        nodes = [node for node, outcome in self._outcomes.items() if outcome == "passed"]
        return {name for node in nodes for name in self._marked[node]}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Before the terminal reporter, the outer wrapper, writes the closing lines."""
        if self._outcomes and not self._is_worker:
            self._keep()
        if self._full and not self._is_worker and session.exitstatus == pytest.ExitCode.OK:
            self.unproven = unproven(self.passed)
            if self.unproven:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name in self.unproven:
            terminalreporter.write_line(f"HAZARD WITHOUT A PASSING TEST: {name}")

    def _keep(self) -> None:
        """A full run replaces what was kept, another one is joined to it.

        Of a file that was run whole nothing older stays: a test may have been renamed.
        """
        wall, commit = datetime.now(UTC).isoformat(timespec="seconds"), _commit()
        path = self._config.rootpath / RESULTS
        before = {} if self._full else load_results(path)
        kept = {
            node: result
            for node, result in before.items()
            if node.split("::")[0] not in self._whole_files
        }
        for node, outcome in self._outcomes.items():
            kept[node] = Result(outcome=outcome, wall=wall, commit=commit)
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_name(f"hazards.{os.getpid()}")
        fresh.write_text(json.dumps(kept, indent=0, sort_keys=True), encoding="utf-8")
        fresh.replace(path)


def _commit() -> str:
    """The commit under test, "-" outside a repository."""
    run = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run.stdout.strip() or "-"
