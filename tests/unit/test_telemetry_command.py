"""`micropen telemetry` and `archive`: which process they become, from options and settings."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.errors import WrongUsage
from controller.service.cli import app
from tests.support.inputs import folder

ROOM = ["--broker", "h:1", "--site", "s", "--room", "r"]
BROKER = """
[broker]
host = "mqtt.example.org"
port = 8883
username = "room-1"
password_file = "/etc/micropen/broker.password"
archive = "archive-1"
signing_key_file = "/etc/micropen/archive.key"
"""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that this process would have become."""
    commands: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, command: commands.append(command))
    return commands


def ask(*words: str) -> BaseException | None:
    return CliRunner().invoke(app, list(words)).exception


def test_everything_typed_needs_no_config(became: list[list[str]], tmp_path: Path) -> None:
    nowhere = ("--config", str(tmp_path))
    telemetry = ("telemetry", "--journal", "j", *ROOM, "--archive", "--username", "u")
    assert ask(*telemetry, *nowhere) is None
    keyed = ("archive", "--folder", "f", *ROOM, "--ca-file", "c", "--signing-key-file", "k")
    assert ask(*keyed, *nowhere) is None
    assert became == [
        [
            *(sys.executable, "-m", "controller.record.telemetry", *ROOM),
            *("--username", "u", "--journal", "j", "--archive"),
        ],
        [
            *(sys.executable, "-m", "controller.record.archive", *ROOM),
            *("--ca-file", "c", "--signing-key-file", "k", "--folder", "f", "--name", "archive"),
        ],
    ]


def test_what_is_not_typed_is_in_controller_toml(became: list[list[str]], tmp_path: Path) -> None:
    config = folder(tmp_path)
    with (config / "controller.toml").open("a") as file:
        file.write(BROKER)
    assert ask("telemetry", "--config", str(config), "--state", "/s") is None
    assert became[0][3:] == [
        *("--broker", "mqtt.example.org:8883", "--site", "example-clinic", "--room", "room-1"),
        *("--username", "room-1", "--password-file", "/etc/micropen/broker.password"),
        *("--signing-key-file", "/etc/micropen/archive.key"),
        *("--journal", "/s/journal", "--state", "/s/telemetry", "--archive"),
    ]


def test_tls_without_a_file_uses_the_system_s_authorities(
    became: list[list[str]], tmp_path: Path
) -> None:
    config = folder(tmp_path)
    with (config / "controller.toml").open("a") as file:
        file.write(BROKER + "tls = true\n")
    assert ask("telemetry", "--config", str(config), "--no-archive") is None
    assert "--ca-file" in became[0]
    assert "--archive" not in became[0]


def test_without_a_broker_nothing_is_started(became: list[list[str]], tmp_path: Path) -> None:
    error = ask("telemetry", "--config", str(folder(tmp_path)))
    assert isinstance(error, WrongUsage)
    assert "[broker]" in str(error)
    assert became == []
