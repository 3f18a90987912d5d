"""Frame <-> bytes (rule C1): COBS between 0x00 delimiters, CRC-32C inside.

The decoder takes any split of any byte stream, never raises on input, never keeps more than one
frame in memory, and reports all it throws away as typed discards. Splitting the stream elsewhere
never changes the result.
"""

import re
from enum import StrEnum
from struct import Struct

import msgspec
from fastcrc import crc32

from protocol.limits import (
    CRC_BYTES,
    ENCODED_MAX_BYTES,
    HEADER_BYTES,
    PAYLOAD_MAX_BYTES,
    PROTOCOL_VERSION,
)

_HEADER = Struct("<BBIB")
_CRC = Struct("<I")
_DELIMITER = b"\x00"
_DISTANCES = tuple(bytes((distance,)) for distance in range(256))
_ONES = tuple(b"\x01" * count for count in range(256))
_RUNS = re.compile(rb"([^\0]*)(\0+)")


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One intact frame. `link_id` is 0 outside a link; `sequence` counts modulo 256."""

    kind: int
    link_id: int
    sequence: int
    payload: bytes


class DiscardReason(StrEnum):
    """Why bytes were thrown away."""

    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    BAD_COBS = "bad_cobs"
    BAD_CRC = "bad_crc"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_FLAG = "unknown_flag"
    UNKNOWN_KIND = "unknown_kind"
    BAD_LENGTH = "bad_length"
    OUT_OF_RANGE = "out_of_range"


class Discard(msgspec.Struct, frozen=True, gc=False):
    """Something thrown away. `detail` is the version, flags or kind seen, or the byte count.

    `frame` is the intact frame of another protocol version, so that its HELLO can be answered
    (C2: header and HELLO are the same in all versions); None for every other reason.
    """

    reason: DiscardReason
    detail: int
    frame: Frame | None = None


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`; the check value of b"123456789" is 0xE3069283."""
    return crc32.iscsi(data)


def cobs_encode(raw: bytes) -> bytes:
    """COBS of at most 254 bytes, without delimiters: exactly one byte longer than `raw`.

    Raises ValueError for more than 254 bytes, where COBS would need a second overhead byte.
    """
    if len(raw) > 254:
        raise ValueError(f"COBS block of {len(raw)} bytes; at most 254 fit a frame")
    runs = _RUNS.findall(raw + _DELIMITER)
    return b"".join([_DISTANCES[len(run) + 1] + run + _ONES[len(zeros) - 1] for run, zeros in runs])


def cobs_decode(encoded: bytes) -> bytes | None:
    """The raw bytes, or None when `encoded` is no COBS block of at most 254 raw bytes."""
    size = len(encoded)
    if not 1 <= size <= 255 or 0 in encoded:
        return None
    block = bytearray(encoded)
    at = 0
    while at < size:
        after = at + block[at]
        block[at] = 0
        at = after
    return bytes(block[1:]) if at == size else None


def encode_frame(frame: Frame) -> bytes:
    """The bytes of one frame with both delimiters, at most 254.

    Raises ValueError when the payload is over 240 bytes and struct.error when a header field does
    not fit its type.
    """
    if len(frame.payload) > PAYLOAD_MAX_BYTES:
        raise ValueError(f"payload of {len(frame.payload)} bytes; at most {PAYLOAD_MAX_BYTES}")
    head = _HEADER.pack(PROTOCOL_VERSION << 4, frame.kind, frame.link_id, frame.sequence)
    body = head + frame.payload
    return _DELIMITER + cobs_encode(body + _CRC.pack(crc32c(body))) + _DELIMITER


def _decode_block(block: bytes) -> Frame | Discard:
    raw = cobs_decode(block)
    if raw is None:
        return Discard(DiscardReason.BAD_COBS, len(block))
    if len(raw) < HEADER_BYTES + CRC_BYTES:
        return Discard(DiscardReason.TOO_SHORT, len(raw))
    body = raw[:-CRC_BYTES]
    if _CRC.unpack_from(raw, len(body))[0] != crc32c(body):
        return Discard(DiscardReason.BAD_CRC, len(raw))
    version_flags, kind, link_id, sequence = _HEADER.unpack_from(body)
    frame = Frame(kind, link_id, sequence, body[HEADER_BYTES:])
    if version_flags >> 4 != PROTOCOL_VERSION:
        return Discard(DiscardReason.UNKNOWN_VERSION, version_flags >> 4, frame)
    if version_flags & 0x0F:
        return Discard(DiscardReason.UNKNOWN_FLAG, version_flags & 0x0F)
    return frame


class Decoder:
    """Cuts a byte stream into frames. Holds at most one unfinished block of 252 bytes."""

    def __init__(self) -> None:
        self._block = bytearray()
        self._dropped_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the unfinished block in memory, at most 252."""
        return len(self._block)

    def feed(self, data: bytes) -> list[Frame | Discard]:
        """Frames and discards completed by `data`, in stream order. Never raises on any bytes."""
        found: list[Frame | Discard] = []
        *ended, rest = data.split(_DELIMITER)
        for part in ended:
            if not (self._block or self._dropped_bytes) and len(part) <= ENCODED_MAX_BYTES:
                if part:
                    found.append(_decode_block(part))
                continue
            self._take(part)
            if self._dropped_bytes:
                found.append(Discard(DiscardReason.TOO_LONG, self._dropped_bytes))
            elif self._block:
                found.append(_decode_block(bytes(self._block)))
            self._block.clear()
            self._dropped_bytes = 0
        if rest:
            self._take(rest)
        return found

    def _take(self, part: bytes) -> None:
        if self._dropped_bytes:
            self._dropped_bytes += len(part)
        elif len(self._block) + len(part) > ENCODED_MAX_BYTES:
            self._dropped_bytes = len(self._block) + len(part)
            self._block.clear()
        else:
            self._block += part
