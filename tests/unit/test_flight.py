"""The flight recorder: exact bytes, bounded; a file after a fault, bounded too."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.link.port import OnBytes, OnLost
from controller.record.entry import Draft
from controller.record.events import Contradiction, LinkLost, StopSent
from controller.record.journal import Journal
from controller.record.writer import InlineWriter
from controller.service.flight import box as boxes
from controller.service.flight import recorder as recorders
from controller.service.flight.after import command
from controller.service.flight.box import FlightBox, WatchedWriter, fault_in, recordings
from controller.service.flight.recorder import FlightRecorder, TappedOpener
from controller.service.flight.recording import RecordingUnreadable, read_recording
from controller.session.alarms import raised
from controller.session.self_test import REASON
from tests.support.journals import PEN, changed, open_journal
from tests.support.virtual import VirtualClock, advance


class Port:
    """A line that keeps what is written and says what it is told to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.say: OnBytes = lambda _: None
        self.lose: OnLost = lambda _: None
        self.closed = 0

    async def open(self) -> "Port":
        return self

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self.say, self.lose = on_bytes, on_lost

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed += 1


async def test_bytes_pass_unchanged_and_are_kept_in_order(clock: VirtualClock) -> None:
    recorder, inner = FlightRecorder(clock), Port()
    port = await TappedOpener(inner, recorder).open()
    heard: list[bytes] = []
    lost: list[str] = []
    port.start(heard.append, lost.append)
    port.write(b"\x00hello\x00")
    await advance(0.5)
    inner.say(b"\xff\x00")
    inner.lose("unplugged")
    port.close()
    assert (inner.written, heard, lost, inner.closed) == (
        [b"\x00hello\x00"],
        [b"\xff\x00"],
        ["unplugged"],
        1,
    )
    start_s = clock.mono_s() - 0.5
    assert recorder.chunks() == [
        (start_s, "!", b"opened"),
        (start_s, ">", b"\x00hello\x00"),
        (start_s + 0.5, "<", b"\xff\x00"),
        (start_s + 0.5, "!", b"ended: unplugged"),
    ]


async def test_it_reaches_a_minute_back_and_keeps_the_beginning_of_the_link(
    clock: VirtualClock,
) -> None:
    recorder = FlightRecorder(clock)
    recorder.opened()
    recorder.sent(b"greeting")
    recorder.received(b"reply")
    for second in range(200):
        await advance(1.0)
        recorder.received(b"%d" % second)
    said = [data for _, _, data in recorder.chunks()]
    assert said[:5] == [b"opened", b"greeting", b"reply", b"0", b"1"]
    assert said[5] == b"gap"
    assert said[6] in (b"139", b"140")
    assert said[-1] == b"199"
    recorder.opened()
    assert recorder.chunks()[0][2] != b"opened", "the beginning of a link that is gone is forgotten"


