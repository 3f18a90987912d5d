"""A million hostile frames (200,000 by default): no exception, bounded memory, nothing believed.

Random bytes, mutated, truncated and merged frames go into both ends' decoder and codec. A frame
that is taken must be byte-identical to one that was sent. Forged frames (random contents, right
CRC) exercise every later check; they may be taken, but only as a message with exactly their bytes.
Set MICROPEN_HOSTILE_FRAMES for another count.
"""

import json
import os
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Discard, DiscardReason, Frame, cobs_encode, crc32c
from protocol.limits import ENCODED_MAX_BYTES
from protocol.messages import HOST_KINDS, MESSAGES, PEN_KINDS

FRAMES = int(os.environ.get("MICROPEN_HOSTILE_FRAMES", "200_000"))
SEED = 20_240_611
VECTORS = Path(__file__).parents[1] / "vectors" / "messages.json"
WIRES = [bytes.fromhex(vector["frame"]) for vector in json.loads(VECTORS.read_text("utf-8"))]
ORIGINALS = {item for wire in WIRES for item in Decoder().feed(wire) if isinstance(item, Frame)}
SIZES = {frame.kind: len(frame.payload) for frame in ORIGINALS}


def random_bytes(rng: Random) -> bytes:
    """Any bytes, often over-long or rich in zeros."""
    data = rng.randbytes(rng.choice((3, 12, 40, 252, 300)))
    return data.replace(b"\x01", b"\x00") if rng.random() < 0.5 else data


def flipped(rng: Random) -> bytes:
    """A frame with one to five flipped bits anywhere."""
    wire = bytearray(rng.choice(WIRES))
    for _ in range(rng.randint(1, 5)):
        wire[rng.randrange(len(wire))] ^= 1 << rng.randrange(8)
    return bytes(wire)


def burst(rng: Random) -> bytes:
    """A frame with up to four bytes in a row overwritten."""
    wire = bytearray(rng.choice(WIRES))
    at, size = rng.randrange(len(wire)), rng.randint(1, 4)
    wire[at : at + size] = rng.randbytes(size)
    return bytes(wire)


def lost_or_doubled(rng: Random) -> bytes:
    """A frame with one byte missing or twice."""
    wire = rng.choice(WIRES)
    at = rng.randrange(len(wire))
    return wire[:at] + wire[at + rng.choice((1, -1)) if rng.random() < 0.5 else at + 1 :]


def truncated(rng: Random) -> bytes:
    """The beginning of a frame, ended by the next delimiter."""
    wire = rng.choice(WIRES)
    return wire[: rng.randrange(len(wire))] + b"\x00"


def merged(rng: Random) -> bytes:
    """The beginning of one frame and the end of another in one block."""
    first, second = rng.choice(WIRES), rng.choice(WIRES)
    return first[: rng.randrange(1, len(first))] + second[rng.randrange(1, len(second)) :]


def forged(rng: Random) -> bytes:
    """Random header and payload under a right CRC, most of them nearly valid."""
    kind = rng.choice(MESSAGES).KIND if rng.random() < 0.9 else rng.randrange(256)
    size = SIZES.get(kind, 8) if rng.random() < 0.8 else rng.randrange(241)
    version_flags = 0x10 if rng.random() < 0.9 else rng.randrange(256)
    payload = rng.randbytes(size) if rng.random() < 0.5 else bytes(size)
    body = struct.pack("<BBIB", version_flags, kind, rng.getrandbits(32), 0) + payload
    return b"\x00" + cobs_encode(body + struct.pack("<I", crc32c(body))) + b"\x00"


MUTATIONS: tuple[Callable[[Random], bytes], ...] = (
    random_bytes,
    flipped,
    burst,
    lost_or_doubled,
    truncated,
    merged,
)


class Side:
    """One end's receiver: it takes the kinds that come its way and counts all else."""

    def __init__(self, kinds: frozenset[int]) -> None:
        self.kinds = kinds
        self.decoder = Decoder()
        self.discards: Counter[DiscardReason] = Counter()
        self.taken: Counter[str] = Counter()

    def hear(self, data: bytes) -> list[Frame]:
        """Feed bytes; the frames that became messages."""
        taken = []
        for item in self.decoder.feed(data):
            found = decode_payload(item) if isinstance(item, Frame) else item
            if isinstance(found, Discard):
                self.discards[found.reason] += 1
            elif isinstance(item, Frame) and item.kind in self.kinds:
                assert encode_payload(found) == item.payload
                self.taken[type(found).__name__] += 1
                taken.append(item)
        assert self.decoder.held_bytes <= ENCODED_MAX_BYTES
        return taken


def test_no_mutated_frame_is_taken_by_either_end() -> None:
    rng = Random(SEED)
    pen, host = Side(HOST_KINDS), Side(PEN_KINDS)
    altered = [
        frame
        for at in range(FRAMES)
        for data in (MUTATIONS[at % len(MUTATIONS)](rng),)
        for side in (pen, host)
        for frame in side.hear(data)
        if frame not in ORIGINALS
    ]
    assert altered == []
    assert pen.discards == host.discards
    assert set(pen.discards) >= {
        DiscardReason.TOO_LONG,
        DiscardReason.TOO_SHORT,
        DiscardReason.BAD_COBS,
        DiscardReason.BAD_CRC,
    }
    assert sum(pen.discards.values()) > FRAMES * 0.8, "the mutations really were hostile"


def test_forged_frames_are_judged_by_every_check_and_never_raise() -> None:
    rng = Random(SEED)
    pen, host = Side(HOST_KINDS), Side(PEN_KINDS)
    for _ in range(FRAMES // 10):
        data = forged(rng)
        assert len(pen.hear(data)) + len(host.hear(data)) <= 1, "one frame, one addressee"
    assert set(pen.discards) >= {
        DiscardReason.UNKNOWN_VERSION,
        DiscardReason.UNKNOWN_FLAG,
        DiscardReason.UNKNOWN_KIND,
        DiscardReason.BAD_LENGTH,
        DiscardReason.OUT_OF_RANGE,
    }
    assert pen.taken
    assert host.taken


def test_unbroken_noise_without_a_delimiter_holds_no_memory() -> None:
    side = Side(PEN_KINDS)
    chunk = bytes(range(1, 256)) * 16
    for _ in range(256):
        assert side.hear(chunk) == []
    assert side.hear(WIRES[-1]) == [Decoder().feed(WIRES[-1])[0]]
    assert side.discards == {DiscardReason.TOO_LONG: 1}
