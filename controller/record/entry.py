"""One journal entry: what is asked for, what was written, and the hash that chains it.

Why: journal, telemetry, export and archive all hold entries, and only the first of them may pay
for pydantic; so this module is plain data. It touches nothing outside itself.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from controller.record.events import Body

SCHEMA_VERSION: Final = 1
"""Version of the journal's layout; a file of a higher version is refused (E5002)."""

HASH_PREFIX: Final = b"micropen-journal-1\n"
"""Separates this use of SHA-256 from every other; docs/journal.md."""

ZERO_HASH: Final = "0" * 64
"""`prev_hash` of the first entry of a chain."""

_ABSENT: Final = b"\xff\xff\xff\xff"
_length = struct.Struct(">I").pack


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants recorded. Sequence, hash and time are the journal's business."""

    body: "Body"
    session_id: str | None = None
    pen_uid: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed entry.

    `mono_ns` is CLOCK_MONOTONIC of the boot `host_boot_id`; `wall` is RFC 3339 UTC with
    microseconds, for people; `clock_synced` is None when the system does not say. `body_json` is
    the exact bytes that were hashed.
    """

    seq: int
    prev_hash: str
    hash: str
    host_boot_id: str
    mono_ns: int
    wall: str
    clock_synced: bool | None
    session_id: str | None
    pen_uid: str | None
    kind: str
    body_json: bytes

    def body(self) -> "Body":
        """The typed body.

        Raises:
            KeyError: a kind that this version does not know.
            pydantic.ValidationError: a body that does not fit its kind.
        """
        # Telemetry reads entries without ever asking for a typed body, and without pydantic.
        from controller.record.calibration_events import ALL_BODIES  # noqa: PLC0415

        return ALL_BODIES[self.kind].model_validate_json(self.body_json)


def chain_hash(
    prev_hash: str,
    seq: int,
    stamp: tuple[str, int, str, bool | None],
    owner: tuple[str | None, str | None],
    kind: str,
    body_json: bytes,
) -> str:
    """SHA-256 of an entry in 64 hex digits, as docs/journal.md describes it.

    `stamp` is host boot id, mono_ns, wall, clock_synced; `owner` is session id, pen uid.
    """
    boot_id, mono_ns, wall, synced = stamp
    texts = (
        str(seq),
        prev_hash,
        boot_id,
        str(mono_ns),
        wall,
        None if synced is None else str(int(synced)),
        *owner,
        kind,
    )
    sized = [HASH_PREFIX, *(_sized(text) for text in texts), _length(len(body_json)), body_json]
    return hashlib.sha256(b"".join(sized)).hexdigest()


def _sized(text: str | None) -> bytes:
    if text is None:
        return _ABSENT
    data = text.encode()
    return _length(len(data)) + data
