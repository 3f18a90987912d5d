"""Properties of the chain: whatever is changed is seen; whatever is appended comes back."""

import tempfile
from pathlib import Path
from typing import cast

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.errors import JournalError, JournalTooNew
from controller.record.entry import Draft
from controller.record.events import ServiceStopped
from controller.record.reader import JournalReader
from controller.record.verify import verify
from tests.support.journals import open_journal, whole_session

ENTRIES = 12
COLUMNS = (
    *("seq", "prev_hash", "hash", "host_boot_id", "mono_ns", "wall"),
    *("clock_synced", "session_id", "pen_uid", "kind", "body"),
)


def small_journal(folder: Path) -> Path:
    journal = open_journal(folder)
    for drafts in whole_session(batches=2):
        journal.append(drafts)
    journal.close()
    return journal.path


def unlocked(file: Path) -> apsw.Connection:
    other = apsw.Connection(str(file))
    for trigger in ("no_update", "no_delete", "no_replace"):
        other.execute(f"DROP TRIGGER {trigger}")
    return other


@pytest.mark.hazard("H39")
@settings(max_examples=60)
@given(seq=st.integers(1, ENTRIES), column=st.sampled_from(COLUMNS), data=st.data())
def test_any_bit_of_any_column_is_guarded(seq: int, column: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        other = unlocked(small_journal(Path(name)))
        sql = f"SELECT CAST({column} AS BLOB) FROM entries WHERE seq = ?"
        text = bytearray(cast("bytes", other.execute(sql, (seq,)).fetchall()[0][0] or b"0"))
        text[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 6))
        try:
            other.execute(
                f"UPDATE entries SET {column} = CAST(? AS TEXT) WHERE seq = ?", (bytes(text), seq)
            )
            changed = True
        except (
            apsw.ConstraintError,
            apsw.MismatchError,
        ):  # not a number, or a number that is taken
            changed = False
        other.close()
        report = verify(Path(name))
        assert report.ok is not changed
        if changed:
            assert report.first_bad_seq == seq or column == "seq"


@pytest.mark.hazard("H39")
@settings(max_examples=60)
@given(data=st.data())
def test_any_byte_of_the_file_is_guarded_or_does_not_matter(data: st.DataObject) -> None:
    """A flipped byte of the file is found, or every entry still reads as it was written."""
    with tempfile.TemporaryDirectory() as name:
        file = small_journal(Path(name))
        before = verify(file)
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        head = (before.head_seq, before.head_hash)
        try:
            after = verify(file, expected_head=head)
        except JournalTooNew:  # the flipped byte was the schema's number: refused, so seen
            return
        assert after.head_hash == before.head_hash or not after.ok


@pytest.mark.hazard("H39")
@settings(max_examples=40)
@given(kept=st.integers(0, ENTRIES - 1))
def test_any_truncation_is_seen_against_the_head(kept: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = small_journal(Path(name))
        head = verify(file)
        other = unlocked(file)
        other.execute("DELETE FROM entries WHERE seq > ?", (kept,))
        other.close()
        report = verify(file, expected_head=(head.head_seq, head.head_hash))
        assert report.first_bad_seq == kept + 1


@pytest.mark.hazard("H39")
@settings(max_examples=40)
@given(st.sets(st.integers(1, ENTRIES), min_size=2, max_size=2))
def test_any_swap_is_seen(pair: set[int]) -> None:
    first, second = sorted(pair)
    with tempfile.TemporaryDirectory() as name:
        file = small_journal(Path(name))
        other = unlocked(file)
        for old, new in ((first, 900), (second, first), (900, second)):
            other.execute("UPDATE entries SET seq = ? WHERE seq = ?", (new, old))
        other.close()
        assert verify(file).first_bad_seq == first


@settings(max_examples=40)
@given(
    batches=st.lists(st.lists(st.text(max_size=20), max_size=4), max_size=6),
    reopen=st.sets(st.integers(0, 5)),
    fail=st.sets(st.integers(0, 5)),
)
def test_what_was_appended_comes_back_in_order(
    batches: list[list[str]], reopen: set[int], fail: set[int]
) -> None:
    """Over re-openings and successors alike."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = open_journal(folder)
        for number, texts in enumerate(batches):
            journal.append([Draft(ServiceStopped(reason=text)) for text in texts])
            if number in fail:
                journal = journal.start_successor(journal._stamper._clock)
            if number in reopen:
                journal.close()
                journal = open_journal(folder, seed=number + 2)
        head = journal.head
        journal.close()
        reader = JournalReader(folder)
        found = [b.reason for e in reader.entries() if isinstance(b := e.body(), ServiceStopped)]
        assert found == [text for texts in batches for text in texts]
        assert reader.head() == head
        reader.close()
        report = verify(folder, expected_head=head)
        assert (report.problem, report.head_seq) == (None, head[0])


@settings(max_examples=25)
@given(junk=st.binary(min_size=0, max_size=3000))
def test_a_file_of_anything_raises_nothing_but_our_errors(junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "journal.db"
        file.write_bytes(junk)
        assert not verify(file).ok
        with pytest.raises(JournalError):
            JournalReader(file)
