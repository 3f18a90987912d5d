"""The preflight's lines: what turns each of them red, with its number and what to do."""

import json
import os
import re
from contextlib import closing as closed_after
from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest

from controller.clock import SystemClock
from controller.errors import UnsupportedProtocol
from controller.record.calibration_events import CertificateStored
from controller.record.entry import Draft
from controller.record.events import Actor, LinkUp
from controller.service.appliance import known_pen, preflight
from controller.service.appliance.known_pen import KnownPen
from controller.service.appliance.preflight import Asked
from controller.service.doctor.line import Line
from controller.service.doctor.record import Record, read_record
from controller.session.catalogue import Catalogue
from protocol.limits import PROTOCOL_VERSION
from tests.support.command_line import in_process
from tests.support.inputs import CONFIG, folder, spoil
from tests.support.journals import armed, changed, closed, open_journal, opened, pen_seen
from tests.support.next_layout import forward as written_by_the_next_program
from tests.support.next_layout import next_layout
from tests.unit.test_doctor import At

NAMES = ["program", "config", "journal", "layout", "disk space", "idle", "protocol", "certificate"]
TECHNICIAN = Actor(name="T", role="technician")
CERTIFICATE = Catalogue(CONFIG).certificate("simulated_provisional")
NOW_WALL = CERTIFICATE.issued_wall + timedelta(days=1)


def looked(state: Path, config: Path = CONFIG, **asked: bool) -> dict[str, Line]:
    question = Asked(Catalogue(config), state, str(state / "tty"), **asked)
    return {line.name: line for line in preflight.preflight(question, SystemClock())}


def journal_with(state: Path, *drafts: Draft) -> Path:
    journal = open_journal(state / "journal")
    journal.append(drafts)
    journal.close()
    return state / "journal"


def record_of(state: Path) -> Record:
    return read_record(state / "journal", "training")


def refused(line: Line, number: int) -> bool:
    """Red, numbered, and with something to do."""
    return (line.state, line.figures.get("error"), bool(line.action)) == ("red", number, True)


def test_every_line_is_there_and_nothing_is_red_on_a_new_machine(tmp_path: Path) -> None:
    found = looked(tmp_path / "state")
    assert list(found) == NAMES
    assert {line.state for line in found.values()} == {"green", "unknown"}
    assert not (tmp_path / "state").exists()


def test_python_is_the_one_that_the_distribution_asks_for() -> None:
    assert preflight.program().state == "green"
    assert refused(preflight.program((3, 10)), 8082)
    text = (CONFIG.parent / "pyproject.toml").read_text()
    wanted = re.search(r'^requires-python = ">=(\d+)\.(\d+)"$', text, re.MULTILINE)
    assert wanted is not None
    assert tuple(int(part) for part in wanted.groups()) == preflight.NEEDED_PYTHON


def test_a_mistake_in_any_file_refuses_and_is_named(tmp_path: Path) -> None:
    place = folder(tmp_path)
    file = place / "plans" / "short_check.toml"
    file.write_text(f"no_such_key = 1\n{file.read_text()}")
    line = looked(tmp_path / "state", place)["config"]
    assert refused(line, 1003)
    assert "no_such_key" in line.sentence
    file.write_text("[")
    assert refused(looked(tmp_path / "state", place)["config"], 1002)
    spoil(place / "controller.toml", 'realm = "training"', 'realm = "nowhere"')
    assert list(looked(tmp_path / "state", place)) == ["program", "config"]


def test_a_journal_that_cannot_be_read_refuses(tmp_path: Path) -> None:
    file = journal_with(tmp_path, opened(), closed()) / "journal.db"
    assert looked(tmp_path)["journal"].state == "green"
    assert "all 3 entries" in looked(tmp_path, every_entry=True)["journal"].sentence
    file.write_bytes(b"no journal at all" * 400)
    found = looked(tmp_path)
    assert refused(found["journal"], 5004)
    assert (found["layout"].state, found["idle"].state) == ("unknown", "unknown")


def test_the_whole_chain_is_checked_when_it_is_asked_for(tmp_path: Path) -> None:
    file = journal_with(tmp_path, *[changed("x")] * 300) / "journal.db"
    with closed_after(apsw.Connection(str(file))) as other:
        other.execute("DROP TRIGGER no_update; UPDATE entries SET wall = 'never' WHERE seq = 3")
    assert looked(tmp_path)["journal"].state == "green"
    line = looked(tmp_path, every_entry=True)["journal"]
    assert (line.state, "Entry" in line.sentence) == ("red", True)


@pytest.mark.hazard("H46")
def test_a_newer_journal_refuses_an_older_program(tmp_path: Path) -> None:
    written_by_the_next_program(journal_with(tmp_path, opened(), closed()))
    found = looked(tmp_path)
    assert refused(found["journal"], 5002)
    with next_layout():
        assert looked(tmp_path)["journal"].state == "green"


def test_an_older_journal_is_no_refusal_but_its_copy_needs_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: room)  # others use the same disk meanwhile
    journal_with(tmp_path, opened(), closed())
    assert looked(tmp_path)["layout"].figures == {"migrates": False}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with next_layout():
        found = looked(tmp_path)
        assert (found["layout"].state, found["layout"].figures) == ("green", {"migrates": True})
        free = int(found["disk space"].figures["free_bytes"])
        monkeypatch.setattr(preflight, "MIN_FREE_BYTES", free - 1)
        assert refused(looked(tmp_path)["disk space"], 5003)
    assert {path: path.read_bytes() for path in before} == before
    monkeypatch.setattr(preflight, "MIN_FREE_BYTES", 2**62)
    assert refused(looked(tmp_path)["disk space"], 5003)


