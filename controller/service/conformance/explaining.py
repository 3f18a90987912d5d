"""What a failed check tells a firmware engineer: where it stood, with which values, and the wire.

Reads the checks' own source; touches nothing else.
"""

import ast
import linecache
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from controller.service.conformance.sheets import Failure, Place
from protocol.conformance import checks
from protocol.conformance.tap import Spoken
from protocol.framing import Discard
from protocol.messages import Message

CHECKS = Path(str(checks.__file__)).parent
SUITE = CHECKS.parent


def failure_of(error: BaseException, spoken: Iterable[Spoken]) -> Failure:
    """Why it failed: the lines of the check, or of what prepares it when it never began."""
    trace = error.__traceback__
    frames = list(_frames(trace, CHECKS)) or list(_frames(trace, SUITE))
    said = f"{error}" or "the pen does not do what this line says"
    if not isinstance(error, AssertionError):
        said = f"the pen's answers do not fit: {type(error).__name__}: {error}"
    return Failure(said, [_place(*frame) for frame in frames], list(_lines(spoken)))


def _frames(trace: TracebackType | None, folder: Path) -> Iterator[tuple[FrameType, int]]:
    """Frames of the modules of that folder, outermost first."""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).parent == folder:
            yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _place(frame: FrameType, line: int) -> Place:
    path = Path(frame.f_code.co_filename)
    statement = _statement(path, line)
    source = ast.unparse(statement) if statement else linecache.getline(str(path), line).strip()
    values = dict(_values(statement, frame)) if statement else {}
    return Place(f"{path.name}:{line}", source, values)


def _statement(path: Path, line: int) -> ast.stmt | None:
    """The smallest statement that contains the line."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError):  # the values are a help, not the finding
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return min(
        around, key=lambda node: (node.end_lineno or node.lineno) - node.lineno, default=None
    )


def _values(statement: ast.stmt, frame: FrameType) -> Iterator[tuple[str, str]]:
    """Names of the statement and fields of what they name; nothing is called for it."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name | ast.Attribute):
            text = _shown(_value(node, frame))
            if text is not None:
                yield ast.unparse(node), text


def _value(node: ast.expr, frame: FrameType) -> object:
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id)
    if isinstance(node, ast.Attribute):
        base = _value(node.value, frame)
        return getattr(base, node.attr, None) if isinstance(base, msgspec.Struct) else None
    return None


def _shown(value: object) -> str | None:
    """What is worth showing: numbers, words, structures of the wire and lists of them."""
    if isinstance(value, Enum):
        return f"{value.name} ({value.value})"
    if isinstance(value, bool | int | str | bytes | msgspec.Struct):
        return repr(value)
    if isinstance(value, list | tuple | set | dict):
        text = repr(value)
        return text if len(text) <= 400 else f"{text[:400]}..."
    return None


def _lines(spoken: Iterable[Spoken]) -> Iterator[str]:
    said = list(spoken)
    last_us = said[-1].at_us if said else 0
    for each in said:
        arrow = "pen  ->" if each.from_pen else "-> pen "
        yield f"{(each.at_us - last_us) / 1_000:+10.1f} ms  {arrow} {_word(each.said)}"


def _word(said: Message | Discard) -> str:
    if isinstance(said, Discard):
        return f"dropped: {said.reason} ({said.detail})"
    return repr(said)
