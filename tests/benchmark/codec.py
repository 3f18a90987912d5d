"""Frames a second on one core: `python -m tests.benchmark.codec`.

Floor: the C extension for COBS, CRC-32C and struct to a tuple; no checks and no objects.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from struct import Struct

from cobs import cobs
from fastcrc import crc32

from protocol.codec import decode_payload, encode_payload
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import Events, Grant
from tests.benchmark.figures import show
from tests.benchmark.player import batch_bytes

CHUNK_BYTES = 64
_HEADER = Struct("<BBIB")
_EVENTS_HEAD = Struct("<QIIBBB6QQIQI")
_RECORD = Struct("<IBHHB")
_GRANT = Struct("<II4Q")
_CRC = Struct("<I")


def decode_floor(chunks: list[bytes]) -> int:
    """Tuples out of a chunked stream; gives how many records."""
    records, rest = 0, b""
    head_bytes = _HEADER.size + _EVENTS_HEAD.size
    for chunk in chunks:
        *blocks, rest = (rest + chunk).split(b"\x00")
        for block in filter(None, blocks):
            raw = cobs.decode(block)
            if crc32.iscsi(raw[:-4]) != _CRC.unpack_from(raw, len(raw) - 4)[0]:
                continue
            _HEADER.unpack_from(raw)
            _EVENTS_HEAD.unpack_from(raw, _HEADER.size)
            records += len(list(_RECORD.iter_unpack(raw[head_bytes:-4])))
    return records


def decode_ours(chunks: list[bytes]) -> int:
    """Messages out of a chunked stream, every range checked; gives how many records."""
    records, decoder = 0, Decoder()
    for chunk in chunks:
        for found in decoder.feed(chunk):
            message = decode_payload(found) if isinstance(found, Frame) else found
            if isinstance(message, Events):
                records += len(message.records)
    return records


def encode_floor(count: int) -> int:
    """Grants as bytes; gives how many bytes."""
    size = 0
    for at in range(count):
        head = _HEADER.pack(0x10, Grant.KIND, 1, at & 0xFF)
        raw = head + _GRANT.pack(1, 1, at, 0, at, at)
        size += len(b"\x00" + cobs.encode(raw + _CRC.pack(crc32.iscsi(raw))) + b"\x00")
    return size


def encode_ours(count: int) -> int:
    """Grants as bytes, every range checked; gives how many bytes."""
    size = 0
    for at in range(count):
        payload = encode_payload(Grant(1, 1, at, 0, at, at))
        size += len(encode_frame(Frame(Grant.KIND, 1, at & 0xFF, payload)))
    return size


def chunked(frames: int, strokes: int) -> list[bytes]:
    """A stream of EVENTS frames, cut as a serial port would."""
    stream = b"".join(batch_bytes(at * strokes, strokes) for at in range(frames))
    return [stream[at : at + CHUNK_BYTES] for at in range(0, len(stream), CHUNK_BYTES)]


def row(
    name: str, frames: int, rounds: int, floor: Callable[[], int], ours: Callable[[], int]
) -> tuple[str, ...]:
    """One line: rates of both, interleaved, and their ratio. Both must give the same."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        results = set()
        for rate, work in zip(rates, (floor, ours), strict=True):
            begin_s = time.perf_counter()
            results.add(work())
            rate.append(frames / (time.perf_counter() - begin_s) / 1000)
        if len(results) != 1:
            raise RuntimeError(f"{name}: floor and ours differ: {results}")
    slow, fast = median(rates[1]), median(rates[0])
    return name, f"{fast:.0f}", f"{slow:.0f}", f"{1000 / slow:.1f}", f"{fast / slow:.1f}"


def main() -> None:
    """Measure and show the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark.codec")
    parser.add_argument("--frames", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    frames: int = given.frames
    rows = []
    for strokes in (1, 4, 14):
        chunks = chunked(frames, strokes)
        rows.append(
            row(
                f"decode EVENTS of {strokes}",
                frames,
                given.rounds,
                partial(decode_floor, chunks),
                partial(decode_ours, chunks),
            )
        )
    rows.append(
        row(
            "encode GRANT",
            frames,
            given.rounds,
            partial(encode_floor, frames),
            partial(encode_ours, frames),
        )
    )
    show(
        f"Codec, median of {given.rounds} x {frames} frames",
        ("", "floor k/s", "k frames/s", "us a frame", "x slower"),
        rows,
    )


if __name__ == "__main__":
    main()
