"""Message <-> payload, compiled once from the tables in `messages.py`.

Decoding checks length and every range; encoding checks the same, so a value out of range can
neither be sent nor believed.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from operator import attrgetter
from struct import Struct
from typing import Any, cast

import msgspec

from protocol.fields import Leaf, Row, Slot, layout_of, slots_of
from protocol.framing import Discard, DiscardReason, Frame, crc32c
from protocol.messages import MESSAGES, Message, StrokeSettings

_Build = Callable[[Sequence[Any]], Any]
_Flatten = Callable[[Any], Sequence[Any]]


class _Codec:
    """Head layout, optional record tail and range checks of one message class."""

    def __init__(self, message: type[Message]) -> None:
        rows = [row for row in layout_of(message) if "[]" not in row.path]
        self.message = message
        self.head = Struct("<" + "".join(row.leaf.code for row in rows))
        self.checks = _checks(rows)
        self.tail = next((slot for slot in slots_of(message) if slot.tail), None)
        self.build, _ = _builder(message, 0)
        self.flatten = _flattener(rows)
        tail_rows = layout_of(self.tail.python_type) if self.tail else ()
        self.record = Struct("<" + "".join(row.leaf.code for row in tail_rows))
        self.record_checks = _checks(tail_rows)

    def encode(self, message: Message) -> bytes:
        values = self.flatten(message)
        _require(self.message, self.checks, values)
        return self.head.pack(*values) + self._encode_tail(message)

    def _encode_tail(self, message: Message) -> bytes:
        if self.tail is None or self.tail.tail is None:
            return b""
        records = getattr(message, self.tail.name)
        if not 1 <= len(records) <= self.tail.tail.high:
            raise ValueError(f"{len(records)} records; 1 to {self.tail.tail.high} fit a frame")
        rows = [msgspec.structs.astuple(record) for record in records]
        for row in rows:
            _require(self.tail.python_type, self.record_checks, row)
        return b"".join(self.record.pack(*row) for row in rows)

    def decode(self, payload: bytes) -> Message | DiscardReason:
        size = self.head.size
        if not self._fits(len(payload) - size):
            return DiscardReason.BAD_LENGTH
        values = self.head.unpack_from(payload)
        if _refusing(self.checks, values) is not None:
            return DiscardReason.OUT_OF_RANGE
        if self.tail is None:
            return cast(Message, self.build(values))
        records = []
        for record in self.record.iter_unpack(payload[size:]):
            if _refusing(self.record_checks, record) is not None:
                return DiscardReason.OUT_OF_RANGE
            records.append(self.tail.python_type(*record))
        return cast(Message, self.build((*values, tuple(records))))

    def _fits(self, rest: int) -> bool:
        if self.tail is None or self.tail.tail is None:
            return rest == 0
        count, extra = divmod(rest, self.record.size)
        return extra == 0 and 1 <= count <= self.tail.tail.high


class _Check(msgspec.Struct, frozen=True):
    """The range check of the leaf at place `at` of the flat values."""

    at: int
    row: Row
    accepts: Callable[[Any], bool]


def _checks(rows: Sequence[Row]) -> tuple[_Check, ...]:
    return tuple(
        _Check(at, row, _acceptor(row.leaf))
        for at, row in enumerate(rows)
        if row.leaf.is_narrow or row.leaf.code == "16s"
    )


def _acceptor(leaf: Leaf) -> Callable[[Any], bool]:
    if leaf.code == "16s":
        return _is_text
    if leaf.allowed is not None:
        return leaf.allowed.__contains__
    low, high = leaf.low, leaf.high
    return lambda value: low <= value <= high


def _is_text(value: bytes) -> bool:
    text = value.rstrip(b"\x00")
    return len(value) == 16 and all(0x20 <= byte <= 0x7E for byte in text)


def _refusing(checks: Sequence[_Check], values: Sequence[Any]) -> _Check | None:
    """The first check that fails; a plain loop, because each record of each frame comes here."""
    for check in checks:
        if not check.accepts(values[check.at]):
            return check
    return None


def _require(block: type, checks: Sequence[_Check], values: Sequence[Any]) -> None:
    check = _refusing(checks, values)
    if check is not None:
        leaf = check.row.leaf
        raise ValueError(
            f"{block.__name__}.{check.row.path} is {values[check.at]!r}; "
            f"allowed {leaf.low} to {leaf.high} {leaf.unit}"
        )


def _builder(block: type[msgspec.Struct], at: int) -> tuple[_Build, int]:
    parts: list[tuple[int, _Build | None]] = []
    for slot in slots_of(block):
        if slot.leaf is None and slot.tail is None:
            nested, after = _builder(slot.python_type, at)
            parts.append((at, nested))
            at = after
        else:
            parts.append((at, _maker(slot, at)))
            at += 1
    if all(make is None for _, make in parts):
        first, last = parts[0][0], parts[-1][0] + 1
        return (lambda values: block(*values[first:last])), at
    frozen = tuple(parts)
    return (
        lambda values: block(
            *[values[place] if make is None else make(values) for place, make in frozen]
        )
    ), at


def _maker(slot: Slot, at: int) -> _Build | None:
    if not (isinstance(slot.python_type, type) and issubclass(slot.python_type, IntEnum)):
        return None
    members = {int(member): member for member in slot.python_type}
    return lambda values: members[values[at]]


def _flattener(rows: Sequence[Row]) -> _Flatten:
    get = attrgetter(*(row.path for row in rows))
    return get if len(rows) > 1 else lambda message: (get(message),)


_CODECS: dict[int, _Codec] = {message.KIND: _Codec(message) for message in MESSAGES}


def encode_payload(message: Message) -> bytes:
    """The payload bytes of a message.

    Raises ValueError when a field is out of the range that its table declares, and struct.error
    when it does not fit its type.
    """
    return _CODECS[message.KIND].encode(message)


def decode_payload(frame: Frame) -> Message | Discard:
    """The message in a frame, or the typed discard that says why there is none. Never raises."""
    codec = _CODECS.get(frame.kind)
    if codec is None:
        return Discard(DiscardReason.UNKNOWN_KIND, frame.kind)
    message = codec.decode(frame.payload)
    if isinstance(message, DiscardReason):
        return Discard(message, frame.kind)
    return message


def settings_digest(settings: StrokeSettings) -> int:
    """CRC-32C over the *decoded* settings, each widened to a little-endian u64 in table order.

    The widened form differs from the wire form on purpose: a field decoded at a wrong offset or
    width gives another digest (C3).
    """
    values = (int(value) for value in msgspec.structs.astuple(settings))
    return crc32c(b"".join(value.to_bytes(8, "little") for value in values))
