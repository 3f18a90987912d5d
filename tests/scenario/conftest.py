"""Figures that scenario tests measure, shown at the end of the run."""

import os
from collections.abc import Callable

import pytest

pytest.register_assert_rewrite("tests.support.theatre", "tests.support.mishaps")

Figure = Callable[[str], None]
_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Keep a measured figure, as one line under the test's name."""

    def keep(line: str) -> None:
        lines = request.config.stash.setdefault(_FIGURES, [])
        lines.append(f"{request.node.name}: {line}")

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = terminalreporter.config.stash.get(_FIGURES, [])
    if lines:
        terminalreporter.section("measured figures")
    for line in lines:
        terminalreporter.write_line(line)


def wanted(name: str, default: int) -> int:
    """How many mishaps of a kind are wanted: environment variable `name`, or the default."""
    return int(os.environ.get(name, default))
