"""The walls between the rooms: who may import whom, and what may stand at the top."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.architecture import repo

TOP_LEVEL = {
    "controller", "protocol", "simulator", "tests", "config", "docs", "requirements",
    "pyproject.toml", "README.md", "Makefile", "LICENSE",
}  # fmt: skip
"""Beside these only dot files and `.ci/`."""
PURE = {"msgspec", "fastcrc", "protocol"}
"""What `protocol` may import beside the standard library."""
IMPURE = {"asyncio", "datetime", "io", "os", "pathlib", "random", "socket", "threading", "time"}
"""Parts of the standard library that have a clock, chance, or reach outside."""


def test_the_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=repo.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_top_level_holds_only_the_rooms() -> None:
    tops = {path.parts[0] for path in repo.files()}
    assert {top for top in tops if not top.startswith(".")} <= TOP_LEVEL


def test_the_protocol_is_pure() -> None:
    standard = set(sys.stdlib_module_names) - IMPURE
    strangers = {
        (str(path), name)
        for path, node in repo.nodes("protocol")
        for name in _imported(node)
        if name.split(".")[0] not in standard | PURE
    }
    assert not strangers


JUDGES = ("auditor", "referee", "truth")


def test_those_who_judge_share_no_code_with_those_who_are_judged() -> None:
    """They know the journal by docs/journal.md and the pen by the simulator's oracle."""
    judges = [Path("tests/support", f"{name}.py") for name in JUDGES]
    allowed = {f"tests.support.{name}" for name in JUDGES} | {"simulator.oracle"}
    strangers = {
        (path.name, name)
        for path in judges
        for node in ast.walk(repo.tree(path))
        for name in _imported(node)
        if name.split(".")[0] not in sys.stdlib_module_names and name not in allowed
    }
    assert not strangers


def test_config_is_data_and_never_a_package() -> None:
    assert not repo.python_files("config")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "protocol"]
    return []
