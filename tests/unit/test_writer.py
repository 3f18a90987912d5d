"""Group commit: durable before the future is done, one failure for ever, in order."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from controller.errors import JournalWriteFailed
from controller.record.writer import InlineWriter, JournalWriter, successor
from controller.service.supervised.evidence import COMMIT_S
from tests.support.faulty_disk import faulty_disk
from tests.support.journals import TickingClock, alarm, open_journal, opened, strokes
from tests.support.virtual import run_virtual


@pytest.mark.real_time("the writer is a thread")
async def test_thread_commits_and_gives_each_waiter_its_own(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    writer = JournalWriter(journal)
    futures = [writer.submit([opened(f"s-{n}"), strokes(1, n, 1)]) for n in range(30)]
    results = await asyncio.gather(*futures)
    assert [e.seq for batch in results for e in batch] == list(range(2, 62))
    assert [batch[0].session_id for batch in results] == [f"s-{n}" for n in range(30)]
    assert journal.head == (61, results[-1][-1].hash)
    assert writer.slowest_commit_s > 0
    await writer.close()
    journal.close()


@pytest.mark.real_time("the writer is a thread")
async def test_many_waiters_share_few_commits(tmp_path: Path) -> None:
    with faulty_disk() as disk:
        journal = open_journal(tmp_path, vfs=disk.name)
        writer = JournalWriter(journal)
        before = disk.syncs
        await asyncio.gather(*[writer.submit([alarm(f"a-{n}")]) for n in range(100)])
        assert disk.syncs - before < 50
        await writer.close()
        journal.close()


@pytest.mark.real_time("the writer is a thread")
async def test_close_commits_what_is_waiting_and_ends_the_thread(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    writer = JournalWriter(journal)
    waiting = [writer.submit([opened(f"s-{n}")]) for n in range(5)]
    await writer.close()
    assert all(future.done() for future in waiting)
    assert journal.head[0] == 6
    assert "journal-writer" not in {t.name for t in threading.enumerate()}
    with pytest.raises(JournalWriteFailed):
        await writer.submit([opened()])
    await writer.close()
    journal.close()


@pytest.mark.real_time("the writer is a thread")
async def test_cancelled_waiter_does_not_cancel_the_commit(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    writer = JournalWriter(journal)
    writer.submit([opened("s-1")]).cancel()
    (entry,) = await writer.submit([opened("s-2")])
    assert entry.seq == 3
    await writer.close()
    journal.close()


@pytest.mark.hazard("H19")
@pytest.mark.real_time("the writer is a thread")
async def test_failure_reaches_every_waiter_and_is_never_retried(tmp_path: Path) -> None:
    with faulty_disk() as disk:
        journal = open_journal(tmp_path, vfs=disk.name)
        heard: list[JournalWriteFailed] = []
        writer = JournalWriter(journal, heard.append)
        await writer.submit([opened()])
        disk.once = True
        disk.fail_sync_at = disk.syncs + 1
        waiting = [writer.submit([alarm(f"a-{n}")]) for n in range(10)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(r, JournalWriteFailed) for r in results)
        with pytest.raises(JournalWriteFailed):
            await writer.submit([alarm("later")])
        assert writer.failed is not None
        assert heard == [writer.failed]
        assert disk.failures == 1
        await writer.close()
        after = successor(journal, TickingClock())
        assert after.head[0] == 3
        after.close()


def test_inline_writer_commits_before_submit_returns(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = open_journal(tmp_path)
        writer = InlineWriter(journal)
        future = writer.submit([opened()])
        assert future.done()
        assert (await future)[0].seq == 2
        await writer.close()
        with pytest.raises(JournalWriteFailed):
            await writer.submit([opened()])
        journal.close()

    run_virtual(scene)


def test_inline_writer_is_as_slow_as_it_is_told(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = open_journal(tmp_path)
        writer = InlineWriter(journal, latency_s=5.0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        first, second = writer.submit([opened("s-1")]), writer.submit([opened("s-2")])
        assert journal.head[0] == 1
        writer.latency_s = 1.0
        third = writer.submit([opened("s-3")])
        assert [(await f)[0].seq for f in (first, second, third)] == [2, 3, 4]
        assert loop.time() - began == pytest.approx(5.0)
        writer.submit([opened("s-4")])
        await writer.close()
        assert journal.head[0] == 5
        journal.close()

    run_virtual(scene)


@pytest.mark.hazard("H19")
def test_inline_writer_fails_for_good(tmp_path: Path) -> None:
    async def scene() -> None:
        with faulty_disk() as disk:
            heard: list[JournalWriteFailed] = []
            journal = open_journal(tmp_path, vfs=disk.name)
            writer = InlineWriter(journal, heard.append)
            disk.once = True
            disk.fail_write_at = disk.writes + 1
            for _ in range(3):
                with pytest.raises(JournalWriteFailed):
                    await writer.submit([opened()])
            assert len(heard) == 1
            assert disk.failures == 1
            journal.close()

    run_virtual(scene)


@pytest.mark.real_time("the writer is a thread")
async def test_the_age_of_the_commit_under_way_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(tmp_path)
    writer = JournalWriter(journal)
    begun, go_on = threading.Event(), threading.Event()
    append = journal.append

    def slow(drafts: Any) -> Any:
        begun.set()
        go_on.wait()
        return append(drafts)

    monkeypatch.setattr(journal, "append", slow)
    assert writer.stuck_s() == 0.0
    waiting = writer.submit([alarm("a-1")])
    assert begun.wait(10.0)
    first_s = writer.stuck_s()
    assert 0.0 < first_s < writer.stuck_s()
    go_on.set()
    await waiting
    await writer.close()
    assert writer.stuck_s() == 0.0
    journal.close()


@pytest.mark.hazard("H09")
@pytest.mark.real_time("the writer is a thread")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_whose_thread_is_dead_is_stuck_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(tmp_path)
    writer = JournalWriter(journal)

    def broken(_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(journal, "append", broken)
    await asyncio.gather(writer.submit([alarm("a-1")]), return_exceptions=True)
    writer._thread.join(10.0)
    assert writer.stuck_s() > COMMIT_S
    await writer.close()
    journal.close()
