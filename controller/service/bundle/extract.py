"""The part of the journal that goes along: what led to the fault, and who the pens are.

Everything of the newest entries, and of the older ones the rare kinds, so that the books can be
folded again as far as a replay needs them. Bodies are scrubbed; hashes are the original ones.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from controller.errors import MicropenError
from controller.record.calibration_events import ALL_BODIES
from controller.record.entry import Entry
from controller.record.reader import FREQUENT_KINDS, JournalReader
from controller.service.bundle.scrubbing import Scrubber

NEWEST: Final = 5_000
"""Entries of all kinds: over two minutes at 40 batches a second; a recording has one."""
OLDER: Final = 5_000
"""Entries of the rare kinds before those."""


def extract(journal: Path, scrubber: Scrubber) -> tuple[dict[str, Any], str]:
    """What the journal is, and its extract as JSON lines."""
    facts: dict[str, Any] = {"folder": journal.name}
    lines: list[str] = []
    try:
        with closing(JournalReader(journal)) as reader:
            head_seq, head_hash = reader.head()
            facts |= {"realm": reader.realm, "chain_id": reader.chain_id, "head": head_seq}
            facts |= {"host_id": reader.host_id, "head_hash": head_hash}
            facts["files"] = {each.file.name: each.file.stat().st_size for each in reader.segments}
            lines += [_line(entry, scrubber) for entry in chosen(reader, head_seq)]
    except (MicropenError, OSError) as error:
        facts["error"] = str(error)
    facts["entries"] = len(lines)
    return facts, "".join(lines)


def chosen(reader: JournalReader, head_seq: int) -> Iterator[Entry]:
    """The entries of an extract, in order."""
    newest_from = max(1, head_seq - NEWEST + 1)
    rare = [kind for kind in ALL_BODIES if kind not in FREQUENT_KINDS]
    older = [entry for entry in reader.of_kinds(*rare) if entry.seq < newest_from]
    yield from older[-OLDER:]
    yield from reader.entries(newest_from)


def _line(entry: Entry, scrubber: Scrubber) -> str:
    try:
        body = scrubber.plain(json.loads(entry.body_json))
    except ValueError:
        body = None
    fields = {
        "seq": entry.seq,
        "hash": entry.hash,
        "host_boot_id": entry.host_boot_id,
        "mono_ns": entry.mono_ns,
        "wall": entry.wall,
        "session_id": entry.session_id,
        "pen_uid": entry.pen_uid,
        "kind": entry.kind,
        "body": body,
    }
    return json.dumps(fields, separators=(",", ":")) + "\n"
