"""Two checkers that share nothing but docs/journal.md say the same about every damaged journal."""

import os
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.errors import JournalTooNew
from controller.record.verify import verify
from tests.support.auditor import COLUMNS, Broken, Row, audit, digest, follow
from tests.support.journals import TickingClock, open_journal, opened, whole_session

ALL = bool(os.environ.get("EVERY_BYTE"))
"""Flip every byte of the file, not a sample: some minutes."""
SAMPLE = 400


def write_journal(folder: Path) -> None:
    """Two files, the second with entries of its own."""
    journal = open_journal(folder)
    for drafts in whole_session(batches=2):
        journal.append(drafts)
    second = journal.start_successor(TickingClock())
    second.append([opened("s-2")])
    second.close()


@cache
def contents() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        write_journal(Path(name))
        return {path.name: path.read_bytes() for path in Path(name).glob("*.db")}


@cache
def rows() -> tuple[Row, ...]:
    """The first file's rows as stored text."""
    chosen = ", ".join(f"CAST({name} AS BLOB)" for name in COLUMNS)
    with tempfile.TemporaryDirectory() as name:
        lay_out(Path(name))
        base = sqlite3.connect(Path(name) / "journal.db")
        found = base.execute(f"SELECT {chosen} FROM entries ORDER BY seq").fetchall()
        base.close()
    return tuple(found)


def lay_out(folder: Path, **changed: bytes) -> None:
    for name, content in {**contents(), **changed}.items():
        (folder / name).write_bytes(content)


def whole() -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as name:
        lay_out(Path(name))
        return audit(Path(name)).head


def both(folder: Path) -> tuple[bool, bool]:
    """Whether verify and auditor find the folder as it was written, its head noted elsewhere."""
    head = whole()
    found = audit(folder, expected_head=head)
    try:
        report = verify(folder, expected_head=head)
    except JournalTooNew:
        return False, found.ok
    if found.ok and report.ok:
        assert (report.head_seq, report.head_hash) == found.head == head
        assert (report.files, report.disowned) == (found.files, found.disowned)
    return report.ok, found.ok


def flipped(name: str, at: int, bit: int) -> tuple[bool, bool]:
    content = bytearray(contents()[name])
    content[at] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), **{name: bytes(content)})
        return both(Path(folder))


@pytest.mark.hazard("H39")
def test_both_say_the_same_of_every_flipped_byte_of_the_files() -> None:
    places = [(name, at) for name, content in contents().items() for at in range(len(content))]
    rng = Random("flips")
    chosen = places if ALL else rng.sample(places, SAMPLE)
    verdicts = [flipped(name, at, rng.randrange(8)) for name, at in chosen]
    differing = [
        place for place, (one, other) in zip(chosen, verdicts, strict=True) if one != other
    ]
    assert differing == []
    assert (False, False) in verdicts


@pytest.mark.hazard("H39")
def test_every_byte_of_every_column_of_every_entry_is_guarded() -> None:
    """All of them: each flip is refused at its own entry."""
    before = (0, "0" * 64)
    flips = 0
    for row in rows():
        for column, text in enumerate(row):
            for at in range(len(text or b"")):
                with pytest.raises(Broken):
                    follow(before, _with_flip(row, column, at))
                flips += 1
            with pytest.raises(Broken):
                follow(before, [*row[:column], None if text else b"", *row[column + 1 :]])
        before = (before[0] + 1, follow(before, row).hash)
    assert flips > 5_000


def _with_flip(row: Row, column: int, at: int) -> Row:
    text = bytearray(row[column] or b"")
    text[at] ^= 1 << (at % 7)
    return [*row[:column], bytes(text), *row[column + 1 :]]


LAST = 14
"""Entries of the first file; the second has two more."""
TAMPERS = st.one_of(
    st.tuples(st.just("delete"), st.integers(1, LAST + 2), st.just(0)),
    st.tuples(st.just("cut"), st.integers(0, LAST + 2), st.just(0)),
    st.tuples(st.just("swap"), st.integers(1, LAST + 2), st.integers(1, LAST + 2)),
    st.tuples(st.just("copy"), st.integers(1, LAST + 2), st.integers(-3, LAST + 3)),
)


def tamper(file: Path, how: str, one: int, *other: int | str) -> None:
    base = sqlite3.connect(file)
    for trigger in ("no_update", "no_delete", "no_replace"):
        base.execute(f"DROP TRIGGER {trigger}")
    match how:
        case "delete":
            base.execute("DELETE FROM entries WHERE seq = ?", (one,))
        case "cut":
            base.execute("DELETE FROM entries WHERE seq > ?", (one,))
        case "copy":
            base.execute(
                f"INSERT OR REPLACE INTO entries SELECT ?, {', '.join(COLUMNS[1:])} "
                "FROM entries WHERE seq = ?",
                (*other, one),
            )
        case "set":
            column, text, fresh = other
            sql = f"UPDATE entries SET {column} = ?, hash = ? WHERE seq = ?"
            base.execute(sql, (text, fresh, one))
        case _:
            for old, new in ((one, 900), (*other, one), (900, *other)):
                base.execute("UPDATE entries SET seq = ? WHERE seq = ?", (new, old))
    base.commit()
    base.close()


@pytest.mark.hazard("H39")
@settings(max_examples=120)
@given(TAMPERS, st.booleans())
def test_both_say_the_same_of_every_delete_swap_copy_and_cut(
    what: tuple[str, int, int], second: bool
) -> None:
    name = "journal-2.db" if second else "journal.db"
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        before = content(Path(folder) / name)
        tamper(Path(folder) / name, *what)
        unchanged = content(Path(folder) / name) == before
        assert both(Path(folder)) == (unchanged, unchanged)


def content(file: Path) -> list[tuple[object, ...]]:
    """What is owned: entries of the first file after the second's beginning are disowned."""
    last = LAST if file.name == "journal.db" else 900
    base = sqlite3.connect(file)
    found = base.execute("SELECT * FROM entries WHERE seq <= ?", (last,)).fetchall()
    base.close()
    return found


@pytest.mark.hazard("H39")
@settings(max_examples=80)
@given(st.integers(0), st.sampled_from(["journal.db", "journal-2.db"]))
def test_both_say_the_same_of_every_truncated_file(kept: int, name: str) -> None:
    whole_bytes = contents()[name]
    kept %= len(whole_bytes)
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder), **{name: whole_bytes[:kept]})
        one, other = both(Path(folder))
        assert one is other


@pytest.mark.hazard("H39")
@settings(max_examples=60)
@given(st.integers(1, LAST), st.sampled_from(["wall", "pen_uid", "host_boot_id"]), st.text("ab"))
def test_a_forger_who_works_one_hash_out_anew_is_caught_by_the_next(
    seq: int, column: str, text: str
) -> None:
    """Where there is no next, the head that was noted elsewhere tells."""
    forged = list(rows()[seq - 1])
    forged[COLUMNS.index(column)] = text.encode()
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        tamper(Path(folder) / "journal.db", "set", seq, column, text, digest(forged).decode())
        assert both(Path(folder)) == (False, False)
        assert audit(Path(folder)).first_bad_seq == seq + 1


def test_the_sample_journal_is_good() -> None:
    assert len(rows()) == LAST
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        assert both(Path(folder)) == (True, True)
        assert audit(Path(folder)).problems == []
