"""Every skip is printed with its reason; in CI a skip that is not allowed fails the run."""

import os
from collections.abc import Iterator

import pytest

ALLOWED: dict[str, str] = {}
"""Start of the test's id -> why it may be skipped in CI."""


class SkipAudit:
    """Collects skips of a run and judges them at its end."""

    def __init__(self) -> None:
        self.skips: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skips.append((report.nodeid, _reason(report)))

    def refused(self) -> list[str]:
        """Ids of the skipped tests that nothing allows."""
        return [nodeid for nodeid, _ in self.skips if not nodeid.startswith(tuple(ALLOWED))]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        """Fail before the terminal reporter, the outer wrapper, writes the closing lines."""
        if os.environ.get("CI") and self.refused() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        refused = set(self.refused())
        for nodeid, reason in self.skips:
            word = "SKIP NOT ALLOWED IN CI" if nodeid in refused else "skip allowed"
            terminalreporter.write_line(f"{word}: {nodeid}: {reason}")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return str(where[2]) if isinstance(where, tuple) else str(where)
