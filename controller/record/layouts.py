"""With what a journal file of each layout is made.

A file keeps the layout that it was made with, for ever. A program of a later layout reads it, never
writes to it, and goes on in a successor file (migration.py). Touches nothing.
"""

from typing import Final

APPLICATION_ID: Final = 0x4D50454E
"""`PRAGMA application_id`: "MPEN", so that file(1) and people can tell what it is."""

SCHEMAS: Final[dict[int, str]] = {
    1: """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    host_boot_id TEXT NOT NULL,
    mono_ns INTEGER NOT NULL,
    wall TEXT NOT NULL,
    clock_synced INTEGER,
    session_id TEXT,
    pen_uid TEXT,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX by_kind ON entries (kind, seq) WHERE kind NOT IN ('strokes', 'health_seen');
CREATE TRIGGER no_update BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER no_replace BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE seq >= NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
""",
}
"""Layout -> schema; the last is `SCHEMA_VERSION`.

A kind or a field of a body that older programs do not know is a new layout too, even with the same
schema: an older program must refuse the file (E5002) instead of stumbling over an entry. What is in
a hash (the columns of `entries`) may change only together with the hash's prefix.
"""


def schema(layout: int) -> str:
    """The whole schema of a layout, with its number in the file's header."""
    return (
        f"{SCHEMAS[layout]}PRAGMA application_id = {APPLICATION_ID};\n"
        f"PRAGMA user_version = {layout};\n"
    )
