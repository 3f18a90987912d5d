"""The mutants of a module: one small change of its syntax tree each. Pure.

Left out: annotations, docstrings, sentences for people (`cause`, `action`, what is raised or
logged), imports, `if TYPE_CHECKING`, and the `number` of an error, which docs/errors.md pins.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutation.changes import changes_of

LEFT_OUT = ("cause", "action", "number")
SKIPPED_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}
SKIPPED_NODES = (ast.Import, ast.ImportFrom, ast.JoinedStr, ast.Global, ast.Nonlocal)


@dataclass(frozen=True)
class Mutant:
    """One changed module. `where` is the function or class, `change` what was put for what."""

    line: int
    where: str
    change: str
    tree: ast.Module

    @property
    def key(self) -> str:
        """What names it while the lines around move."""
        return f"{self.where}: {self.change}"


@dataclass(frozen=True)
class _Place:
    node: ast.AST
    path: tuple[tuple[str, int | None], ...]
    where: str
    raised: bool


def mutants_of(source: str, only: str | None = None) -> Iterator[Mutant]:
    """All mutants, in the order of the text; `only` keeps those inside one function."""
    tree = ast.parse(source)
    seen: dict[str, int] = {}
    for place in _places(tree, (), "module", False):
        if only is not None and place.where != only:
            continue
        for before, after, new in changes_of(place.node, place.raised):
            change = f"`{_short(before)}` -> `{_short(after)}`"
            count = seen[place.where + change] = seen.get(place.where + change, 0) + 1
            change += f" ({count})" if count > 1 else ""
            line = getattr(place.node, "lineno", 1)
            yield Mutant(line, place.where, change, _with(tree, place.path, new))


def _places(
    node: ast.AST, path: tuple[tuple[str, int | None], ...], where: str, raised: bool
) -> Iterator[_Place]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        where = node.name if where == "module" else f"{where}.{node.name}"
    raised = raised or isinstance(node, ast.Raise) or _is_log(node)
    yield _Place(node, path, where, raised)
    for field, value in ast.iter_fields(node):
        if field in SKIPPED_FIELDS:
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not _is_skipped(child):
                yield from _places(child, (*path, (field, index)), where, raised)


def _is_skipped(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in LEFT_OUT:
        return True
    return isinstance(node, SKIPPED_NODES) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ".log." in ast.unparse(node.func)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:60]} ... {line[-36:]}"


def _with(tree: ast.Module, path: tuple[tuple[str, int | None], ...], new: ast.AST) -> ast.Module:
    mutated = copy.deepcopy(tree)
    node: ast.AST = mutated
    for field, index in path[:-1]:
        value = getattr(node, field)
        node = value if index is None else value[index]
    field, index = path[-1]
    if index is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[index] = new
    return ast.fix_missing_locations(mutated)
