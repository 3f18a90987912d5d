"""The vocabulary in which `messages.py` declares a payload layout, and the table it yields.

A field is declared once, as `name: Annotated[int, u16("um", "what it means", high=3000)]`.
Everything else (codec, SPEC's field tables, later a C header) is derived from `layout_of`.
All integers are little-endian and unpadded.
"""

from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from types import GenericAlias
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8, "h": 2, "16s": 16}
_NAMES = {"B": "u8", "H": "u16", "I": "u32", "Q": "u64", "h": "i16", "16s": "text16"}


class Leaf(msgspec.Struct, frozen=True):
    """Type, unit, inclusive range and meaning of one wire field.

    `allowed` is None for a plain range, otherwise the exact set of values.
    """

    code: str
    unit: str
    meaning: str
    low: int
    high: int
    allowed: frozenset[int] | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return _SIZES[self.code]

    @property
    def type_name(self) -> str:
        """The type as SPEC.md spells it."""
        return _NAMES[self.code]

    @property
    def is_narrow(self) -> bool:
        """Whether some bit patterns of the type are out of range."""
        return self.allowed is not None or (self.low, self.high) != _full_range(self.code)


class Tail(msgspec.Struct, frozen=True):
    """Marks a tuple field: 1 to `high` records of one flat block fill the rest of the payload."""

    high: int


class Row(msgspec.Struct, frozen=True):
    """One line of a field table: where a leaf lies in the payload."""

    path: str
    offset: int
    leaf: Leaf


def _full_range(code: str) -> tuple[int, int]:
    if code == "h":
        return -0x8000, 0x7FFF
    return 0, (1 << (8 * _SIZES[code])) - 1


def _leaf(code: str, unit: str, meaning: str, low: int | None, high: int | None) -> Leaf:
    full_low, full_high = _full_range(code)
    return Leaf(
        code,
        unit,
        meaning,
        full_low if low is None else low,
        full_high if high is None else high,
    )


def u8(unit: str, meaning: str, low: int | None = None, high: int | None = None) -> Leaf:
    """An unsigned byte."""
    return _leaf("B", unit, meaning, low, high)


def u16(unit: str, meaning: str, low: int | None = None, high: int | None = None) -> Leaf:
    """An unsigned 16-bit integer."""
    return _leaf("H", unit, meaning, low, high)


def u32(unit: str, meaning: str, low: int | None = None, high: int | None = None) -> Leaf:
    """An unsigned 32-bit integer."""
    return _leaf("I", unit, meaning, low, high)


def u64(unit: str, meaning: str, low: int | None = None, high: int | None = None) -> Leaf:
    """An unsigned 64-bit integer."""
    return _leaf("Q", unit, meaning, low, high)


def i16(unit: str, meaning: str, low: int | None = None, high: int | None = None) -> Leaf:
    """A signed 16-bit integer, two's complement."""
    return _leaf("h", unit, meaning, low, high)


def text16(meaning: str) -> Leaf:
    """16 bytes: printable ASCII (0x20-0x7E), padded at the end with 0x00."""
    return _leaf("16s", "ASCII", meaning, None, None)


def one_of(enum: type[IntEnum], meaning: str) -> Leaf:
    """An unsigned byte that holds a member of `enum`."""
    values = frozenset(int(member) for member in enum)
    return Leaf("B", enum.__name__, meaning, min(values), max(values), values)


def bits(unit: str, meaning: str, mask: int) -> Leaf:
    """An unsigned byte of flags; bits outside `mask` are spare and must be zero."""
    values = frozenset(value for value in range(256) if not value & ~mask)
    return Leaf("B", unit, meaning, 0, mask, values)


def event_kind_bits(kinds: type[IntEnum], mask: int, meaning: str) -> Leaf:
    """A byte with a member of `kinds` in bits 0-2 and flags from `mask` in bits 3-6."""
    values = frozenset(
        value for value in range(256) if (value & 7) in set(kinds) and not value & 0xF8 & ~mask
    )
    return Leaf("B", "kind|flags", meaning, min(values), max(values), values)


class Slot(msgspec.Struct, frozen=True):
    """One declared field of a block: exactly one of a leaf, a nested block or a tail."""

    name: str
    python_type: Any
    leaf: Leaf | None
    tail: Tail | None


@cache
def slots_of(block: type[msgspec.Struct]) -> tuple[Slot, ...]:
    """The declared fields of a message or block class, in wire order."""
    hints = get_type_hints(block, include_extras=True)
    return tuple(_slot(name, hints[name]) for name in block.__struct_fields__)


def _slot(name: str, hint: Any) -> Slot:
    marks = getattr(hint, "__metadata__", ())
    base = hint.__origin__ if marks else hint
    leaf = next((mark for mark in marks if isinstance(mark, Leaf)), None)
    tail = next((mark for mark in marks if isinstance(mark, Tail)), None)
    if isinstance(base, GenericAlias) or get_origin(base) is tuple:
        base = get_args(base)[0]
    return Slot(name, base, leaf, tail)


def layout_of(block: type[msgspec.Struct]) -> tuple[Row, ...]:
    """The field table of a class: every leaf with its path and offset in bytes.

    Rows of a repeated record have the offset inside the record and a path with "[]".
    """
    return tuple(_rows(block, "", 0))


def _rows(block: type[msgspec.Struct], prefix: str, offset: int) -> Iterator[Row]:
    for slot in slots_of(block):
        if slot.tail is not None:
            yield from _rows(slot.python_type, f"{prefix}{slot.name}[].", 0)
        elif slot.leaf is not None:
            yield Row(prefix + slot.name, offset, slot.leaf)
            offset += slot.leaf.size_bytes
        else:
            nested = tuple(_rows(slot.python_type, f"{prefix}{slot.name}.", offset))
            yield from nested
            offset = nested[-1].offset + nested[-1].leaf.size_bytes
