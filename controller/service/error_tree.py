"""The tree of numbered errors as one table, for docs/errors.md and `micropen errors`.

Errors are defined beside the code that raises them; this module finds them all, because importing
the command line imports every part of the controller. What no command reaches yet is imported here.
"""

import re
from collections.abc import Iterator

import controller.calibration.errors  # noqa: F401  # its classes join the tree
from controller.errors import MicropenError

_HEAD = """# Errors

Every error has a number, says what happened, the likely cause and what to do. Families share an
[exit code](exit-codes.md). `micropen errors E2002` explains one. This page is printed by
`micropen errors`; a test compares it with the code.
"""


def tree(top: type[MicropenError] = MicropenError) -> Iterator[type[MicropenError]]:
    """`top` and every error class below it."""
    yield top
    for kind in top.__subclasses__():
        yield from tree(kind)


def numbered() -> dict[int, type[MicropenError]]:
    """Each number with its class, in order."""
    return {kind.number: kind for kind in sorted(tree(), key=lambda kind: kind.number)}


def meaning(kind: type[MicropenError]) -> str:
    """What an error class stands for, in one sentence: the first of its docstring."""
    paragraph = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    words = re.split(r"\. |: E\dxxx", paragraph)[0].rstrip(".")
    return f"{words}."


def error_page() -> str:
    """All errors as a page of Markdown, family by family."""
    lines = [_HEAD]
    for number, kind in numbered().items():
        if number % 1000 == 0:
            lines += _heading(kind)
        else:
            lines.append(_row(kind))
    return "\n".join(lines) + "\n"


def _heading(kind: type[MicropenError]) -> list[str]:
    return [
        "",
        f"## {_family(kind)}",
        "",
        "| number | what | likely cause | what to do |",
        "|---|---|---|---|",
        _row(kind),
    ]


def _row(kind: type[MicropenError]) -> str:
    return f"| E{kind.number} | {meaning(kind)} | {kind.cause} | {kind.action} |"


def _family(kind: type[MicropenError]) -> str:
    first = f"E{kind.number // 1000}xxx"
    return f"{first}, exit code {kind.exit_code}: {_FAMILIES[kind.number // 1000]}"


_FAMILIES = {
    1: "what a person wrote",
    2: "port and link",
    3: "the pen",
    4: "the session's rules",
    5: "the record",
    6: "telemetry",
    7: "calibration",
    8: "the service",
    9: "defects",
}
