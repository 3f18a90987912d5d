"""The broker is down, or loses what it acknowledged: the subscriber still gets every entry once."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from pydantic import TypeAdapter

from controller.record.archive_file import ChainFile
from controller.record.cursor import CursorFile
from controller.record.messages import EventBatch
from controller.record.reader import JournalReader
from controller.record.verify import verify
from tests.support import brokers
from tests.support.journals import SESSION, open_journal, opened, whole_session

pytestmark = pytest.mark.real_time("broker, telemetry and archive are real processes")

BASE = "micropen/v1/test/one"


def record_session(folder: Path, session_id: str = SESSION) -> int:
    """A whole session while no broker runs; gives the last sequence number."""
    journal = open_journal(folder)
    for drafts in whole_session(session_id, batches=30):
        journal.append(drafts)
    last = journal.head[0]
    journal.close()
    return last


async def entries_up_to(client: aiomqtt.Client, last_seq: int) -> list[dict[str, Any]]:
    """All entries in the order of arrival, checked against the model, up to `last_seq`."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(brokers.PATIENCE_S):
        async for message in client.messages:
            if not message.topic.matches(f"{BASE}/+/events") and not message.topic.matches(
                f"{BASE}/session/+/events"
            ):
                continue
            assert not message.retain
            TypeAdapter(EventBatch).validate_json(message.payload)
            found += json.loads(message.payload)["entries"]
            if found[-1]["seq"] >= last_seq:
                break
    return found


@pytest.mark.hazard("H20")
async def test_broker_down_for_a_whole_session_loses_nothing(tmp_path: Path) -> None:
    """Requirement 7: the broker is started only after the session has ended."""
    journal = tmp_path / "journal"
    port = brokers.free_port()
    async with brokers.telemetry(port, journal):
        last = record_session(journal)
        async with brokers.broker(port), brokers.subscriber(port) as client:
            found = await entries_up_to(client, last)
    assert [e["seq"] for e in found] == list(range(1, last + 1))
    reader = JournalReader(journal)
    assert [e["hash"] for e in found] == [e.hash for e in reader.entries()]
    reader.close()
    assert verify(journal).ok


@pytest.mark.hazard("H20")
async def test_broker_that_is_restarted_gets_the_rest_and_everything_retained(
    tmp_path: Path,
) -> None:
    journal_folder = tmp_path / "journal"
    first_last = record_session(journal_folder)
    port = brokers.free_port()
    async with brokers.telemetry(port, journal_folder):
        async with brokers.broker(port), brokers.subscriber(port) as client:
            await entries_up_to(client, first_last)
        journal = open_journal(journal_folder, seed=2)
        journal.append([opened("s-2")])
        journal.close()
        async with brokers.broker(port), brokers.subscriber(port, f"{BASE}/#") as client:
            seen = await retained_and_events(client)
    assert seen["session/s-2/events"]["entries"][-1]["seq"] == first_last + 1
    assert seen["availability"]["state"] == "online"
    assert seen["state"]["session"]["session_id"] == "s-2"
    assert seen["info"]["chain_id"] == seen["state"]["chain_id"]


async def retained_and_events(client: aiomqtt.Client) -> dict[str, Any]:
    """The newest message of each topic, as soon as the four that are waited for came."""
    seen: dict[str, Any] = {}
    wanted = {"session/s-2/events", "availability", "state", "info"}
    async with asyncio.timeout(brokers.PATIENCE_S):
        async for message in client.messages:
            seen[message.topic.value.removeprefix(f"{BASE}/")] = json.loads(message.payload)
            if wanted <= seen.keys():
                break
    return seen


@pytest.mark.hazard("H20")
async def test_archive_gets_what_a_forgetful_broker_lost(tmp_path: Path) -> None:
    """Bug B15: PUBACK is not durability. The broker acknowledges, and forgets at its restart."""
    journal = tmp_path / "journal"
    last = record_session(journal)
    port = brokers.free_port()
    async with (
        brokers.broker(port),
        brokers.subscriber(port) as client,
        brokers.telemetry(port, journal, "--archive"),
    ):
        await entries_up_to(client, last)
    cursor = CursorFile.of_broker(tmp_path / "telemetry", "127.0.0.1", port)
    assert cursor.load() is None
    async with (
        brokers.broker(port),
        brokers.subscriber(port) as client,
        brokers.archive(port, tmp_path / "archive"),
        brokers.telemetry(port, journal, "--archive"),
    ):
        receipt = await receipt_of(client, last)
    head = verify(journal)
    assert (receipt["seq"], receipt["hash"]) == (head.head_seq, head.head_hash)
    kept = ChainFile(next((tmp_path / "archive").glob("*.jsonl")))
    assert (kept.index.seq, kept.index.hash) == (head.head_seq, head.head_hash)
    kept.close()
    found = cursor.load()
    assert found is not None
    assert 0 < found.seq <= last


async def receipt_of(client: aiomqtt.Client, last_seq: int) -> dict[str, Any]:
    """The archive's receipt for everything."""
    async with asyncio.timeout(brokers.PATIENCE_S):
        async for message in client.messages:
            if message.topic.value == f"{BASE}/archive/receipt":
                receipt: dict[str, Any] = json.loads(message.payload)
                if receipt["seq"] >= last_seq:
                    return receipt
    raise AssertionError("the connection ended without a receipt")


async def test_availability_is_offline_after_an_orderly_end(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    record_session(journal)
    port = brokers.free_port()
    states = []
    async with brokers.broker(port), brokers.subscriber(port, f"{BASE}/availability") as client:
        async with brokers.telemetry(port, journal):
            states.append(await next_state(client))
        states.append(await next_state(client))
    assert states == ["online", "offline"]


async def test_availability_is_offline_after_a_kill(tmp_path: Path) -> None:
    """The will. Its message is retained, as the birth is."""
    journal = tmp_path / "journal"
    record_session(journal)
    port = brokers.free_port()
    async with brokers.broker(port), brokers.subscriber(port, f"{BASE}/availability") as client:
        async with brokers.telemetry(port, journal, exit_code=-signal.SIGKILL) as child:
            assert await next_state(client) == "online"
            child.kill()
            assert await next_state(client) == "offline"
            await child.wait()
        async with brokers.subscriber(port, f"{BASE}/availability") as late:
            assert await next_state(late) == "offline"


async def next_state(client: aiomqtt.Client) -> str:
    async with asyncio.timeout(brokers.PATIENCE_S):
        async for message in client.messages:
            return str(json.loads(message.payload)["state"])
    raise AssertionError("the connection ended")
