"""A bundle has what support needs and nothing that was planted to be found in it."""

import gzip
import json
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.console.people import People, Person, write_people
from controller.record.entry import Draft
from controller.record.events import Actor, ArmClosed, SessionOpened, StateChanged
from controller.record.journal import Journal
from controller.service.bundle import archive
from controller.service.bundle.archive import place_of_next, read_bundle
from controller.service.bundle.scrubbing import REMOVED, Scrubber
from controller.service.flight.box import store
from controller.service.flight.recording import RecordingUnreadable
from tests.support.command_line import in_process
from tests.support.inputs import folder, spoil
from tests.support.journals import PEN, counters

SECRETS = ("hunter2-broker", "c2lnbmluZy1rZXk", "tok-4711-abcdef", "mqtt-url-pass", "MIIEvQIBADAN")
PATIENTS = ("P-Mustermann-7", "P-in-the-plan")
PEOPLE = ("Dr. Ada Lovelace", "Nurse Grace", "Eve Technician")
PLANTED = (*SECRETS, *PATIENTS, *PEOPLE, "told me her mother's maiden name")

BROKER = """
[broker]
host = "mqtt.example.org"
username = "room-1"
password_file = "{place}/broker.password"
signing_key_file = "{place}/archive.key"
"""
LOG = """
{{"event": "connect", "password": "tok-4711-abcdef"}}
session of P-Mustermann-7 by Dr. Ada Lovelace
mqtt://room:mqtt-url-pass@mqtt.example.org:8883 refused; token=tok-4711-abcdef; pin: 4711
-----BEGIN PRIVATE KEY-----
MIIEvQIBADAN
-----END PRIVATE KEY-----
the broker said hunter2-broker
E2001 There is no serial port
"""


def opened(patient: str, operator: str) -> SessionOpened:
    actor = Actor(name=operator, role="operator")
    return SessionOpened(
        plan_name="forehead",
        plan_digest="ab" * 8,
        patient=patient,
        operator=actor,
        plan={"name": "forehead", "patient": patient, "operator": operator},
        product=None,
        limits={},
        certificate={"measured_by": "Eve Technician"},
        cartridge={},
        config_digest="cd" * 8,
        accept_provisional=False,
    )


