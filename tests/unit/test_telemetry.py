"""Telemetry without a network: order of sending, receipts, retained messages, topics, schema."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from pydantic import TypeAdapter

from controller.record.archive_file import BatchView, ChainFile
from controller.record.calibration_events import ALL_BODIES
from controller.record.cursor import Position
from controller.record.entry import Entry
from controller.record.messages import (
    Availability,
    EventBatch,
    Message,
    batch_json,
)
from controller.record.outbox import BATCH_BYTES, BATCH_ENTRIES, RESEND_S
from controller.record.room import Changed, Room, is_simulated
from controller.record.schema import json_schemas, schema_files
from tests.support import journals
from tests.support.journals import whole_session
from tests.support.sending import Desk

DOCS = Path(__file__).parents[2] / "docs" / "schema"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


@pytest.fixture
def archived(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, archive=True)
    yield desk
    desk.close()


def seqs(entries: list[Entry]) -> list[int]:
    return [entry.seq for entry in entries]


@pytest.mark.hazard("H20")
def test_everything_is_sent_once_and_in_order(desk: Desk) -> None:
    last = desk.record_session()
    assert seqs(desk.send_all()) == list(range(1, last + 1))
    assert desk.send_all() == []
    desk.journal.append([journals.health()])
    assert seqs(desk.send_all()) == [last + 1]


@pytest.mark.hazard("H20")
def test_batch_without_puback_is_taken_again(desk: Desk) -> None:
    desk.record_session()
    first = desk.outbox.take()
    assert desk.outbox.take() == first
    desk.outbox.sent(first)
    assert desk.outbox.take()[0].seq == first[-1].seq + 1


@pytest.mark.hazard("H20")
def test_restart_goes_on_at_the_cursor(desk: Desk) -> None:
    last = desk.record_session()
    first = desk.outbox.take()
    desk.outbox.sent(first)
    desk.outbox.save(now=True)
    desk.restarted()
    assert seqs(desk.send_all()) == list(range(first[-1].seq + 1, last + 1))


def test_cursor_is_written_at_most_once_a_second(desk: Desk) -> None:
    desk.record_session()
    desk.outbox.sent(desk.outbox.take())
    desk.outbox.save()
    assert desk.cursor.load() is None
    desk.clock.now_s += 1.0
    desk.outbox.save()
    saved = desk.cursor.load()
    assert saved is not None
    desk.outbox.sent(desk.outbox.take())
    desk.outbox.save()
    assert desk.cursor.load() == saved


@pytest.mark.parametrize("seq", [3, 9_999])
def test_cursor_of_another_history_sends_everything_again(desk: Desk, seq: int) -> None:
    """A restored backup: repeats are harmless, a gap is not."""
    last = desk.record_session()
    desk.cursor.save(Position(desk.reader.chain_id, seq, "ab" * 32))
    desk.restarted()
    assert seqs(desk.send_all()) == list(range(1, last + 1))
    desk.cursor.save(Position("00000000000000ff", 3, "ab" * 32))
    desk.restarted()
    assert desk.outbox.take()[0].seq == 1


def test_batch_is_of_one_session_one_file_and_not_too_big(desk: Desk) -> None:
    desk.record_session()
    desk.journal.append([journals.strokes(9, 0, 300) for _ in range(10)])
    following = desk.journal.start_successor(journals.TickingClock())
    following.append([journals.health() for _ in range(250)])
    batches = []
    while batch := desk.outbox.take():
        desk.outbox.sent(batch)
        batches.append(batch)
    following.close()
    for batch in batches:
        assert len({entry.session_id for entry in batch}) == 1
        assert len({desk.reader.journal_id(entry.seq) for entry in batch}) == 1
        assert len(batch) <= BATCH_ENTRIES
        assert len(batch) == 1 or sum(len(e.body_json) for e in batch) <= BATCH_BYTES
    assert [e.seq for b in batches for e in b] == list(range(1, following.head[0] + 1))


@pytest.mark.hazard("H20")
def test_with_an_archive_only_its_receipt_moves_the_cursor(archived: Desk) -> None:
    """Bug B15."""
    last = archived.record_session()
    archived.send_all()
    assert archived.outbox.safe.seq == 0
    archived.outbox.received(archived.receipt(5))
    assert archived.outbox.safe.seq == 5
    archived.outbox.received(archived.receipt(last))
    archived.outbox.save(now=True)
    assert archived.cursor.load() == archived.outbox.safe
    archived.clock.now_s += 10 * RESEND_S
    assert archived.outbox.take() == []


@pytest.mark.hazard("H20")
def test_what_has_no_receipt_is_sent_again_after_a_time(archived: Desk) -> None:
    last = archived.record_session()
    archived.send_all()
    archived.outbox.received(archived.receipt(5))
    archived.clock.now_s += RESEND_S - 0.1
    assert archived.outbox.take() == []
    archived.clock.now_s += 0.2
    again = archived.outbox.take()
    archived.outbox.sent(again)
    assert again[0].seq == 6
    archived.outbox.received(archived.receipt(again[-1].seq))
    rest = archived.send_all()
    assert rest[0].seq == again[-1].seq + 1
    assert archived.outbox.next_seq == last + 1


def test_silent_archive_is_asked_less_and_less_and_live_entries_go_on(archived: Desk) -> None:
    archived.record_session()
    archived.send_all()
    sent_again = 0
    for second in range(1_200):
        archived.clock.now_s += 1.0
        if second % 100 == 0:
            archived.journal.append([journals.health()])
        for entry in archived.send_all():
            sent_again += entry.seq == 1
    assert 4 <= sent_again <= 10
    assert archived.outbox.next_seq == archived.journal.head[0] + 1


def test_repair_ends_where_it_began_and_does_not_chase_live_entries(archived: Desk) -> None:
    archived.record_session()
    archived.send_all()
    archived.clock.now_s += RESEND_S + 1
    again = archived.outbox.take()
    archived.outbox.sent(again)
    archived.journal.append([journals.health()])
    live = archived.send_all()
    assert live[-1].seq == archived.journal.head[0]
    archived.outbox.received(archived.receipt(live[-1].seq - 1))
    assert archived.send_all() == []


def test_archive_that_lost_something_gets_it_again(archived: Desk) -> None:
    last = archived.record_session()
    archived.send_all()
    archived.outbox.received(archived.receipt(last))
    archived.outbox.received(archived.receipt(0))
    archived.clock.now_s += RESEND_S + 1
    assert archived.outbox.take()[0].seq == 1


def test_receipt_that_does_not_fit_is_ignored(archived: Desk) -> None:
    """Fault B10: anybody may publish to a topic."""
    last = archived.record_session()
    archived.send_all()
    genuine = archived.receipt(last)
    for forged in (
        replace(genuine, hash="ab" * 32),
        replace(genuine, seq=last + 1),
        replace(genuine, chain_id="00000000000000ff"),
    ):
        archived.outbox.received(forged)
        assert archived.outbox.safe.seq == 0


def room_of(desk: Desk) -> Room:
    room = Room(desk.reader)
    room.start()
    for _ in room.catch_up(7):
        pass
    return room


def test_room_adds_the_session_up(desk: Desk) -> None:
    drafts = list(whole_session())
    for batch in drafts[:-1]:
        desk.journal.append(batch)
    state = room_of(desk).state()
    assert state.session is not None
    assert (state.session.session_id, state.session.state) == ("s-1", "running")
    assert (state.session.punctures_certain, state.session.punctures_possible) == (80, 82)
    assert state.session.dose_certain_nl == 80 * 4 * 2.5
    assert state.session.dose_possible_nl == 82 * 4 * 2.5
    assert [zone.zone for zone in state.session.zones] == ["forehead"]
    assert state.simulated
    assert state.health is not None
    assert state.health.battery_percent == 80
    desk.journal.append(drafts[-1])
    state = room_of(desk).state()
    assert state.session is not None
    assert state.session.state == "closed"
    assert state.session.punctures_possible == 80
    assert state.session.dose_possible_nl == state.session.dose_certain_nl == 800.0


def test_retained_messages_fit_their_schema(desk: Desk) -> None:
    schemas = json_schemas()
    desk.record_session()
    desk.journal.append([journals.alarm("open-1")])
    room = room_of(desk)
    messages: list[Message] = [room.state(), room.info(schemas), room.alarms["open-1"]]
    messages += [Availability(state="offline"), desk.receipt(3)]
    names = ("state", "info", "alarm", "availability", "receipt")
    for name, message in zip(names, messages, strict=True):
        jsonschema.Draft202012Validator(schemas[name]).validate(json.loads(message.json()))
        adapter = TypeAdapter[Message](type(message))
        assert adapter.validate_json(message.json()) == message


def test_telemetry_process_does_without_pydantic() -> None:
    """It is what keeps it under 40 MB."""
    code = "import sys, controller.record.telemetry; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_room_says_who_is_there(desk: Desk) -> None:
    desk.record_session()
    info = room_of(desk).info({"x": {}})
    assert info.pen is not None
    assert (info.pen.pen_uid, info.pen.model, info.pen.firmware) == (journals.PEN, "sim", "1.1")
    assert info.pen.simulated
    assert info.certificate_id == "00000000000000ce"
    assert info.config_digest == "cd" * 8
    assert info.json_schemas == {"x": {}}
    assert info.host_id == f"{desk.journal.host_id:016x}"


def test_room_knows_alarms_from_before_the_session(desk: Desk) -> None:
    desk.journal.append([journals.alarm("old-1"), journals.alarm("old-2")])
    desk.journal.append([journals.alarm_over("old-1")])
    desk.record_session()
    desk.journal.append([journals.opened("s-2")])
    room = room_of(desk)
    assert list(room.alarms) == ["old-2"]
    assert room.state().alarms == 1
    assert room.alarms["old-2"].priority == "high"


def test_room_takes_each_entry_once_and_says_what_changed(desk: Desk) -> None:
    room = room_of(desk)
    (strokes,) = desk.journal.append([journals.strokes(1, 0, 1)])
    (seen, *_) = desk.journal.append(journals.pen_seen())
    assert room.feed(strokes) is Changed.FIGURES
    assert room.feed(strokes) is Changed.NOTHING
    assert Changed.INFO in room.feed(seen)


def test_every_kind_of_entry_passes_through_the_room(desk: Desk) -> None:
    desk.record_session()
    room = room_of(desk)
    assert room.seq == desk.journal.head[0]
    assert room.wall


def test_only_the_reserved_range_is_simulated() -> None:
    assert is_simulated("f000000000000000")
    assert not is_simulated("efffffffffffffff")
    assert not is_simulated(None)


def test_batch_fits_model_schema_and_hash(desk: Desk, tmp_path: Path) -> None:
    desk.record_session()
    validator = jsonschema.Draft202012Validator(json_schemas()["event_batch"])
    kept = ChainFile(tmp_path / "kept.jsonl")
    for batch in iter(desk.outbox.take, []):
        desk.outbox.sent(batch)
        text = json_of(desk, batch)
        validator.validate(json.loads(text))
        model = TypeAdapter(EventBatch).validate_json(text)
        assert (model.first_seq, model.last_seq) == (batch[0].seq, batch[-1].seq)
        for message, entry in zip(model.entries, batch, strict=True):
            assert ALL_BODIES[message.kind].model_validate(message.body) == entry.body()
        assert kept.keep(decoded(text)) == 0
    assert (kept.index.seq, kept.index.hash) == desk.journal.head
    kept.close()


def json_of(desk: Desk, batch: list[Entry]) -> bytes:
    return batch_json(
        batch,
        chain_id=desk.reader.chain_id,
        journal_id=desk.reader.journal_id(batch[0].seq),
        realm=desk.reader.realm,
        simulated=True,
        sent_wall="2030-01-01T00:00:00.000000Z",
    )


def decoded(text: bytes) -> BatchView:
    return msgspec.json.decode(text, type=BatchView)


def test_schema_refuses_a_body_of_another_kind(desk: Desk) -> None:
    desk.record_session()
    message = json.loads(json_of(desk, desk.outbox.take()))
    message["entries"][0]["kind"] = "strokes"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schemas()["event_batch"]).validate(message)


def test_documented_schema_is_what_the_models_say() -> None:
    """Refresh with `python -m controller.record.schema docs/schema`."""
    found = {path.name: path.read_text() for path in DOCS.glob("*.json")}
    assert found == schema_files()


def test_patient_is_a_pseudonym_only(desk: Desk) -> None:
    """What goes out about a patient is the one field that plans hold a pseudonym in."""
    desk.record_session()
    bodies: list[dict[str, Any]] = [json.loads(e.body_json) for e in desk.send_all()]
    assert [b["patient"] for b in bodies if "patient" in b] == ["P-0001"]


def test_archive_file_survives_a_torn_line_and_drops_repeats(desk: Desk, tmp_path: Path) -> None:
    desk.record_session()
    batch = desk.outbox.take()
    path = tmp_path / "kept.jsonl"
    kept = ChainFile(path)
    kept.keep(decoded(json_of(desk, batch)))
    kept.keep(decoded(json_of(desk, batch)))
    kept.close()
    lines = path.read_bytes()
    assert lines.count(b"\n") == len(batch)
    path.write_bytes(lines + b'{"journal_id":"torn')
    again = ChainFile(path)
    assert again.index.seq == batch[-1].seq
    assert path.read_bytes() == lines
    again.close()


@pytest.mark.hazard("H39")
def test_archive_refuses_what_is_not_what_was_hashed(desk: Desk, tmp_path: Path) -> None:
    desk.record_session()
    batch = desk.outbox.take()
    kept = ChainFile(tmp_path / "kept.jsonl")
    forged = json_of(desk, batch).replace(b'"0.1.0"', b'"6.6.6"')
    assert kept.keep(decoded(forged)) > 0
    assert kept.index.seq < batch[-1].seq
    kept.close()
