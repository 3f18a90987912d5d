"""What a bad line makes of frames: random bytes, and valid frames that were damaged on the way.

Each maker takes the blocks of valid frames (without delimiters, all of the link in force, so that
nothing but the checksum stands between them and the receiver) and returns one stream. Made in
bulk: few calls a frame.
"""

from collections.abc import Callable, Sequence
from random import Random

from protocol.framing import cobs_decode, cobs_encode

DELIMITER = b"\x00"
Blocks = Sequence[bytes]
Make = Callable[[Random, Blocks, int], bytes]
"""Generator, valid blocks, wanted frames; the stream may hold a few more or less."""

_ZEROS = (1, 2, 4, 8, 16)
_TABLES = tuple(
    bytes(0 if byte % (256 // zeros) == 0 else byte for byte in range(256)) for zeros in _ZEROS
)
_NO_ZERO = bytes(byte or 0xA5 for byte in range(256))


def _stream(blocks: list[bytes]) -> bytes:
    return DELIMITER + DELIMITER.join(blocks) + DELIMITER


def frames_in(stream: bytes) -> list[bytes]:
    """The blocks that a receiver gets to see: all that is not empty between delimiters."""
    return [block for block in stream.split(DELIMITER) if block]


def noise(rng: Random, _blocks: Blocks, count: int) -> bytes:
    """Random bytes; a delimiter each 16 to 256 bytes on average."""
    at = rng.randrange(len(_TABLES))
    size = count * 256 // _ZEROS[at]
    return DELIMITER + rng.randbytes(size).translate(_TABLES[at]) + DELIMITER


def framed_noise(rng: Random, _blocks: Blocks, count: int) -> bytes:
    """Random contents in a right COBS block: only checksum and header can refuse it."""
    pool = rng.randbytes(count * 60 + 256).translate(_NO_ZERO)
    blocks, at = [], 0
    for _ in range(count):
        size = 11 + int(rng.random() * 80)
        blocks.append(bytes((size + 1,)) + pool[at : at + size])
        at += 60
    return _stream(blocks)


def over_long(rng: Random, _blocks: Blocks, count: int) -> bytes:
    """Blocks of 253 to 900 bytes without a delimiter."""
    pool = rng.randbytes(4_096).translate(_NO_ZERO)
    picks = [(rng.randrange(3_000), 253 + rng.randrange(648)) for _ in range(count)]
    return _stream([pool[at : at + size] for at, size in picks])


def flipped(rng: Random, blocks: Blocks, count: int) -> bytes:
    """One to five flipped bits anywhere, the COBS bytes included."""
    random, found = rng.random, []
    for _ in range(count):
        block = bytearray(blocks[int(random() * len(blocks))])
        for _ in range(1 + int(random() * 5)):
            block[int(random() * len(block))] ^= 1 << int(random() * 8)
        found.append(bytes(block))
    return _stream(found)


def burst(rng: Random, blocks: Blocks, count: int) -> bytes:
    """One to four bytes in a row overwritten."""
    random, found = rng.random, []
    pool = rng.randbytes(count + 4)
    for nth in range(count):
        block = blocks[int(random() * len(blocks))]
        at, size = int(random() * (len(block) - 4)), 1 + int(random() * 4)
        found.append(block[:at] + pool[nth : nth + size] + block[at + size :])
    return _stream(found)


def lost_or_doubled(rng: Random, blocks: Blocks, count: int) -> bytes:
    """One byte missing or there twice."""
    random, found = rng.random, []
    for _ in range(count):
        block = blocks[int(random() * len(blocks))]
        at = int(random() * len(block))
        missing = random() < 0.5
        found.append(block[:at] + block[at + 1 :] if missing else block[: at + 1] + block[at:])
    return _stream(found)


def truncated(rng: Random, blocks: Blocks, count: int) -> bytes:
    """The beginning or the end of a frame."""
    random, found = rng.random, []
    for _ in range(count):
        block = blocks[int(random() * len(blocks))]
        cut = 1 + int(random() * (len(block) - 1))
        found.append(block[:cut] if random() < 0.5 else block[cut:])
    return _stream(found)


def spliced(rng: Random, blocks: Blocks, count: int) -> bytes:
    """The beginning of one frame and the end of another in one block."""
    random, found = rng.random, []
    for _ in range(count):
        first = blocks[int(random() * len(blocks))]
        second = blocks[int(random() * len(blocks))]
        head = first[: 1 + int(random() * (len(first) - 1))]
        found.append(head + second[1 + int(random() * (len(second) - 1)) :])
    return _stream(found)


def merged(rng: Random, blocks: Blocks, count: int) -> bytes:
    """Two or three whole frames whose delimiters were lost."""
    random = rng.random
    picks = [2 + int(random() * 2) for _ in range(count)]
    return _stream(
        [b"".join(blocks[int(random() * len(blocks))] for _ in range(size)) for size in picks]
    )


def swapped_checksum(rng: Random, blocks: Blocks, count: int) -> bytes:
    """The contents of one frame under the checksum of another, or under half of it."""
    raws = [raw for block in blocks if (raw := cobs_decode(block)) is not None]
    random, found = rng.random, []
    for _ in range(count):
        first = raws[int(random() * len(raws))]
        other = raws[int(random() * len(raws))][-4:]
        tail = other if random() < 0.5 else first[-4:-2] + other[2:]
        found.append(cobs_encode(first[:-4] + tail))
    return _stream(found)


DAMAGE: dict[str, tuple[int, Make]] = {
    "noise": (15, noise),
    "framed_noise": (10, framed_noise),
    "over_long": (2, over_long),
    "flipped_bits": (15, flipped),
    "burst": (8, burst),
    "lost_or_doubled_byte": (8, lost_or_doubled),
    "truncated": (6, truncated),
    "spliced": (6, spliced),
    "merged": (3, merged),
    "swapped_checksum": (5, swapped_checksum),
}
"""How often (weight) and how each kind of damage is made."""
