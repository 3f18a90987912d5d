"""A migration whose disk fails, or that is killed, leaves a whole journal, old or new."""

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from controller.errors import JournalNotWritable
from controller.record.migration import kept_copies, layout_of, take_back
from controller.record.verify import verify
from tests.support import next_layout as newer
from tests.support.command_line import environment
from tests.support.faulty_disk import faulty_disk
from tests.support.journals import open_journal
from tests.support.next_layout import NEXT, TODAY, next_layout
from tests.unit.test_migration import Chain, chain, entries_from, forward, written


@pytest.mark.hazard("H04")
@pytest.mark.parametrize("what", ["write", "sync"])
@pytest.mark.parametrize("work", ["forward", "back"])
def test_an_error_of_the_disk_at_any_point_leaves_a_whole_journal(
    tmp_path: Path, what: str, work: str
) -> None:
    before = written(tmp_path / "journal")
    for nth in range(1, 100):
        folder = tmp_path / str(nth) / "journal"
        shutil.copytree(tmp_path / "journal", folder)
        with faulty_disk() as disk:
            setattr(disk, f"fail_{what}_at", nth)
            with suppress(JournalNotWritable):
                _work(work, folder, disk.name)
        judge(folder, before)
        if not disk.failures:
            break
    else:
        pytest.fail("it never came to an end")
    assert nth > (3 if work == "forward" else 0)


def _work(work: str, folder: Path, vfs: str) -> None:
    if work == "back":
        newer.forward(folder)
        with next_layout():
            take_back(folder, vfs=vfs)
    else:
        forward(folder, vfs)
        newer.back(folder)


def judge(folder: Path, before: Chain) -> None:
    """Whole, and one program can go on with it: with the older layout this one, else the newer."""
    with next_layout():
        layout = layout_of(folder)
        report = verify(folder, expected_head=before[-1])
        assert report.ok, report
        assert chain(folder)[: len(before)] == before
    if layout == TODAY:
        open_journal(folder, seed=3).close()  # begins a successor where the newer one could not
        assert [entry.kind for entry in entries_from(folder, len(before) + 1)] in (
            [],
            ["journal_opened"],
        )
        assert verify(folder, expected_head=before[-1]).ok
    else:
        with next_layout():
            open_journal(folder, seed=3).close()
            assert [made.head for made in kept_copies(folder).values()][-1] == before[-1]


@pytest.mark.hazard("H04")
@pytest.mark.hazard("H46")
@pytest.mark.parametrize("work", ["forward", "back"])
def test_killed_at_any_operation_it_is_old_or_new_and_comes_to_its_end_later(
    tmp_path: Path, work: str
) -> None:
    folder = tmp_path / "journal"
    before = written(folder)
    if work == "back":
        newer.forward(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.next_layout", work, str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    operations = int(done.stdout)
    assert operations >= (30 if work == "forward" else 5)
    halves = [path for path in tmp_path.rglob(".journal-before-layout-*") if path.is_dir()]
    assert bool(halves) is (work == "forward")
    seen = set()
    for nth in range(1, operations + 1):
        place = tmp_path / str(nth) / "journal"
        if work == "forward":
            judge(place, before)
        with next_layout():
            seen.add(layout_of(place))
        (newer.forward if work == "forward" else newer.back)(place)
        with next_layout():
            assert layout_of(place) == (NEXT if work == "forward" else TODAY)
            assert verify(place, expected_head=before[-1]).ok
    assert not any(path.exists() for path in halves)
    assert seen == {TODAY, NEXT}
