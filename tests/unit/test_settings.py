"""`controller.toml`: what is accepted, and what has no default."""

from pathlib import Path

import pytest

from controller.errors import InputRejected
from controller.settings import Problem, load_settings
from tests.support.inputs import CONFIG, folder, spoil


def problems(path: Path) -> dict[str, Problem]:
    """Every mistake of a settings file, by key."""
    with pytest.raises(InputRejected) as caught:
        load_settings(path)
    return {each.key: each for each in caught.value.problems if isinstance(each, Problem)}


def test_the_shipped_settings_are_for_training_and_stream_nothing() -> None:
    settings = load_settings(CONFIG / "controller.toml")
    assert settings.realm == "training"
    assert settings.broker is None
    assert settings.policy.accept_provisional is False
    assert settings.console.host == "127.0.0.1"
    assert settings.state_folder.is_absolute()


@pytest.mark.hazard("H41")
@pytest.mark.parametrize(
    "line",
    ["realm = ", "site = ", "room = ", "state_folder = ", "path = ", "micro_dosing = ", "pen = "],
)
def test_a_setting_that_is_left_out_is_refused_and_named(tmp_path: Path, line: str) -> None:
    path = spoil(folder(tmp_path) / "controller.toml", f"\n{line}", f"\n# {line}")
    (found,) = problems(path).values()
    assert found.code == "missing_key"
    assert found.key.endswith(line.removesuffix(" = "))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::"])
def test_the_console_is_never_reachable_from_the_network(tmp_path: Path, host: str) -> None:
    path = spoil(folder(tmp_path) / "controller.toml", '"127.0.0.1"', f'"{host}"')
    assert problems(path)["console.host"].code == "not_loopback"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_is_accepted(tmp_path: Path, host: str) -> None:
    path = spoil(folder(tmp_path) / "controller.toml", '"127.0.0.1"', f'"{host}"')
    assert load_settings(path).console.host == host


def test_a_port_name_that_moves_with_every_plug_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path) / "controller.toml"
    spoil(path, "/dev/serial/by-id/usb-micropen-pen-if00", "/dev/ttyUSB0")
    found = problems(path)["pen_port.path"]
    assert found.code == "unstable_port"
    assert "/dev/serial/by-id/" in found.sentence


@pytest.mark.parametrize(("port", "fits"), [(0, False), (1, True), (65_535, True), (65_536, False)])
def test_ports_have_a_range_and_the_complaint_tells_it(
    tmp_path: Path, port: int, fits: bool
) -> None:
    path = spoil(folder(tmp_path) / "controller.toml", "port = 8080", f"port = {port}")
    if fits:
        assert load_settings(path).console.port == port
    else:
        assert "1 to 65535" in problems(path)["console.port"].sentence
