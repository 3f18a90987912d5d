"""A flight recording as a file: JSON lines, the first one a header, then one chunk a line.

Plain text, so that a person can read it and a bundle can be searched for what must not be in it.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from controller.errors import ServiceError
from controller.service.flight.recorder import Chunk, Way

FORMAT: Final = "micropen-flight-1"


class RecordingUnreadable(ServiceError):
    """A file is no flight recording, or is damaged."""

    number = 8051
    cause = "The file was cut short or changed, or it is something else."
    action = "Name a bundle of `micropen support-bundle`, or a file of the state folder's flight/."


class Header(msgspec.Struct, frozen=True):
    """What a recording says of itself. `mono_s` is the clock of its chunks and of `host_boot_id`.

    reason: the fault that it was written for. head: the journal's newest entry then.
    """

    format: str
    reason: str
    wall: str
    mono_s: float
    host_boot_id: str
    realm: str
    host_id: str
    journal_id: str
    head_seq: int
    software_version: str


class Recording(msgspec.Struct, frozen=True):
    """A header and its chunks, oldest first."""

    header: Header
    chunks: list[Chunk]


def header_line(header: Header) -> str:
    """The first line of a file."""
    return json.dumps(msgspec.to_builtins(header)) + "\n"


def chunk_lines(chunks: Iterable[Chunk]) -> str:
    """Some more lines."""
    return "".join(
        f'{{"t":{mono_s:.6f},"w":"{way}","x":"{data.hex()}"}}\n' for mono_s, way, data in chunks
    )


def read_recording(data: bytes, name: str) -> Recording:
    """The recording in a file's bytes. Raises RecordingUnreadable."""
    lines = data.splitlines()
    try:
        header = msgspec.json.decode(lines[0], type=Header)
        if header.format != FORMAT:
            raise ValueError(f"its format is {header.format}")
        chunks = [_chunk(json.loads(line)) for line in lines[1:]]
    except (IndexError, KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise RecordingUnreadable(f"{name} is no flight recording: {error}.") from error
    return Recording(header, chunks)


def _chunk(line: dict[str, Any]) -> Chunk:
    way: Way = line["w"]
    if way not in ("<", ">", "!"):
        raise ValueError(f"a way {way}")
    return float(line["t"]), way, bytes.fromhex(line["x"])
