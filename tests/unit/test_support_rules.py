"""The rules of conftest, each broken once in a run of its own: what leaks or skips is caught."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.conftest import *
from tests.conftest import _clean, _no_task_left, _nothing_left_behind
"""
LEAKS = """
import asyncio, os, subprocess, threading
KEPT = []

def test_fd():
    os.open("/dev/null", os.O_RDONLY)

def test_thread():
    threading.Thread(target=threading.Event().wait, name="stuck", daemon=True).start()

def test_child():
    KEPT.append(subprocess.Popen(["sleep", "5"]))

async def test_task():
    KEPT.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten"))

async def test_tidy():
    task = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    task.cancel()
"""
SKIP = "import pytest\ndef test_it():\n    pytest.skip('no pen on the bench')\n"

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of pytest in a child process under this repository's own conftest and settings."""
    pytester.makepyprojecttoml((ROOT / "pyproject.toml").read_text())
    pytester.makeconftest(CONFTEST)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("CI", raising=False)

    def start(source: str, *options: str) -> pytest.RunResult:
        path = pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options, str(path))

    return start


def test_what_a_test_leaves_behind_fails_it(run: Run) -> None:
    result = run(LEAKS)
    result.assert_outcomes(passed=5, errors=4)
    text = result.stdout.str()
    for line in ("fd ", "thread stuck", "child process ", "tasks left behind: ['forgotten at "):
        assert line in text


def test_a_skip_fails_ci_and_says_why(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(SKIP)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["SKIP NOT ALLOWED IN CI: *test_it: *no pen on the bench"])
    assert result.stdout.lines[-1].strip("= ").startswith("1 skipped")


def test_a_skip_outside_ci_is_only_named(run: Run) -> None:
    result = run(SKIP)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["SKIP NOT ALLOWED IN CI: *test_it: *no pen on the bench"])


@pytest.mark.parametrize("mark", ["hazard('8')", "hazard()", "real_time()"])
def test_a_marker_that_says_nothing_is_refused(run: Run, mark: str) -> None:
    result = run(f"import pytest\n@pytest.mark.{mark}\ndef test_it(): assert True\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_the_pen_port_reaches_the_tests(run: Run) -> None:
    result = run(
        "def test_it(pen_port):\n    assert pen_port == '/dev/pen'\n", "--pen-port=/dev/pen"
    )
    result.assert_outcomes(passed=1)
