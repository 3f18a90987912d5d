"""A long record: who waits for it hears that it gets on."""

import asyncio
import threading
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.record.journal import Journal
from controller.service import app
from controller.service.app import Wanted, read_books, running
from tests.support.journals import alarm, open_journal


def test_beats_come_while_books_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(tmp_path)
    journal.append([alarm(f"a-{n}") for n in range(24)])
    journal.close()
    monkeypatch.setattr(app, "BEAT_ENTRIES", 10)
    beats: list[int] = []
    read_books(tmp_path, lambda: beats.append(1))
    assert len(beats) == 3


@pytest.mark.real_time("a thread reads")
async def test_the_loop_turns_while_a_service_reads_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "state" / "journal"
    Journal.open(folder, SystemClock(), realm="training", min_free_bytes=0).close()
    turned = threading.Event()
    asyncio.get_running_loop().call_later(0.01, turned.set)
    waited: list[bool] = []
    wanted = Wanted(port=str(tmp_path / "no-pen"), folder=folder, realm="training")
    async with running(wanted, beat=lambda: waited.append(turned.wait(10.0))) as service:
        assert service.engine.pen is None
    assert waited == [True]
