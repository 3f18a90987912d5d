"""The doctor's lines: what turns each of them red, and that it says what to do."""

import asyncio
import os
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from controller.clock import SystemClock
from controller.errors import NoAnswer, PortBusy, PortDenied, PortMissing
from controller.record.console_events import StopTested
from controller.record.cursor import CursorFile, Position
from controller.record.entry import Draft
from controller.record.events import Actor, ArmOpened, CounterSet, StateChanged
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from controller.service.doctor import disk, host, network, pen, record
from controller.service.doctor.examination import Asked, examine
from controller.service.doctor.line import Line
from controller.service.doctor.stop import judge_stop
from controller.session.alarms import raised
from controller.session.catalogue import Catalogue
from controller.settings import BrokerSettings
from tests.support.brokers import broker, free_port
from tests.support.inputs import CONFIG, folder, rewrite, spoil
from tests.support.journals import opened

NAMES = [
    *("versions", "config", "clock", "power", "disk space", "fsync", "journal", "alarms", "port"),
    *("permissions", "pen", "firmware", "certificate", "stop", "broker", "telemetry", "tls"),
]
PERSON = Actor(name="T", role="technician")
ZERO = CounterSet(
    punctures=0, dose_steps=0, prime_steps=0, bench_steps=0, preload_steps=0, reverse_steps=0
)


class At:
    """A clock whose wall stands at one time."""

    def __init__(self, now_wall: datetime) -> None:
        self._now_wall = now_wall

    def mono_s(self) -> float:
        return 1.0

    def now_wall(self) -> datetime:
        return self._now_wall


def examined(asked: Asked) -> dict[str, Line]:
    return {line.name: line for line in examine(asked, SystemClock())}


def test_every_line_is_there_and_says_what_to_do(tmp_path: Path) -> None:
    asked = Asked(Catalogue(CONFIG), tmp_path, str(tmp_path / "tty"), fsync_rounds=3)
    found = examined(asked)
    assert list(found) == NAMES
    assert found["port"].state == "red"
    assert found["fsync"].figures["rounds"] == 3
    for line in found.values():
        assert line.sentence
        assert line.action or line.state in {"green", "unknown"}


def test_a_broken_config_is_said_and_nothing_is_guessed(tmp_path: Path) -> None:
    place = folder(tmp_path)
    spoil(place / "controller.toml", 'realm = "training"', 'realm = "nowhere"')
    found = examined(Asked(Catalogue(place), tmp_path))
    assert found["config"].state == "red"
    assert "journal" not in found


@pytest.mark.parametrize(
    ("flags", "state", "word"),
    [
        ("0", "green", "in order"),
        ("1", "red", "under-voltage"),
        ("50000", "warning", "Since its boot the board has seen: under-voltage, throttled"),
        ("50005", "red", "now: under-voltage, throttled"),
        ("8", "red", "soft temperature limit"),
    ],
)
@pytest.mark.hazard("H33")
def test_supply_and_heat_of_a_pi(tmp_path: Path, flags: str, state: str, word: str) -> None:
    file = tmp_path / "devices/platform/soc/soc:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text(f"{flags}\n")
    line = host.power(tmp_path)
    assert (line.state, word in line.sentence) == (state, True), line


def test_a_machine_without_flags_is_no_fault(tmp_path: Path) -> None:
    assert host.power(tmp_path).state == "unknown"


@pytest.mark.parametrize(
    ("taken_s", "state"),
    [
        ([0.004] * 1000, "green"),
        ([0.004] * 998 + [0.2] * 2, "warning"),
        ([0.004] * 998 + [0.5] * 2, "red"),
        ([0.004] * 999 + [0.5], "green"),
    ],
)
@pytest.mark.hazard("H19")
def test_the_disk_is_judged_by_its_p999(taken_s: list[float], state: str) -> None:
    line = disk.judge(taken_s)
    assert line.state == state
    assert line.figures["worst_ms"] == max(taken_s) * 1000


def test_a_disk_that_cannot_be_written_is_red() -> None:
    assert disk.fsync_time(Path("/proc/sys"), rounds=1).state == "red"


@pytest.mark.parametrize(
    ("latencies_us", "state"),
    [
        ([3_000] * 20, "green"),
        ([3_000] * 19 + [25_000], "warning"),
        ([3_000] * 19 + [120_000], "red"),
        ([3_000, None], "red"),
        ([], "red"),
    ],
)
@pytest.mark.hazard("H34")
def test_stop_is_judged_by_its_p99(latencies_us: list[int | None], state: str) -> None:
    assert judge_stop(latencies_us).state == state


def written(place: Path, *drafts: Draft, close: bool = True) -> Journal:
    journal = Journal.open(place, SystemClock(), realm="training", min_free_bytes=0)
    journal.append(drafts)
    if close:
        journal.close()
    return journal


