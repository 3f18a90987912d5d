"""Finds sessions in a journal, for the command line. Reads only."""

import json
from collections.abc import Iterator

from controller.errors import UnknownSession
from controller.record.entry import Entry
from controller.record.reader import JournalReader


def session_ids(reader: JournalReader) -> list[str]:
    """All sessions of the journal, oldest first."""
    opened = reader.of_kinds("session_opened")
    return list(dict.fromkeys(e.session_id for e in opened if e.session_id is not None))


def marks_of(reader: JournalReader, session_id: str) -> dict[str, str | None]:
    """What can be said of a session without reading its strokes."""
    marks: dict[str, str | None] = {"session_id": session_id}
    marks |= dict.fromkeys(("opened_wall", "closed_wall", "outcome", "plan_name"))
    for entry in reader.of_kinds("session_opened", "session_closed"):
        if entry.session_id != session_id:
            continue
        body = json.loads(entry.body_json)
        if entry.kind == "session_opened":
            marks |= {"opened_wall": entry.wall, "plan_name": body["plan_name"]}
        else:
            marks |= {"closed_wall": entry.wall, "outcome": body["outcome"]}
    return marks


def session_entries(reader: JournalReader, session_id: str) -> Iterator[Entry]:
    """The entries of one session in order, from its opening to its close, or to the end.

    Raises:
        UnknownSession: E5020.
    """
    marks = [
        entry
        for entry in reader.of_kinds("session_opened", "session_closed")
        if entry.session_id == session_id
    ]
    if not marks:
        raise UnknownSession(f"There is no session {session_id} in {reader.path}.")
    last_seq = marks[-1].seq if marks[-1].kind == "session_closed" else None
    for entry in reader.entries(marks[0].seq):
        if last_seq is not None and entry.seq > last_seq:
            return
        if entry.session_id == session_id:
            yield entry
