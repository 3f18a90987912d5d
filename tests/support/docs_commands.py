"""The commands that the pages tell people to type: blocks of lines, and names within sentences.

Reads README.md and docs/ as text. A line of a `console`, `sh` or `bash` block is a command; in an
indented block a line is one when it begins with a program's name. Runs nothing.
"""

import re
import shlex
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.architecture import repo

PROGRAMS = (
    *("micropen", "make", "python", "python3", ".venv/bin/python", ".venv/bin/micropen"),
    *("sudo", "sh", "head", "systemctl", "journalctl", "git", "pip", "apt-get", "curl", "openssl"),
    *("mosquitto", "mosquitto_sub", "mosquitto_pub", "sha256sum", "cp", "mkdir", "mv", "ls", "cat"),
    *("install", "udevadm", "usermod", "ssh", "scp", "tar", "pipx"),
)
SHELLS = ("console", "sh", "bash")
_FENCE = re.compile(r"\s*```\s*(\w*)")
_INDENT = re.compile(r" {4,}|> ?")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Command(NamedTuple):
    """One command with where it stands; `text` is whole, also when it was broken by backslashes."""

    page: str
    line: int
    text: str

    @property
    def words(self) -> list[str]:
        """As a shell would split it; what follows `#` is said to the reader."""
        return shlex.split(self.text, comments=True)

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


class _Line(NamedTuple):
    number: int
    text: str
    block: int  # 0: a sentence
    is_shell: bool = False


def pages() -> list[Path]:
    """README.md and every page below docs/, relative to the repository."""
    found = [path for path in repo.files() if path.suffix == ".md"]
    return [path for path in found if path.parts[0] == "docs" or str(path) == "README.md"]


def blocks() -> list[list[Command]]:
    """Every block of commands of every page, in order."""
    return [block for page in pages() for block in _blocks_of(page)]


def spans() -> Iterator[Command]:
    """Every `name` within a sentence that begins with a program's name."""
    for page in pages():
        for line in _lines(repo.text(page)):
            for text in _SPAN.findall(line.text) if not line.block else ():
                if text.split()[:1] and text.split()[0] in PROGRAMS:
                    yield Command(str(page), line.number, text)


def _blocks_of(page: Path) -> Iterator[list[Command]]:
    lines = [line for line in _lines(repo.text(page)) if line.block]
    for _, of_block in groupby(lines, key=lambda line: line.block):
        commands = [Command(str(page), number, text) for number, text in _joined(list(of_block))]
        if commands:
            yield commands


def _lines(text: str) -> Iterator[_Line]:
    """Every line with the number of its block."""
    fence: str | None = None
    block, was_code = 0, False
    for number, line in enumerate(text.splitlines(), 1):
        if found := _FENCE.match(line):
            fence = found[1] if fence is None else None
            block, was_code = block + 1, False
        elif fence is not None:
            yield _Line(number, line.strip(), block, fence in SHELLS)
        elif _INDENT.match(line):
            block, was_code = block + (not was_code), True
            yield _Line(number, _INDENT.sub("", line, count=1).strip(), block)
        else:
            was_code = was_code and not line.strip()
            yield _Line(number, line, 0)


def _joined(lines: list[_Line]) -> Iterator[tuple[int, str]]:
    """Commands of a block; a line that ends in a backslash goes on."""
    begun: list[_Line] = []
    for line in lines:
        if not begun and not _is_command(line):
            continue
        begun.append(line)
        if not line.text.endswith("\\"):
            yield begun[0].number, " ".join(each.text.rstrip("\\").strip() for each in begun)
            begun = []


def _is_command(line: _Line) -> bool:
    """Not output, a formula, a worked example or a remark."""
    first = (line.text.split() or ["#"])[0]
    return first in PROGRAMS or (line.is_shell and not first.startswith("#"))
