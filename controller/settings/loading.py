"""Reads one TOML file into one model, or refuses it with every mistake at its line.

May touch: the file system, to read. Raises only numbered input errors.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from controller.errors import FileUnreadable, InputRejected, NotToml
from controller.settings.positions import KeyPath, key_lines
from controller.settings.problems import Problem, describe, key_text


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model was written: its file, and the line of each key."""

    path: Path
    lines: Mapping[KeyPath, int]

    def line(self, key: KeyPath) -> int:
        """The line of a key, or of the nearest table around it; 1 when none is known."""
        while key and key not in self.lines:
            key = key[:-1]
        return self.lines.get(key, 1)

    def problem(self, key: KeyPath, code: str, sentence: str) -> Problem:
        """One mistake at a key of this file."""
        return Problem(self.path, self.line(key), key_text(key), code, sentence)


class Written(BaseModel):
    """Base of every model that a person writes: frozen, no unknown keys, knows its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _origin: Origin | None = PrivateAttr(default=None)

    @property
    def origin(self) -> Origin | None:
        """The file it came from; None when a program made it."""
        return self._origin

    def where(self, *key: str | int) -> str:
        """ "file:line: key" of a key of this file, for sentences."""
        name = key_text(key)
        if self._origin is None:
            return f"{type(self).__name__.lower()}: {name}"
        return f"{self._origin.path}:{self._origin.line(key)}: {name}"

    def written_at(self, origin: Origin) -> Self:
        """This model, remembering where it was written."""
        self._origin = origin
        return self


@dataclass(frozen=True, slots=True)
class Document:
    """A TOML file as read: plain data, with decimals kept exact, and its lines."""

    data: dict[str, Any]
    origin: Origin

    def without(self, *keys: str) -> "Document":
        """The same document without some top-level keys."""
        rest = {key: value for key, value in self.data.items() if key not in keys}
        return Document(rest, self.origin)


M = TypeVar("M", bound=Written)

# tomllib tells the place in its sentence only (attributes come with Python 3.14).
_PLACE = re.compile(r"\(at line (\d+)")
_BEYOND = "not TOML that this program reads: brackets in brackets, or digits, without end"


def read_document(path: Path) -> Document:
    """Read a TOML file. Raises FileUnreadable (E1001) or NotToml (E1002)."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise NotToml(f"{path}: byte {error.start} is not UTF-8 text.") from error
    # A carriage return would count as part of a line's last token.
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text, parse_float=Decimal)
        lines = key_lines(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = place.group(1) if place else text.count("\n") + 1
        raise NotToml(f"{path}:{line}: not TOML: {error}.") from error
    except (RecursionError, ValueError) as error:
        much = "[{" if isinstance(error, RecursionError) else "0123456789"
        raise NotToml(f"{path}:{_fullest_line(text, much)}: {_BEYOND}.") from error
    return Document(data, Origin(path, lines))


def _fullest_line(text: str, characters: str) -> int:
    """The number of the line that holds the most of these characters."""
    counts = [sum(map(line.count, characters)) for line in text.split("\n")]
    return counts.index(max(counts)) + 1


def parse_as(model: type[M], document: Document) -> M:
    """Check a document against a model. Raises InputRejected (E1003) with every mistake found."""
    try:
        return model.model_validate(document.data).written_at(document.origin)
    except ValidationError as error:
        problems = [
            document.origin.problem(*describe(each, model))
            for each in error.errors(include_url=False)
        ]
    raise InputRejected(problems)


def load_as(model: type[M], path: Path) -> M:
    """Read and check one file. Raises what `read_document` and `parse_as` raise."""
    return parse_as(model, read_document(path))
