"""The distribution: private, complete, locked, and free of traces of the machine that made it."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import repo

LOCKS = (Path("requirements/run.txt"), Path("requirements/dev.txt"))
TRACES = {
    "an index address": r"-index-url|--find-links|pypi\.org/simple|files\.pythonhosted|npmjs\.org",
    "a path of a machine": r"(?<![\w.])/(wor[k]|roo[t]|hom[e]/\w+|tm[p]/v)/",
    "a private host": r"://(10\.\d|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|[\w-]+\.(internal|corp|lan)\b)",
    "a file address": r"file:/{2,}",
}
"""What must not be committed -> how it looks."""
MAY_NAME = {
    Path("Makefile"): "switches pip's own index off, which takes its option's name",
    Path("tests/architecture/test_distribution.py"): "the patterns themselves",
}
PIN = re.compile(r"^([a-z0-9-]+)==(\S+) \\$", re.MULTILINE)


def test_the_distribution_is_private_and_says_so() -> None:
    classifiers = importlib.metadata.metadata("micropen").get_all("Classifier") or []
    assert "Private :: Do Not Upload" in classifiers


@pytest.mark.parametrize("name", repo.PRODUCTION)
def test_each_import_name_has_one_owner(name: str) -> None:
    assert set(importlib.metadata.packages_distributions()[name]) == {"micropen"}


def test_the_command_is_installed() -> None:
    scripts = importlib.metadata.entry_points(group="console_scripts")
    assert scripts["micropen"].value == "controller.service.entry:main"


def test_what_is_installed_fits_together() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_the_lock_pins_with_hashes(lock: Path) -> None:
    lines = repo.text(lock).splitlines()
    pins = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pins
    assert [line for line in pins if not PIN.match(line)] == []
    after = [lines[lines.index(line) + 1] for line in pins]
    assert all(line.startswith("    --hash=sha256:") for line in after)


def test_both_locks_agree() -> None:
    run, dev = (dict(PIN.findall(repo.text(lock))) for lock in LOCKS)
    assert run.items() <= dev.items()


def test_every_dependency_is_locked() -> None:
    table = repo.project()["project"]
    extras = table["optional-dependencies"]
    run, dev = (dict(PIN.findall(repo.text(lock))).keys() for lock in LOCKS)
    assert _names(table["dependencies"] + extras["demo"] + extras["report"]) <= run
    assert _names(extras["dev"]) <= dev


@pytest.mark.parametrize("trace", TRACES)
def test_no_trace_of_a_machine_is_committed(trace: str) -> None:
    pattern = re.compile(TRACES[trace])
    found = [str(path) for path in repo.files() if pattern.search(repo.text(path))]
    assert set(found) - {str(path) for path in MAY_NAME} == set()


@pytest.mark.parametrize(
    ("line", "trace"),
    [
        ("--extra-index" + "-url x", "an index address"),
        ("cd /wor" + "k/main", "a path of a machine"),
        ("see http://192.168.0.7/x", "a private host"),
        ("x @ file:///a", "a file address"),
    ],
)
def test_a_trace_is_known_when_seen(line: str, trace: str) -> None:
    assert re.search(TRACES[trace], line)


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~ ;]", line, maxsplit=1)[0].lower() for line in requirements}
