"""Framing for any input: COBS equals the `cobs` package, splits never matter, memory is bounded."""

from itertools import pairwise

from cobs import cobs
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.framing import (
    Decoder,
    Discard,
    Frame,
    cobs_decode,
    cobs_encode,
    encode_frame,
)
from protocol.limits import ENCODED_MAX_BYTES, FRAME_MAX_BYTES, PAYLOAD_MAX_BYTES

RAW = st.one_of(
    st.binary(max_size=254),
    st.lists(st.sampled_from([0, 0, 1, 254, 255]), max_size=254).map(bytes),
    st.integers(250, 254).map(lambda size: b"\x01" * size),
)
FRAMES = st.builds(
    Frame,
    kind=st.integers(0, 255),
    link_id=st.integers(0, (1 << 32) - 1),
    sequence=st.integers(0, 255),
    payload=st.one_of(st.binary(max_size=PAYLOAD_MAX_BYTES), st.just(bytes(PAYLOAD_MAX_BYTES))),
)
NOISE = st.one_of(
    st.binary(max_size=40),
    st.binary(min_size=240, max_size=300),
    st.lists(st.sampled_from([0, 1, 2, 3]), max_size=40).map(bytes),
)
CUT_FRAMES = st.builds(lambda frame, cut: encode_frame(frame)[:cut], FRAMES, st.integers(1, 250))
STREAMS = st.lists(st.one_of(FRAMES.map(encode_frame), NOISE, CUT_FRAMES), max_size=6).map(b"".join)


def split_at(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream in pieces, some of them empty."""
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@settings(deadline=None)
@given(RAW)
def test_cobs_encodes_as_the_package_does_and_comes_back(raw: bytes) -> None:
    encoded = cobs_encode(raw)
    assert encoded == cobs.encode(raw)
    assert len(encoded) == len(raw) + 1
    assert cobs_decode(encoded) == raw


@settings(deadline=None)
@given(st.one_of(st.binary(min_size=1, max_size=255), RAW.filter(bool)))
def test_cobs_decodes_and_refuses_as_the_package_does(block: bytes) -> None:
    try:
        expected = cobs.decode(block)
    except cobs.DecodeError:
        expected = None
    assert cobs_decode(block) == expected


@settings(deadline=None)
@given(FRAMES)
def test_frame_comes_back_from_its_bytes(frame: Frame) -> None:
    wire = encode_frame(frame)
    assert wire[0] == wire[-1] == 0
    assert 0 not in wire[1:-1]
    assert len(wire) == len(frame.payload) + 14 <= FRAME_MAX_BYTES
    assert Decoder().feed(wire) == [frame]


@settings(deadline=None)
@given(STREAMS, st.lists(st.integers(0, 5_000), max_size=30))
def test_splitting_elsewhere_never_changes_the_result(stream: bytes, cuts: list[int]) -> None:
    decoder = Decoder()
    found: list[Frame | Discard] = []
    for piece in split_at(stream, cuts):
        found += decoder.feed(piece)
        assert decoder.held_bytes <= ENCODED_MAX_BYTES
    assert found == Decoder().feed(stream)


@settings(deadline=None)
@given(STREAMS)
def test_byte_by_byte_equals_all_at_once(stream: bytes) -> None:
    decoder = Decoder()
    assert [x for byte in stream for x in decoder.feed(bytes([byte]))] == Decoder().feed(stream)


@settings(deadline=None)
@given(st.lists(st.one_of(FRAMES.map(encode_frame), NOISE), max_size=6), FRAMES)
def test_a_frame_is_found_after_any_garbage(garbage: list[bytes], frame: Frame) -> None:
    found = Decoder().feed(b"".join(garbage) + encode_frame(frame))
    assert found[-1] == frame


@settings(deadline=None)
@given(st.lists(FRAMES, max_size=6))
def test_frames_back_to_back_all_arrive_in_order(frames: list[Frame]) -> None:
    assert Decoder().feed(b"".join(map(encode_frame, frames))) == frames
