"""Says what is wrong with a file so that the reader can mend it: line, key, value, allowed range.

Turns pydantic's complaints into `Problem`s. Pure; `loading` reads the files.
"""

import contextlib
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from controller.settings.positions import KeyPath
from controller.settings.scalars import PATTERN_WORDS, exact_text, to_fraction

# (written suffix, our suffix, factor): what people write, and what this program reads.
_UNITS: tuple[tuple[str, str, Fraction], ...] = (
    ("_ul", "_nl", Fraction(1_000)),
    ("_ml", "_nl", Fraction(1_000_000)),
    ("_mm", "_um", Fraction(1_000)),
    ("_ms", "_us", Fraction(1_000)),
    ("_s", "_us", Fraction(1_000_000)),
    ("_rpm", "_hz", Fraction(1, 60)),
    ("_cm2", "_mm2", Fraction(100)),
    ("_ul_s", "_nl_s", Fraction(1_000)),
    ("_days", "_h", Fraction(24)),
)

_BITS_SHOWN = 200
"""Python refuses to spell numbers of more than 4,300 digits, and nobody reads them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file. `code` is for programs, `sentence` for people."""

    path: Path
    line: int
    key: str
    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.key}: {self.sentence}"


def key_text(path: Sequence[str | int]) -> str:
    """A key path as people write it: `zones[1].dose_nl`, counted from 0 as in the file's order."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the file"


def value_text(value: object) -> str:
    """A value as the file spells it, cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and value.bit_length() > _BITS_SHOWN:
        return f"a number of {value.bit_length()} bits"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """ "; did you mean X?", or the known words when none is near, or nothing when none exist."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known here: {', '.join(sorted(known))}" if known else ""


def describe(error: ErrorDetails, model: type[BaseModel]) -> tuple[KeyPath, str, str]:
    """Key path, code and sentence of one pydantic complaint."""
    loc: KeyPath = tuple(error["loc"])
    context = error.get("ctx", {})
    loc = (*loc, *context.get("path", ()))
    kind, given = error["type"], error["input"]
    if kind == "extra_forbidden":
        return loc, "unknown_key", _unknown_key(loc, given, model)
    if kind == "missing":
        return loc, "missing_key", f"is missing{_allowed(loc, model, '; it must be ')}"
    if "path" in context or isinstance(given, dict | list):
        return loc, kind, error["msg"]
    sentence = f"{value_text(given)} is not accepted{_allowed(loc, model, ': it must be ')}"
    if sentence.endswith("accepted"):
        sentence += f": {error['msg'][:1].lower()}{error['msg'][1:]}"
    return loc, _code(kind), sentence


def _code(kind: str) -> str:
    ranges = {"greater_than", "greater_than_equal", "less_than", "less_than_equal", "exact_range"}
    return "out_of_range" if kind in ranges else kind


def _unknown_key(loc: KeyPath, given: object, model: type[BaseModel]) -> str:
    known = keys_at(model, loc[:-1])
    word = str(loc[-1])
    for suffix, ours, factor in _UNITS:
        wanted = word.removesuffix(suffix) + ours
        if word.endswith(suffix) and wanted in known:
            return f"unknown key{_same_in(wanted, given, factor)}"
    return f"unknown key{did_you_mean(word, known)}"


def _same_in(wanted: str, given: object, factor: Fraction) -> str:
    if isinstance(given, int | Decimal) and not isinstance(given, bool):
        with contextlib.suppress(PydanticCustomError):
            value = to_fraction(given) * factor
            return f"; did you mean {wanted} = {exact_text(value)}?"
    return f"; did you mean {wanted}?"


def keys_at(model: type[BaseModel], loc: KeyPath) -> list[str]:
    """The keys that the table at `loc` may hold; empty when it is not a table of ours."""
    found = _resolve(model, loc)
    return list(found.model_fields) if found is not None else []


def _resolve(model: type[BaseModel], loc: KeyPath) -> type[BaseModel] | None:
    current: Any = model
    for part in loc:
        if isinstance(current, _Inside):
            current = current.model
        elif current is None:
            return None
        else:
            field = current.model_fields.get(str(part))
            current = _model_in(field.annotation) if field else None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, UnionType, tuple, dict}:
        for part in reversed(get_args(annotation)):
            found = _model_in(part)
            if found is not None:
                return _Inside(found) if get_origin(annotation) in {tuple, dict} else found
    return None


class _Inside:
    """A list or table of `model`: the next part of a path picks one."""

    def __init__(self, model: Any) -> None:
        self.model = model


def _field_at(model: type[BaseModel], loc: KeyPath) -> FieldInfo | None:
    table = _resolve(model, loc[:-1]) if loc else None
    return table.model_fields.get(str(loc[-1])) if table is not None else None


def _allowed(loc: KeyPath, model: type[BaseModel], before: str) -> str:
    """The declared range of a field in words, for example ": it must be 1 to 3000 um"."""
    field = _field_at(model, loc)
    if field is None:
        return ""
    low = next((mark.ge for mark in field.metadata if isinstance(mark, annotated_types.Ge)), None)
    high = next((mark.le for mark in field.metadata if isinstance(mark, annotated_types.Le)), None)
    choices = _choices(field.annotation)
    if choices:
        return f"{before}one of {', '.join(choices)}"
    pattern = next((words for words in map(_pattern_words, field.metadata) if words), "")
    if low is None and high is None:
        return f"{before}{pattern}" if pattern else ""
    kind = "a whole number, " if field.annotation is int else ""
    ends = f"{low} to {high}" if high is not None else f"{low} or more"
    return f"{before}{kind}{ends}"


def _pattern_words(mark: object) -> str:
    return PATTERN_WORDS.get(str(getattr(mark, "pattern", "")), "")


def _choices(annotation: Any) -> list[str]:
    parts = get_args(annotation)
    if parts and all(isinstance(part, str) for part in parts):
        return [str(part) for part in parts]
    return []
