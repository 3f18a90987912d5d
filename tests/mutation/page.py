"""docs/mutation.md: the figures of the last run of each target, and an argument per survivor.

figures.json is written by the run, arguments.toml by people.
"""

import ast
import json
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from tests.mutation.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/mutation.md"
FIGURES = Path(__file__).with_name("figures.json")
ARGUMENTS = Path(__file__).with_name("arguments.toml")

HEAD = """# Mutation testing

One small fault at a time is put into the syntax tree of a module (a comparison, an operator, a
constant, a condition, a result; a statement, a keyword, a case or a handler left out), and the
tests that stand for the module must fail. Written by `make mutate`; `make mutate ARGS="ledger"`
judges one module, `make mutate ARGS=--page` tells which figures are of an earlier text.

- Mutants and runner: `tests/mutation/`, no package (its docstring says why). Each mutant runs in a
  forked process on a copy of the tree, with a CPU limit; whatever ends it counts as killed.
- Not mutated: sentences for people, annotations, decorators, imports; and the numbers of errors,
  which `tests/unit/test_error_tree.py` compares with `docs/errors.md`.
- `fast` tests run for every mutant, the others only for those that live through them. Hypothesis
  is derandomized, so that a run can be repeated.
- The arguments are in `tests/mutation/arguments.toml`. A survivor that was a hole in the tests got
  a test; what is listed below is equivalent or harmless, for the reason given.

| Module | Mutants | Killed | Survivors | Digest of the tree | Run on |
|---|---|---|---|---|---|
"""


class Survivor(TypedDict):
    """A mutant that no test noticed."""

    line: int
    change: str


class Figures(TypedDict):
    """The last run of a target; `digest` is of the text that was mutated."""

    mutants: int
    survivors: list[Survivor]
    digest: str
    date: str


def figures() -> dict[str, Figures]:
    """The last figures of every target that was ever judged."""
    if not FIGURES.exists():
        return {}
    found: dict[str, Figures] = json.loads(FIGURES.read_text())
    return found


def arguments() -> dict[tuple[str, str], str]:
    """Why a survivor may live, by target and change."""
    listed = tomllib.loads(ARGUMENTS.read_text())["survivor"]
    return {(each["target"], change): each["why"] for each in listed for change in each["changes"]}


def digest(target: Target, top: Path) -> str:
    """Of the syntax tree, so that comments and line breaks do not count."""
    tree = ast.dump(ast.parse((top / target.path).read_text()))
    return sha256(tree.encode()).hexdigest()[:12]


def unargued(found: dict[str, Figures]) -> list[str]:
    """Survivors without an argument."""
    known = arguments()
    return [
        f"{name}: {each['change']}"
        for name, of_target in found.items()
        for each in of_target["survivors"]
        if (name, each["change"]) not in known
    ]


def page(found: dict[str, Figures]) -> str:
    """The whole page."""
    judged = [target for target in TARGETS if target.name in found]
    rows = [_row(target, found[target.name]) for target in judged]
    lists = [line for target in judged for line in _list(target, found[target.name])]
    waiting = [
        f"| {each.path} | not judged yet | | | | |" for each in TARGETS if each not in judged
    ]
    return HEAD + "\n".join([*rows, *waiting, _total(found), *lists]) + "\n"


def _row(target: Target, of_target: Figures) -> str:
    live = len(of_target["survivors"])
    name = f"{target.path}::{target.only}" if target.only else target.path
    killed = of_target["mutants"] - live
    cells = name, of_target["mutants"], killed, live, of_target["digest"], of_target["date"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _total(found: dict[str, Figures]) -> str:
    mutants = sum(each["mutants"] for each in found.values())
    live = sum(len(each["survivors"]) for each in found.values())
    return f"| all | {mutants} | {mutants - live} | {live} | | |"


def _list(target: Target, of_target: Figures) -> Iterator[str]:
    known = arguments()
    yield f"\n## {target.name}\n"
    yield "Fast: " + ", ".join(f"`{test}`" for test in target.fast)
    if target.then:
        yield "\nThen: " + ", ".join(f"`{test}`" for test in target.then)
    yield ""
    for each in of_target["survivors"] or ():
        why = known.get((target.name, each["change"]), "NOT ARGUED")
        where, _, change = each["change"].partition(": ")
        yield f"- line {each['line']}, {where}: {change}. {why}"
    if not of_target["survivors"]:
        yield "No survivor."
