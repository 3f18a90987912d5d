"""What a recording says, laid out for playing: links, what the pen pushed, how it answered.

Blocks are what stood between two zero bytes, garbage included, byte for byte. Answers to requests
are kept apart: a replayed controller asks with its own request ids, at its own time. Pure.
"""

from collections.abc import Iterator

import msgspec

from controller.link.requests import Reply, Request
from controller.service.flight.recorder import GAP, OPENED, Chunk
from protocol.codec import decode_payload
from protocol.framing import Decoder, Discard, Frame
from protocol.messages import Clear, Disarm, Hello, HelloReply, Message, Query, Stop

Key = tuple[str | int, ...]


class Block(msgspec.Struct, frozen=True):
    """Bytes up to the next zero byte, which is left out; `message` is None for garbage."""

    mono_s: float
    data: bytes
    message: Message | None


class Answer(msgspec.Struct, frozen=True):
    """How the pen answered the request of this key."""

    mono_s: float
    key: Key
    reply: Message


class Link(msgspec.Struct):
    """One opening of the port, until its end. `began_within`: its beginning is long before."""

    opened_mono_s: float
    began_within: bool = False
    nonce: int = 0
    hello_reply: HelloReply | None = None
    pushes: list[Block] = []
    answers: list[Answer] = []
    asked: list[tuple[float, Message]] = []
    ended_mono_s: float | None = None
    reason: str = ""


def links_of(chunks: list[Chunk]) -> list[Link]:
    """Every link of a recording, oldest first."""
    return [_link(part) for part in _parts(chunks)]


def key_of(message: Message) -> Key:
    """What a request asks for, whatever its number: equal keys may have the same answer."""
    name = type(message).__name__
    match message:
        case Query():
            return (name, int(message.topic), message.argument)
        case Disarm():
            return (name, message.arm_id)
        case Clear():
            return (name, message.stop_id != 0)
        case _:
            return (name,)


def blocks(data: bytes) -> Iterator[bytes]:
    """What stands between zero bytes."""
    return (part for part in data.split(b"\0") if part)


def message_of(block: bytes) -> tuple[Frame | None, Message | None]:
    """The intact frame in a block and its message, as far as there is one."""
    for found in Decoder().feed(b"\0" + block + b"\0"):
        if isinstance(found, Frame):
            message = decode_payload(found)
            return found, None if isinstance(message, Discard) else message
    return None, None


def _parts(chunks: list[Chunk]) -> Iterator[list[Chunk]]:
    part: list[Chunk] = []
    for chunk in chunks:
        if chunk[1] == "!" and chunk[2] == OPENED.encode() and part:
            yield part
            part = []
        part.append(chunk)
    if part:
        yield part


def _link(part: list[Chunk]) -> Link:
    """Reads one part. What came before a gap only says who the pen is."""
    gap_mono_s = _end_of_gap(part)
    link = Link(part[0][0] if gap_mono_s is None else gap_mono_s, gap_mono_s is not None)
    requests: dict[int, Message] = {}
    pending = {"<": b"", ">": b""}
    for mono_s, way, data in part:
        if way == "!":
            text = data.decode()
            if text.startswith("ended: "):
                link.ended_mono_s, link.reason = mono_s, text.removeprefix("ended: ")
            continue
        *whole, pending[way] = (pending[way] + data).split(b"\0")
        for each in filter(None, whole):
            before_gap = gap_mono_s is not None and mono_s < gap_mono_s
            _take(link, requests, Block(mono_s, each, message_of(each)[1]), way, before_gap)
    if pending["<"]:
        link.pushes.append(Block(part[-1][0], pending["<"], None))
    return link


def _end_of_gap(part: list[Chunk]) -> float | None:
    """When the ring begins, if the link began long before it."""
    gaps = [mono_s for mono_s, way, data in part if way == "!" and data == GAP.encode()]
    return gaps[0] if gaps else None


def _take(
    link: Link, requests: dict[int, Message], block: Block, way: str, before_gap: bool
) -> None:
    message = block.message
    if way == ">":
        if isinstance(message, Hello):
            link.nonce = message.nonce
        elif isinstance(message, Request):
            requests[message.request_id] = message
        if message is not None and not before_gap:
            link.asked.append((block.mono_s, message))
    elif isinstance(message, HelloReply):
        if message.nonce == link.nonce or not link.nonce:
            link.hello_reply, link.nonce = message, message.nonce
    elif isinstance(message, Reply):
        asked = requests.get(message.request_id)
        if asked is not None:
            link.answers.append(Answer(block.mono_s, key_of(asked), message))
    elif not before_gap:
        link.pushes.append(block)


def clears_of(links: list[Link]) -> list[float]:
    """When each CLEAR left for the first time."""
    first: dict[tuple[int, int], float] = {}
    for at, link in enumerate(links):
        for mono_s, message in link.asked:
            if isinstance(message, Clear):
                first.setdefault((at, message.request_id), mono_s)
    return sorted(first.values())


def stops_of(links: list[Link]) -> list[tuple[float, int]]:
    """When each STOP left for the first time, and its id."""
    first: dict[int, float] = {}
    for link in links:
        for mono_s, message in link.asked:
            if isinstance(message, Stop):
                first.setdefault(message.stop_id, mono_s)
    return [(mono_s, stop_id) for stop_id, mono_s in first.items()]
