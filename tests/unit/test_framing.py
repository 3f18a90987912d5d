"""Framing (C1): CRC, COBS, the decoder's discards, its bounded memory and split-invariance."""

import struct

import pytest

from protocol.framing import (
    Decoder,
    Discard,
    DiscardReason,
    Frame,
    cobs_decode,
    cobs_encode,
    crc32c,
    encode_frame,
)
from protocol.limits import ENCODED_MAX_BYTES, FRAME_MAX_BYTES, PAYLOAD_MAX_BYTES
from protocol.messages import Hello

FRAME = Frame(kind=0x09, link_id=0x89ABCDEF, sequence=7, payload=bytes(range(8)))
WIRE = encode_frame(FRAME)


def foreign_wire(version_flags: int, kind: int, payload: bytes) -> bytes:
    """An intact frame with another first header byte."""
    body = struct.pack("<BBIB", version_flags, kind, 0, 0) + payload
    return b"\x00" + cobs_encode(body + struct.pack("<I", crc32c(body))) + b"\x00"


def test_crc_check_value_is_castagnoli() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_longest_frame_has_254_bytes_and_comes_back() -> None:
    frame = Frame(0x83, 1, 255, b"\xff" * PAYLOAD_MAX_BYTES)
    wire = encode_frame(frame)
    assert len(wire) == FRAME_MAX_BYTES == 254
    assert Decoder().feed(wire) == [frame]


def test_payload_over_240_bytes_is_refused_at_encoding() -> None:
    with pytest.raises(ValueError, match="payload of 241 bytes"):
        encode_frame(Frame(1, 0, 0, bytes(241)))


@pytest.mark.parametrize(
    "frame", [Frame(256, 0, 0, b""), Frame(1, 1 << 32, 0, b""), Frame(1, 0, 256, b"")]
)
def test_header_field_over_its_type_is_refused_at_encoding(frame: Frame) -> None:
    with pytest.raises(struct.error):
        encode_frame(frame)


def test_cobs_refuses_more_than_254_bytes() -> None:
    assert len(cobs_encode(b"\x01" * 254)) == 255
    with pytest.raises(ValueError, match="255 bytes"):
        cobs_encode(b"\x01" * 255)


@pytest.mark.parametrize(
    "block", [b"", b"\x00", b"\x02", b"\x03\x01", b"\x03\x00\x01", b"\x01\x05\x01", b"\x01" * 256]
)
def test_no_cobs_block_decodes_to_none(block: bytes) -> None:
    assert cobs_decode(block) is None


def test_frame_needs_its_leading_delimiter_only_to_end_what_was_before() -> None:
    decoder = Decoder()
    assert decoder.feed(WIRE[1:]) == [FRAME]
    assert decoder.feed(WIRE) == [FRAME]


@pytest.mark.parametrize("cut", range(1, len(WIRE) - 1))
def test_frame_cut_anywhere_is_discarded_and_the_next_one_found(cut: int) -> None:
    *discards, last = Decoder().feed(WIRE[:cut] + WIRE)
    assert last == FRAME
    assert len(discards) == (cut > 1)
    assert all(isinstance(item, Discard) for item in discards)


def test_every_single_bit_flip_is_refused() -> None:
    for at in range(1, len(WIRE) - 1):
        for bit in range(8):
            flipped = bytearray(WIRE)
            flipped[at] ^= 1 << bit
            found = Decoder().feed(bytes(flipped))
            assert found, (at, bit)
            assert all(isinstance(item, Discard) for item in found), (at, bit)


def test_over_long_block_reports_its_length_and_holds_no_memory() -> None:
    decoder = Decoder()
    for _ in range(1_000):
        assert decoder.feed(b"\xaa" * 100) == []
        assert decoder.held_bytes <= ENCODED_MAX_BYTES
    assert decoder.feed(WIRE) == [Discard(DiscardReason.TOO_LONG, 100_000), FRAME]


def test_block_of_252_bytes_is_judged_and_of_253_is_not() -> None:
    fits, over = b"\xfd" * ENCODED_MAX_BYTES, b"\xfd" * (ENCODED_MAX_BYTES + 1)
    assert Decoder().feed(fits + b"\x00") == [Discard(DiscardReason.BAD_COBS, 252)]
    assert Decoder().feed(over + b"\x00") == [Discard(DiscardReason.TOO_LONG, 253)]


@pytest.mark.parametrize("cut", [1, 100, 251, 252])
def test_a_block_that_comes_in_two_reads_has_the_same_bound(cut: int) -> None:
    fits, over = b"\xfd" * ENCODED_MAX_BYTES, b"\xfd" * (ENCODED_MAX_BYTES + 1)
    for block, found in (
        (fits, Discard(DiscardReason.BAD_COBS, 252)),
        (over, Discard(DiscardReason.TOO_LONG, 253)),
    ):
        decoder = Decoder()
        assert decoder.feed(block[:cut]) == []
        assert decoder.feed(block[cut:] + b"\x00" + WIRE) == [found, FRAME]


def test_foreign_version_is_discarded_with_its_frame_so_that_hello_can_be_answered() -> None:
    payload = struct.pack("<QQ", 0x1122334489ABCDEF, 1)
    (found,) = Decoder().feed(foreign_wire(0x2F, Hello.KIND, payload))
    assert found == Discard(DiscardReason.UNKNOWN_VERSION, 2, Frame(Hello.KIND, 0, 0, payload))


def test_flags_are_discarded_without_a_frame() -> None:
    (found,) = Decoder().feed(foreign_wire(0x14, Hello.KIND, b""))
    assert found == Discard(DiscardReason.UNKNOWN_FLAG, 4)


def test_a_reason_is_called_like_its_name() -> None:
    assert [reason.value for reason in DiscardReason] == [
        each.name.lower() for each in DiscardReason
    ]


def test_frames_and_discards_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        FRAME.sequence = 8  # type: ignore[misc]  # what must not work
    with pytest.raises(AttributeError):
        Discard(DiscardReason.BAD_CRC, 1).detail = 2  # type: ignore[misc]  # what must not work


@pytest.mark.parametrize("size", [0, 1, 7, 253, 254])
def test_cobs_of_zeros_and_of_none_comes_back_at_every_edge(size: int) -> None:
    for raw in (bytes(size), b"\x01" * size):
        assert cobs_decode(cobs_encode(raw)) == raw


@pytest.mark.parametrize("kept", [0, 1, 10])
def test_a_block_shorter_than_header_and_crc_tells_its_bytes(kept: int) -> None:
    found = Decoder().feed(b"\x00" + cobs_encode(b"\x10" * kept) + b"\x00")
    assert found == [Discard(DiscardReason.TOO_SHORT, kept)]


def test_a_wrong_crc_tells_the_bytes_of_the_block() -> None:
    wire = b"\x00" + cobs_encode(b"\x10" * 11) + b"\x00"
    assert Decoder().feed(wire) == [Discard(DiscardReason.BAD_CRC, 11)]


def test_a_frame_without_payload_has_eleven_bytes_inside() -> None:
    frame = Frame(1, 2, 3, b"")
    wire = encode_frame(frame)
    assert len(wire) == 7 + 4 + 1 + 2
    assert Decoder().feed(wire) == [frame]


def test_decoder_byte_by_byte_equals_all_at_once() -> None:
    stream = b"\x05\x05" + WIRE + WIRE[:9] + WIRE + b"\x00\x00" + b"\x77" * 300 + WIRE
    decoder = Decoder()
    singly = [item for byte in stream for item in decoder.feed(bytes([byte]))]
    assert singly == Decoder().feed(stream)
    assert singly.count(FRAME) == 3
