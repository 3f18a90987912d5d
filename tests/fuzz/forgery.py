"""Frames with a right checksum that the door must refuse: link, version, kind, length, range.

No rule of the session is needed to refuse these: decoder, codec and link id do it. Each maker
returns the blocks for the pen and those for the host; most are the same ones.
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from protocol.fields import Leaf, layout_of, slots_of
from protocol.framing import Frame, cobs_encode, crc32c
from protocol.messages import HOST_KINDS, MESSAGES, PEN_KINDS, Hello, Stop
from tests.fuzz.facts import Facts

Sources = Sequence[Frame]
Blocks = list[bytes]
Forge = Callable[[Random, Facts, Sources, int], tuple[Blocks, Blocks]]
"""Generator, facts, valid frames, count; returns blocks for the pen and for the host."""

ANY_LINK = frozenset({Hello.KIND, Stop.KIND})
"""Kinds that the pen takes under any link id, so that the link id alone refuses nothing."""
KNOWN_KINDS = HOST_KINDS | PEN_KINDS
_HEAD, _CRC = struct.Struct("<BBIB"), struct.Struct("<I")


def sealed(link_id: int, kind: int, payload: bytes, rng: Random, head: int = 0x10) -> bytes:
    """A block under a right checksum; `head` holds version and flags."""
    body = _HEAD.pack(head, kind, link_id, int(rng.random() * 256)) + payload
    return cobs_encode(body + _CRC.pack(crc32c(body)))


def _both(blocks: Blocks) -> tuple[Blocks, Blocks]:
    return blocks, blocks


def _pick(rng: Random, frames: Sources) -> Frame:
    return frames[int(rng.random() * len(frames))]


def other_link(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """Link ids that are none, one bit off, of links that were replaced, or random."""
    bound = [frame for frame in frames if frame.kind not in ANY_LINK]
    old = [nonce & 0xFFFF_FFFF for nonce in facts.replaced]
    blocks = []
    for _ in range(count):
        near = facts.link_id ^ (1 << rng.randrange(32))
        link_id = rng.choice((0, near, rng.getrandbits(32), *old))
        if link_id != facts.link_id:
            frame = _pick(rng, bound)
            blocks.append(sealed(link_id, frame.kind, frame.payload, rng))
    return _both(blocks)


def other_version(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """Any version but ours, with any flags. HELLO may be answered: `rules.py` has it."""
    bound = [frame for frame in frames if frame.kind != Hello.KIND]
    heads = [head for head in range(256) if head >> 4 != 1]
    picks = [_pick(rng, bound) for _ in range(count)]
    return _both([sealed(facts.link_id, f.kind, f.payload, rng, rng.choice(heads)) for f in picks])


def unknown_flag(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """Spare header bits that are set."""
    picks = [_pick(rng, frames) for _ in range(count)]
    return _both(
        [sealed(facts.link_id, f.kind, f.payload, rng, 0x10 | rng.randrange(1, 16)) for f in picks]
    )


def unknown_kind(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """Kind numbers that nobody gave."""
    kinds = [kind for kind in range(256) if kind not in KNOWN_KINDS]
    picks = [_pick(rng, frames) for _ in range(count)]
    return _both([sealed(facts.link_id, rng.choice(kinds), f.payload, rng) for f in picks])


def wrong_way(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """Each end's own messages, come back to it: as many for either."""
    to_pen = [frame for frame in frames if frame.kind in PEN_KINDS]
    to_host = [frame for frame in frames if frame.kind in HOST_KINDS]
    pen_gets, host_gets = (
        [
            sealed(facts.link_id, f.kind, f.payload, rng)
            for f in (_pick(rng, own) for _ in range(count))
        ]
        for own in (to_pen, to_host)
    )
    return pen_gets, host_gets


def wrong_length(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """One to three bytes too few or too many, which fits no message and no number of records."""
    blocks = []
    for _ in range(count):
        frame, by = _pick(rng, frames), 1 + int(rng.random() * 3)
        longer = rng.random() < 0.5 and len(frame.payload) + by <= 240
        payload = frame.payload + rng.randbytes(by) if longer else frame.payload[:-by]
        blocks.append(sealed(facts.link_id, frame.kind, payload, rng))
    return _both(blocks)


@cache
def spoilers() -> dict[int, list[tuple[int, str, list[int]]]]:
    """For each kind: offset, struct code and forbidden numbers of its fields."""
    found: dict[int, list[tuple[int, str, list[int]]]] = {}
    for message in MESSAGES:
        for slot in slots_of(message):
            tail = layout_of(slot.python_type) if slot.tail else ()
            size = sum(row.leaf.size_bytes for row in layout_of(message) if "[]" not in row.path)
            for row in tail:
                _note(found, message.KIND, size + row.offset, row.leaf)
        for row in layout_of(message):
            if "[]" not in row.path:
                _note(found, message.KIND, row.offset, row.leaf)
    return found


def _note(
    found: dict[int, list[tuple[int, str, list[int]]]], kind: int, offset: int, leaf: Leaf
) -> None:
    if leaf.code == "16s":
        found.setdefault(kind, []).append((offset, "B", [0x01, 0x1F, 0x7F, 0xFF]))
    elif leaf.allowed is not None:
        wrong = [value for value in range(256) if value not in leaf.allowed]
        if wrong:
            found.setdefault(kind, []).append((offset, "B", wrong))
    elif leaf.is_narrow:
        top = (1 << 8 * leaf.size_bytes) - 1
        near = [value for value in (leaf.low - 1, leaf.high + 1, top) if 0 <= value <= top]
        wrong = [value for value in near if not leaf.low <= value <= leaf.high]
        found.setdefault(kind, []).append((offset, leaf.code, wrong))


def out_of_range(rng: Random, facts: Facts, frames: Sources, count: int) -> tuple[Blocks, Blocks]:
    """One field outside the range that its table declares."""
    bound = [frame for frame in frames if spoilers().get(frame.kind)]
    blocks = []
    for _ in range(count):
        frame = _pick(rng, bound)
        offset, code, wrong = rng.choice(spoilers()[frame.kind])
        payload = bytearray(frame.payload)
        struct.pack_into("<" + code, payload, offset, rng.choice(wrong))
        blocks.append(sealed(facts.link_id, frame.kind, bytes(payload), rng))
    return _both(blocks)


FORGERIES: dict[str, tuple[int, Forge]] = {
    "other_link": (4, other_link),
    "other_version": (2, other_version),
    "unknown_flag": (2, unknown_flag),
    "unknown_kind": (2, unknown_kind),
    "wrong_way": (2, wrong_way),
    "wrong_length": (2, wrong_length),
    "out_of_range": (2, out_of_range),
}