def sealed() -> ArmClosed:
    return ArmClosed(
        arm_id=7,
        pen_uid=PEN,
        how="sealed",
        end_reason="SEALED",
        first=counters(),
        certain=counters(),
        possible=counters(),
        actor=Actor(name="Eve Technician", role="technician"),
        reason="told me her mother's maiden name",
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A machine with a secret in every corner."""
    config, state = folder(tmp_path), tmp_path / "state"
    (tmp_path / "broker.password").write_text("hunter2-broker\n")
    (tmp_path / "archive.key").write_text("c2lnbmluZy1rZXk\n")
    toml = config / "controller.toml"
    toml.write_text(toml.read_text() + BROKER.format(place=tmp_path))
    plan = config / "plans" / "short_check.toml"
    lines = [line for line in plan.read_text().splitlines() if not line.startswith("patient")]
    plan.write_text("\n".join(['patient = "P-in-the-plan"', *lines]))
    journal = Journal.open(state / "journal", SystemClock(), realm="training", min_free_bytes=0)
    actor = Actor(name="Nurse Grace", role="operator")
    changed = StateChanged(before="a", act="b", after="c", actor=actor, reason="paused")
    journal.append([Draft(opened("P-Mustermann-7", "Dr. Ada Lovelace"), "s-1", PEN)])
    journal.append([Draft(changed, "s-1", PEN), Draft(sealed(), "s-1", PEN)])
    journal.close()
    write_people(state, People(people=(Person.with_pin("Nurse Grace", "operator", "4711"),)))
    (state / "controller.log").write_text(LOG)
    store(state / "flight", "link-lost", "of P-Mustermann-7\n")
    return tmp_path


def bundle_of(place: Path, *words: str) -> dict[str, bytes]:
    out = place / "b.tar.gz"
    where = ("--state", place / "state", "--config", place / "config")
    said = in_process("support-bundle", *where, "--out", out, *words)
    assert said.code == 0, said.err
    return read_bundle(out)


@pytest.mark.hazard("H38")
def test_no_secret_no_patient_and_no_name_leaves(place: Path) -> None:
    found = bundle_of(place)
    raw = gzip.decompress((place / "b.tar.gz").read_bytes())
    person = json.loads((place / "state" / "people.json").read_text())["people"][0]
    for word in (*PLANTED, person["salt"], person["pin_scrypt"]):
        assert word.encode() not in raw, word
        assert word.encode().hex().encode() not in raw, word
    assert (place / "b.tar.gz").stat().st_mode & 0o077 == 0
    log = found["logs/controller.log"].decode()
    assert "E2001 There is no serial port" in log
    assert "session of patient-" in log


def test_what_support_needs_is_there(place: Path) -> None:
    found = bundle_of(place)
    for name in (
        *("manifest.json", "doctor.json", "doctor.txt", "system.json", "config/controller.toml"),
        *("config/plans/short_check.toml", "journal/facts.json", "journal/extract.jsonl"),
        *("logs/controller.log", "flight/flight-000001-link-lost.jsonl"),
    ):
        assert found[name], name
    manifest = json.loads(found["manifest.json"])
    assert {each["name"] for each in manifest["members"]} == set(found) - {"manifest.json"}
    lines = [json.loads(line) for line in found["journal/extract.jsonl"].splitlines()]
    assert [line["kind"] for line in lines] == [
        *("journal_opened", "session_opened", "state_changed", "arm_closed")
    ]
    body = lines[1]["body"]
    assert body["patient"] == body["plan"]["patient"]
    assert body["patient"].startswith("patient-")
    assert lines[2]["body"]["reason"] == lines[3]["body"]["reason"] == REMOVED
    assert json.loads(found["journal/facts.json"])["head"] == 4
    assert "password_file" in found["config/controller.toml"].decode()
    assert "mqtt.example.org" in found["config/controller.toml"].decode()
    assert {line["name"] for line in json.loads(found["doctor.json"])} >= {"journal", "port"}


def test_a_broken_config_and_a_damaged_journal_are_no_reason_against_it(place: Path) -> None:
    toml = place / "config" / "controller.toml"
    spoil(toml, 'realm = "training"', 'realm = \npassword = "hunter2-broker"')
    (place / "state" / "journal" / "journal.db").write_bytes(b"rubbish" * 1_000)
    found = bundle_of(place)
    assert b"hunter2-broker" not in found["config/controller.toml"]
    assert "error" in json.loads(found["journal/facts.json"])
    where = ("--config", place / "config", "--out", place / "c.tar.gz")
    assert in_process("support-bundle", *where).code == 0


def test_bundles_of_faults_are_bounded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_BUNDLES", 3)
    bundles = place / "state" / "bundles"
    for number in range(1, 6):
        path = place_of_next(bundles, "x")
        assert path.name == f"bundle-{number:06d}-x.tar.gz"
        bundles.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert len(list(bundles.iterdir())) == 3
    said = in_process(
        *("support-bundle", "--of-fault", "link-lost"),
        *("--state", place / "state", "--config", place / "config"),
    )
    assert said.code == 0, said.err
    assert len(list(bundles.iterdir())) == 3
    assert "manifest.json" in read_bundle(bundles / "bundle-000006-link-lost.tar.gz")


def test_a_file_that_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(b"no archive")
    with pytest.raises(RecordingUnreadable):
        read_bundle(tmp_path / "b.tar.gz")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('password = "hunter2"', False),
        ('  "my.Token" = "hunter2"', False),
        ('api_key = """\nhunter2\n"""', False),
        ("keys = [\n 'hunter2',\n]", False),
        ('pin = "hunter2"', False),
        ('password_file = "/etc/hunter2"', True),
        ('spinning = "hunter2"', True),
        ("passes = 'hunter2'", True),
        ('patient = "hunter2"', False),
        ('operator = "hunter2"', False),
    ],
)
def test_keys_of_config_files(text: str, kept: bool) -> None:
    assert ("hunter2" in Scrubber().toml(f"a = 1\n{text}\nb = 2\n")) is kept
    assert "b = 2" in Scrubber().toml(f"a = 1\n{text}\nb = 2\n")


def test_one_person_is_one_word_and_words_are_not_torn_apart() -> None:
    scrubber = Scrubber()
    assert scrubber.person("Ann") == scrubber.person("Ann") != scrubber.person("Annette")
    assert scrubber.patient("p-1") == "patient-1"
    assert scrubber.text("Ann Annette Annex p-1 p-10") == "person-1 person-2 Annex patient-1 p-10"
    scrubber.person("operator")
    scrubber.person("Op")
    assert scrubber.text("an operator: Op") == "an operator: Op"
    assert scrubber.plain({"actor": {"name": "Op", "role": "operator"}})["actor"]["name"] != "Op"