def arm_opened() -> ArmOpened:
    return ArmOpened(
        arm_id=7,
        pen_uid="f000000000000001",
        pen_boot_id=1,
        mode="dose",
        purpose="zone",
        zone="neck",
        protrusion_um=700,
        stroke_period_us=200_000,
        steps=100,
        dwell_us=0,
        settings_digest=1,
        cartridge_uid="0" * 16,
        certificate_id="0" * 16,
        picolitres_a_step=2_711,
        needles=1,
        first=ZERO,
        first_index=0,
        actor=PERSON,
    )


def test_the_journal_line(tmp_path: Path) -> None:
    none = record.read_record(tmp_path / "j", "training")
    assert record.journal(none).state == "unknown"
    written(tmp_path / "j")
    assert record.journal(record.read_record(tmp_path / "j", "training")).state == "green"
    other_realm = record.journal(record.read_record(tmp_path / "j", "treatment"))
    assert (other_realm.state, other_realm.figures["error"]) == ("red", 5005)
    (tmp_path / "j" / "journal.db").write_bytes(b"not a journal at all")
    damaged = record.journal(record.read_record(tmp_path / "j", "training"))
    assert damaged.state == "red"


def test_a_journal_of_which_no_book_can_be_made_is_red(tmp_path: Path) -> None:
    odd = StateChanged(before="a", act="b", after="no such state")
    written(tmp_path / "j", opened("s-1"), Draft(odd, "s-1"))
    found = record.journal(record.read_record(tmp_path / "j", "training"))
    assert (found.state, found.figures["error"]) == ("red", 5004)


def test_an_open_arm_is_red_without_a_service_and_a_warning_with_one(tmp_path: Path) -> None:
    enrolled = written(tmp_path / "j", Draft(arm_opened()), close=False)
    try:
        with_service = record.read_record(tmp_path / "j", "training")
        assert with_service.service is not None
        assert record.journal(with_service).state == "warning"
    finally:
        enrolled.close()
    without = record.read_record(tmp_path / "j", "training")
    assert (without.service, record.journal(without).state) == (None, "red")
    assert "session seal" in record.journal(without).action


def test_active_alarms_are_told_with_their_action(tmp_path: Path) -> None:
    written(tmp_path / "j", Draft(raised("battery_low")))
    low = record.alarms(record.read_record(tmp_path / "j", "training"))
    assert (low.state, "Charge the pen" in low.action) == ("warning", True)
    written(tmp_path / "j", Draft(raised("record_failed")))
    assert record.alarms(record.read_record(tmp_path / "j", "training")).state == "red"


def test_the_last_test_of_stop_gets_old(tmp_path: Path) -> None:
    clock = SystemClock()
    written(tmp_path / "j")
    never = record.last_stop_test(record.read_record(tmp_path / "j", "training"), clock)
    assert (never.state, "--stop-test" in never.action) == ("unknown", True)
    written(
        tmp_path / "j", *(Draft(StopTested(latency_us=us, actor=PERSON)) for us in (1000, 3000))
    )
    found = record.read_record(tmp_path / "j", "training")
    fresh = record.last_stop_test(found, clock)
    assert (fresh.state, fresh.figures["rounds"]) == ("green", 2)
    later = At(clock.now_wall() + timedelta(hours=25))
    assert record.last_stop_test(found, later).state == "warning"


def test_the_port_line_tells_our_service_from_a_stranger(tmp_path: Path) -> None:
    busy = pen.Found(error=PortBusy("it is in use by process 1"))
    alone = record.Record(tmp_path)
    served = record.Record(tmp_path, exists=True, service="in use by process 1")
    assert pen.port("/dev/serial/by-id/x", busy, served).state == "green"
    assert pen.port("/dev/serial/by-id/x", busy, alone).state == "red"
    assert pen.port("/dev/ttyUSB0", pen.Found(), alone).state == "warning"
    missing = pen.Found(error=PortMissing("there is none"))
    assert pen.port("/dev/serial/by-id/x", missing, alone).state == "red"
    assert pen.pen(missing, alone, "training").state == "unknown"
    silent = pen.Found(error=NoAnswer("nothing came"))
    assert pen.port("/dev/serial/by-id/x", silent, alone).state == "green"
    assert pen.pen(silent, alone, "training").state == "red"


def test_permissions(tmp_path: Path) -> None:
    denied = pen.Found(error=PortDenied("it belongs to dialout"))
    assert pen.permissions(denied, tmp_path, []).state == "red"
    secret = tmp_path / "broker.password"
    assert pen.permissions(pen.Found(), tmp_path, [secret]).state == "red"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    shown = pen.permissions(pen.Found(), tmp_path, [secret])
    assert (shown.state, "chmod 600" in shown.action) == ("red", True)
    secret.chmod(0o600)
    assert pen.permissions(pen.Found(), tmp_path, [secret]).state == "green"
    assert not (tmp_path / ".doctor").exists()


def test_a_secret_of_telemetrys_own_account_need_not_be_read_by_the_controllers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    secret = tmp_path / "broker.password"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    monkeypatch.setattr(Path, "open", refuse)
    assert pen.permissions(pen.Found(), tmp_path, [secret]).state == "red"
    if os.getuid() == 0:
        os.chown(secret, 4_242, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 4_242)
    assert pen.permissions(pen.Found(), tmp_path, [secret]).state == "green"
    secret.chmod(0o640)
    assert pen.permissions(pen.Found(), tmp_path, [secret]).state == "red"