async def test_it_is_bounded_by_number_and_bytes(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = FlightRecorder(clock)
    monkeypatch.setattr(recorders, "MOST_CHUNKS", 100)
    for _ in range(1_000):
        recorder.received(b"x")
    assert len(recorder.chunks()) == 100
    monkeypatch.setattr(recorders, "MOST_BYTES", 1_000)
    for _ in range(100):
        recorder.received(b"x" * 300)
    assert sum(len(data) for _, _, data in recorder.chunks()) <= 1_000


@pytest.mark.parametrize(
    ("drafts", "fault"),
    [
        ([Draft(raised("stop_latched"))], "stop-latched"),
        ([Draft(raised("battery_low"))], None),
        ([Draft(Contradiction(pen_uid=PEN, sentence="it fell"))], "contradiction"),
        ([Draft(LinkLost(pen_uid=PEN, reason="unplugged"))], "link-lost"),
        ([Draft(LinkLost(pen_uid=PEN, reason="given up by this host"))], None),
        ([changed("running")], None),
        ([Draft(StopSent(stop_id=PEN, reason=REASON)), Draft(raised("stop_latched"))], None),
        ([changed("x"), Draft(StopSent(stop_id=PEN, reason="key")), Draft(raised("stop_latched"))],
         "stop-latched"),
    ],
)  # fmt: skip
def test_what_a_fault_is(drafts: list[Draft], fault: str | None) -> None:
    assert fault_in(drafts) == fault


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal(tmp_path / "journal")


async def written(box: FlightBox, folder: Path, within_s: float) -> list[Path]:
    await advance(within_s)
    return recordings(folder)


async def test_a_recorded_fault_is_written_with_what_came_after_it(
    clock: VirtualClock, journal: Journal, tmp_path: Path
) -> None:
    recorder = FlightRecorder(clock)
    box = FlightBox(recorder, tmp_path, journal, boot_id="boot-1")
    told: list[Path] = []

    async def tell(path: Path) -> None:
        told.append(path)

    box.on_written = tell
    writer = WatchedWriter(InlineWriter(journal), box)
    recorder.received(b"before")
    await writer.submit([Draft(raised("record_failed"))])
    await advance(1.0)
    recorder.received(b"after")
    (path,) = await written(box, tmp_path / "flight", 2.0)
    assert told == [path]
    assert path.name == "flight-000001-record-failed.jsonl"
    recording = read_recording(path.read_bytes(), path.name)
    assert [data for _, _, data in recording.chunks] == [b"before", b"after"]
    header = recording.header
    assert (header.reason, header.host_boot_id, header.head_seq) == ("record-failed", "boot-1", 2)
    assert (header.realm, header.journal_id) == ("training", journal.journal_id)
    await box.close()
    await writer.close()
    journal.close()


async def test_a_swarm_of_faults_gives_one_recording(
    clock: VirtualClock, journal: Journal, tmp_path: Path
) -> None:
    box = FlightBox(FlightRecorder(clock), tmp_path, journal)
    for number in range(50):
        box.fault(f"fault-{number}")
        await advance(0.1)
    assert len(await written(box, tmp_path / "flight", 3.0)) == 1
    await advance(10.0)
    box.fault("later")
    await box.close()
    assert [path.name for path in recordings(tmp_path / "flight")] == [
        "flight-000001-fault-0.jsonl",
        "flight-000002-later.jsonl",
    ]
    journal.close()


async def test_closing_writes_at_once(
    clock: VirtualClock, journal: Journal, tmp_path: Path
) -> None:
    box = FlightBox(FlightRecorder(clock), tmp_path, journal)
    box.fault("the end")
    before_s = clock.mono_s()
    await box.close()
    assert clock.mono_s() - before_s < 0.1
    assert [path.name for path in recordings(tmp_path / "flight")] == [
        "flight-000001-the-end.jsonl"
    ]
    await box.close()
    journal.close()


async def test_a_disk_that_refuses_is_only_logged(
    clock: VirtualClock, journal: Journal, tmp_path: Path
) -> None:
    (tmp_path / "flight").write_text("a file where the folder would be")
    box = FlightBox(FlightRecorder(clock), tmp_path, journal)
    box.fault("x")
    await box.close()
    box.fault("y")
    await box.close()
    assert (tmp_path / "flight").is_file()
    journal.close()


async def test_long_recordings_are_made_in_slices(
    clock: VirtualClock, journal: Journal, tmp_path: Path
) -> None:
    recorder = FlightRecorder(clock)
    for _ in range(1_000):
        recorder.received(b"x" * 20)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await advance(0.001)

    counting = asyncio.create_task(count())
    box = FlightBox(recorder, tmp_path, journal)
    box.fault("x")
    await box.close()
    counting.cancel()
    assert turns >= 1_000 // boxes.SLICE
    journal.close()


def test_recordings_are_bounded_by_number_and_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "MOST_FILES", 5)
    for _ in range(12):
        boxes.store(tmp_path, "A reason / with ../ words", "x" * 100)
    names = [path.name for path in recordings(tmp_path)]
    assert names == [f"flight-{n:06d}-a-reason---with-----words.jsonl" for n in range(8, 13)]
    monkeypatch.setattr(boxes, "MOST_BYTES", 250)
    boxes.store(tmp_path, "big", "x" * 100)
    assert len(recordings(tmp_path)) == 2
    boxes.store(tmp_path, "huge", "x" * 1_000)
    assert [path.name for path in recordings(tmp_path)] == ["flight-000014-huge.jsonl"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda data: data[:-10],
        lambda data: data.replace(b"micropen-flight-1", b"micropen-flight-9"),
        lambda data: data.replace(b'"w":"<"', b'"w":"?"'),
        lambda data: data + b'{"t":1}\n',
        lambda _: b"\xff\xfe\x00",
    ],
)
async def test_a_file_that_is_no_recording(
    clock: VirtualClock, journal: Journal, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    recorder = FlightRecorder(clock)
    recorder.received(b"x")
    box = FlightBox(recorder, tmp_path, journal)
    box.fault("x")
    await box.close()
    journal.close()
    (path,) = recordings(tmp_path / "flight")
    with pytest.raises(RecordingUnreadable):
        read_recording(spoil(path.read_bytes()), path.name)


def test_the_bundle_of_a_recording_names_its_fault(tmp_path: Path) -> None:
    words = command(tmp_path / "s", tmp_path / "c", Path("flight-000012-stop-latched.jsonl"))
    assert words[-2:] == ["--of-fault", "stop-latched"]
    assert words[words.index("--state") + 1] == str(tmp_path / "s")
