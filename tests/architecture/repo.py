"""Reads the repository as text and syntax trees for the tests beside it. Imports none of it."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PRODUCTION = ("controller", "protocol", "simulator")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is committed or would be, relative to ROOT."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (Path(name) for name in listing.stdout.split("\0") if name)
    return tuple(sorted({path for path in paths if (ROOT / path).is_file()}))


def python_files(*rooms: str) -> list[Path]:
    """The Python files of the named top-level folders, of all folders when none is named."""
    return [p for p in files() if p.suffix == ".py" and (not rooms or p.parts[0] in rooms)]


@cache
def text(path: Path) -> str:
    """The content of a file of `files()`; bytes that are not UTF-8 are replaced."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file of `files()`."""
    return ast.parse(text(path), str(path))


def nodes(*rooms: str) -> Iterator[tuple[Path, ast.AST]]:
    """Every syntax node of the named folders, with its file."""
    for path in python_files(*rooms):
        for node in ast.walk(tree(path)):
            yield path, node


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute, with "" for a part that is neither."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def project() -> dict[str, Any]:
    """`pyproject.toml`."""
    return tomllib.loads(text(Path("pyproject.toml")))