def test_telemetrys_cursor_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    written(tmp_path / "journal", Draft(raised("battery_low")))
    place, port = folder(tmp_path), free_port()
    with (place / "controller.toml").open("a") as file:
        file.write(f'[broker]\nhost = "127.0.0.1"\nport = {port}\n')
    with closing(JournalReader(tmp_path / "journal")) as reader:
        head = Position(reader.chain_id, *reader.head())
    CursorFile.of_broker(tmp_path / "own", "127.0.0.1", port).save(head)
    asked = Asked(Catalogue(place), tmp_path, str(tmp_path / "tty"), 0)
    assert examined(asked)["telemetry"].figures["behind"] == 2
    own = msgspec.structs.replace(asked, cursor=tmp_path / "own")
    assert examined(own)["telemetry"].figures["behind"] == 0


def test_a_broker_that_is_away_is_a_warning_because_nothing_is_lost() -> None:
    away = BrokerSettings(host="127.0.0.1", port=free_port())
    line = network.broker(away)
    assert (line.state, "nothing is lost" in line.action) == ("warning", True)
    assert network.broker(None).state == "unknown"


@pytest.mark.real_time("a process and a socket")
async def test_a_broker_that_is_there_is_green() -> None:
    port = free_port()
    async with broker(port):
        settings = BrokerSettings(host="127.0.0.1", port=port)
        line = await asyncio.to_thread(network.broker, settings)
    assert line.state == "green", line


def test_telemetry_far_behind_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "j", Draft(raised("battery_low")))
    found = record.read_record(tmp_path / "j", "training")
    settings = BrokerSettings(host="b", port=1883)
    near = network.telemetry(settings, found, tmp_path / "t")
    assert (near.state, near.figures["behind"]) == ("green", 2)
    monkeypatch.setattr(network, "BEHIND", 1)
    assert network.telemetry(settings, found, tmp_path / "t").state == "warning"


@pytest.mark.parametrize(("days", "state"), [(400, "green"), (20, "warning"), (-1, "red")])
def test_tls_certificates_are_told_before_they_end(
    days: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_wall = datetime(2030, 1, 1, tzinfo=UTC)

    def ends(_: BrokerSettings) -> dict[str, datetime]:
        near, far = now_wall + timedelta(days=days), now_wall + timedelta(days=900)
        return {"the authority": far, "broker": near}

    monkeypatch.setattr(network, "_ends", ends)
    line = network.tls(BrokerSettings(host="b", tls=True), None, At(now_wall))
    assert line.state == state
    assert "broker" in line.sentence


def test_a_broker_without_tls_shows_no_certificate() -> None:
    here = BrokerSettings(host="127.0.0.1", port=free_port(), tls=True)
    assert network.tls(here, None, SystemClock()).state == "red"
    assert network.tls(None, None, SystemClock()).state == "unknown"


@pytest.mark.parametrize(
    ("times", "end"),
    [
        (b"\x30\x1e\x17\x0d300101000000Z\x17\x0d310203040506Z", "2031-02-03T04:05:06+00:00"),
        (b"\x30\x20\x17\x0d300101000000Z\x18\x0f20510203040506Z", "2051-02-03T04:05:06+00:00"),
    ],
)
def test_a_certificate_of_our_own(tmp_path: Path, times: bytes, end: str) -> None:
    file = tmp_path / "door.pem"
    file.write_text("text before\n" + ssl.DER_cert_to_PEM_cert(b"\x30\x82 name" + times + b" key"))
    end_wall = datetime.fromisoformat(end)
    assert network.end_of(file) == end_wall
    assert network.tls(None, file, At(end_wall - timedelta(days=99))).state == "green"
    assert network.tls(None, file, At(end_wall - timedelta(days=9))).state == "warning"
    assert network.tls(None, file, At(end_wall + timedelta(days=9))).state == "red"
    file.write_text("no certificate")
    assert network.tls(None, file, At(end_wall)).state == "red"
    assert network.tls(None, tmp_path / "none.pem", At(end_wall)).state == "red"


def test_low_space_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.space(tmp_path / "not" / "yet").state == "green"
    monkeypatch.setattr(host, "MIN_FREE_BYTES", 2**62)
    assert host.space(tmp_path).state == "red"


@pytest.mark.hazard("H16")
def test_an_unset_clock_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for synced in (True, False, None):
        monkeypatch.setattr(host, "kernel_clock_synced", lambda synced=synced: synced)
        states.append(host.clock().state)
    assert states == ["green", "warning", "unknown"]


def test_the_config_named_by_a_setting_is_used(tmp_path: Path) -> None:
    place = folder(tmp_path)
    rewrite(place / "controller.toml", "state_folder", f'state_folder = "{tmp_path}/st"')
    written(tmp_path / "st" / "journal")
    found = examined(Asked(Catalogue(place), port=str(tmp_path / "tty"), fsync_rounds=0))
    assert found["journal"].state == "green"
    assert "fsync" not in found