@pytest.mark.hazard("H46")
@pytest.mark.parametrize(
    ("drafts", "what"),
    [
        ([opened()], "session s-1"),
        ([opened(), armed(1)], "arm 1 of pen f000000000000001"),
        ([*pen_seen(), armed(7, session_id=None)], "arm 7"),
    ],
)
def test_nothing_is_changed_in_mid_session(tmp_path: Path, drafts: list[Draft], what: str) -> None:
    journal_with(tmp_path, *drafts)
    line = looked(tmp_path)["idle"]
    assert refused(line, 8081)
    assert "No update in mid-session" in line.sentence
    assert what in line.sentence


def test_a_training_in_the_same_service_is_under_way_too_a_left_run_is_not(tmp_path: Path) -> None:
    journal_with(tmp_path, opened(), closed())
    training = tmp_path / "training" / "journal"
    journal = open_journal(training)
    journal.append([opened("t-1")])
    found = looked(tmp_path)
    journal.close()
    assert found["journal training"].state == "green"
    assert refused(found["idle"], 8081)
    assert looked(tmp_path)["idle"].state == "green"
    (training / "journal.db").write_bytes(b"broken" * 999)
    found = looked(tmp_path)
    assert found["journal training"].state == "warning"
    assert "red" not in {line.state for line in found.values()}


def greeted(**changes: object) -> Draft:
    link = pen_seen()[2].body
    assert isinstance(link, LinkUp)
    known = {
        "protocol_version": PROTOCOL_VERSION,
        "certificate_id": CERTIFICATE.certificate_id,
    }
    return Draft(link.model_copy(update={**known, **changes}), None, link.pen_uid)


def pen_of(state: Path) -> KnownPen:
    found = known_pen.by_record(record_of(state))
    assert found is not None
    return found


def test_the_record_says_what_the_pen_was(tmp_path: Path) -> None:
    journal_with(tmp_path, greeted())
    pen = pen_of(tmp_path)
    assert pen.protocol_version == PROTOCOL_VERSION
    assert f"{pen.certificate_id:016x}" == CERTIFICATE.certificate_id
    line = known_pen.protocol(pen)
    assert (line.state, "by the record of 2030-01-01 00:00 UTC" in line.sentence) == ("green", True)
    uid = f"{pen.uid:016x}"
    stored = CertificateStored(certificate_id="ab" * 8, pen_uid=uid, actor=TECHNICIAN)
    journal_with(tmp_path, Draft(stored, None, uid))
    assert pen_of(tmp_path).certificate_id == int("ab" * 8, 16)
    journal_with(tmp_path, greeted())
    assert pen_of(tmp_path).certificate_id == pen.certificate_id


@pytest.mark.hazard("H46")
def test_a_pen_of_another_protocol_refuses_whoever_says_so(tmp_path: Path) -> None:
    journal_with(tmp_path, greeted(protocol_version=PROTOCOL_VERSION + 1))
    newer = known_pen.protocol(pen_of(tmp_path))
    assert refused(newer, 2020)
    assert "update the program first" in newer.action
    journal_with(tmp_path, greeted(protocol_version=PROTOCOL_VERSION - 1))
    assert "update the pen's firmware first" in known_pen.protocol(pen_of(tmp_path)).action
    assert refused(known_pen.protocol(UnsupportedProtocol("it speaks 9")), 2020)
    journal_with(tmp_path, greeted(protocol_version=None))
    assert known_pen.protocol(pen_of(tmp_path)).state == "unknown"
    assert known_pen.protocol(None).state == "unknown"


def certified(state: Path, config: Path = CONFIG, now_wall: datetime = NOW_WALL) -> Line:
    pen, record = pen_of(state), record_of(state)
    return known_pen.certificate(pen, record, Catalogue(config), At(now_wall))


@pytest.mark.hazard("H25")
@pytest.mark.hazard("H46")
def test_the_certificate_must_be_accepted_by_the_new_program_and_config(tmp_path: Path) -> None:
    place, state = folder(tmp_path), tmp_path / "state"
    journal_with(state, greeted())
    assert certified(state, place).state == "green"
    later = certified(state, place, CERTIFICATE.valid_until_wall + timedelta(days=1))
    assert (later.state, "Calibrate" in later.action) == ("red", True)
    file = place / "certificates" / "simulated_provisional.toml"
    spoil(file, "provisional = true", 'firmware = "0.9"\nprovisional = true')
    other = certified(state, place)
    assert (other.state, "measured with firmware 0.9; it is 1.1 now" in other.sentence) == (
        "red",
        True,
    )
    journal_with(state, greeted(certificate_id="00000000000000ff"))
    assert refused(certified(state), 1004)
    journal_with(state, greeted(certificate_id=None))
    assert certified(state).state == "unknown"


def test_the_command_prints_lines_or_json_and_ends_with_80(tmp_path: Path) -> None:
    where = ("--config", CONFIG, "--state", tmp_path, "--port", tmp_path / "tty")
    journal_with(tmp_path, opened())
    said = in_process("preflight", *where)
    assert (said.code, said.number) == (80, 8080)
    assert "Refused: idle." in said.err
    assert re.search(r"^RED +idle +E8081 ", said.out, re.MULTILINE)
    journal_with(tmp_path, closed())
    said = in_process("preflight", "--json", "--no-ask-pen", *where)
    assert said.code == 0
    assert [line["name"] for line in json.loads(said.out)] == NAMES
