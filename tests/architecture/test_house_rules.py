"""House rules that no linter knows. Each list of exceptions says why."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture import repo

MODULE_LINES = 400
FUNCTION_LINES = 60
LONG_MODULES = {
    "controller/errors.py": "the numbered catalogue: one short class an error, read as a table",
    "protocol/messages.py": "the tables of the wire: one class a message",
}
LONG_FUNCTIONS: dict[str, str] = {}
"""`path:function` -> why it may be long (a table written as code)."""
BROAD_EXCEPTS: dict[str, str] = {}
"""`path` -> why it may catch everything."""
REAL_SLEEPS = {
    "tests/support/virtual.py": "advance() refuses the real loop",
    "tests/support/processes.py": "until() looks again at what a process leaves without an event",
    "tests/benchmark/clicks.py": "a touch comes at any moment of real time",
    "tests/benchmark/screen.py": "what a processor does in so many real seconds",
}
ASKS_WHETHER_SIMULATED = {
    "controller/pen/identity.py": "refuses a real pen in training and a simulated one in treatment",
    "controller/session/certificate.py": "a training certificate is valid for simulated pens only",
}
"""`path` -> why it may ask: keeping training and treatment apart is all that justifies it."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_modules_stay_small() -> None:
    sizes = {str(path): repo.text(path).count("\n") for path in repo.python_files()}
    assert sizes
    long = {path: lines for path, lines in sizes.items() if lines > MODULE_LINES}
    assert {path: lines for path, lines in long.items() if path not in LONG_MODULES} == {}


def test_functions_stay_small() -> None:
    sizes = {
        f"{path}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path, node in repo.nodes()
        if isinstance(node, Function)
    }
    assert sizes
    long = {name for name, lines in sizes.items() if lines > FUNCTION_LINES}
    assert long - LONG_FUNCTIONS.keys() == set()


def test_every_silenced_type_says_why() -> None:
    comment = re.compile(r"# type: ignor[e](?!\[[a-z, -]+\]  # \w)")
    assert _lines_with(comment) == []


def test_nothing_is_caught_broadly() -> None:
    found = [
        _place(path, node)
        for path, node in repo.nodes()
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    ]
    assert [place for place in found if place.split(":")[0] not in BROAD_EXCEPTS] == []


def test_cancellation_is_never_swallowed() -> None:
    handlers = [
        _place(path, node)
        for path, node in repo.nodes(*repo.PRODUCTION)
        if isinstance(node, ast.ExceptHandler)
        and "CancelledError" in _caught(node)
        and not _raises_again(node)
    ]
    suppressed = [
        _place(path, node)
        for path, node in repo.nodes(*repo.PRODUCTION)
        if isinstance(node, ast.Call)
        and _last(node.func) == "suppress"
        and {_last(arg) for arg in node.args} & {"CancelledError", "BaseException", "Exception"}
    ]
    assert handlers + suppressed == []


def test_no_test_sleeps() -> None:
    sleeps = [
        _place(path, node)
        for path, node in repo.nodes("tests")
        if isinstance(node, ast.Call) and _sleeps(node)
    ]
    assert [place for place in sleeps if place.split(":")[0] not in REAL_SLEEPS] == []


def test_the_controller_never_asks_whether_the_pen_is_simulated() -> None:
    asks = [
        _place(path, node)
        for path, node in repo.nodes("controller", "protocol")
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert)
        and "simulat" in ast.unparse(node.test).lower()
    ]
    assert [place for place in asks if place.split(":")[0] not in ASKS_WHETHER_SIMULATED] == []


def test_production_never_imports_the_tests() -> None:
    imports = re.compile(r"^\s*(from|import) (tests|pytest|hypothesis|unittest)\b")
    assert _lines_with(imports, *repo.PRODUCTION) == []


@pytest.mark.parametrize(
    ("source", "broad"),
    [
        ("except:", True),
        ("except Exception:", True),
        ("except (OSError, BaseException):", True),
        ("except OSError:", False),
    ],
)
def test_a_broad_except_is_known_when_seen(source: str, broad: bool) -> None:
    module = ast.parse(f"try:\n    f()\n{source}\n    g()\n")
    handlers = [node for node in ast.walk(module) if isinstance(node, ast.ExceptHandler)]
    assert [_is_broad(node) for node in handlers] == [broad]


@pytest.mark.parametrize(
    ("call", "sleeps"),
    [
        ("time.sleep(pause_s)", True),
        ("asyncio.sleep(delay_s)", True),
        ("sleep(1)", True),
        ("asyncio.sleep(0)", False),
    ],
)
def test_a_sleep_is_known_when_seen(call: str, sleeps: bool) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert _sleeps(node) is sleeps


def _place(path: Path, node: ast.AST) -> str:
    return f"{path}:{getattr(node, 'lineno', 0)}"


def _last(node: ast.AST) -> str:
    return repo.dotted(node).rpartition(".")[2]


def _caught(node: ast.ExceptHandler) -> set[str]:
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return {_last(kind) if kind else "BaseException" for kind in kinds}


def _is_broad(node: ast.ExceptHandler) -> bool:
    return bool(_caught(node) & {"Exception", "BaseException"})


def _raises_again(node: ast.ExceptHandler) -> bool:
    return isinstance(node.body[-1], ast.Raise)


def _sleeps(node: ast.Call) -> bool:
    if repo.dotted(node.func) not in {"time.sleep", "asyncio.sleep", "sleep"}:
        return False
    duration = node.args[0] if node.args else None
    return not (isinstance(duration, ast.Constant) and duration.value == 0)


def _lines_with(pattern: re.Pattern[str], *rooms: str) -> list[str]:
    return [
        f"{path}:{number}"
        for path in repo.python_files(*rooms)
        for number, line in enumerate(repo.text(path).splitlines(), start=1)
        if pattern.search(line)
    ]
