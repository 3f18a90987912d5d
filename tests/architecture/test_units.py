"""The units of systemd: sound, closed, and of one piece with the program that they start.

`systemd-analyze` judges them as they ship, in a root of their own with a program of the right name.
"""

import re
import shlex
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer

from controller.service.appliance import units
from controller.service.appliance.accounts import ARCHIVE, CONTROLLER, READERS, TELEMETRY
from controller.service.appliance.layout import Layout
from controller.service.appliance.placing import destinations
from controller.service.cli import app
from controller.service.exit_codes import EXIT_CODES
from tests.architecture.repo import ROOT

UNITS = sorted((ROOT / "config" / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
SYSTEM = ROOT / "config" / "system"
HIGHEST_EXPOSURE = 25
"""Tenths, as `systemd-analyze security --threshold` counts: under 2.5."""
ANALYZE = shutil.which("systemd-analyze")
NAMED_PATH = re.compile(r"(?<![\w.])/(?:opt|etc|var|usr|run|dev)/[\w./-]*\w")


class Settings(dict[str, list[str]]):
    """One section of a unit: each key with all its values."""

    def one(self, key: str) -> str:
        (value,) = self[key]
        return value


def read(path: Path, section: str = "Service") -> Settings:
    found, inside = Settings(), ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            inside = line.strip("[]")
        elif "=" in line and not line.startswith("#") and inside == section:
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.fixture(scope="module")
def analyze() -> str:
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed: sh requirements/systemd.sh brings it")
    return ANALYZE


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Units of this system and ours, and a program where ours look for it."""
    made = tmp_path_factory.mktemp("root")
    layout = Layout(made)
    places = (Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
    system = next((place for place in places if place.is_dir()), None)
    if system is not None:
        shutil.copytree(system, made / "usr/lib/systemd/system", symlinks=True)
    layout.units.mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(unit, layout.units)
    layout.current_program.parent.mkdir(parents=True)
    shutil.copy("/bin/true", layout.current_program)
    return made


def commands() -> dict[str, Any]:
    """Every command of the program by its name."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def run(*words: str | Path) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


# --- what systemd says -------------------------------------------------------------------------


def test_systemd_has_nothing_to_say_about_any_unit(analyze: str, root: Path) -> None:
    files = sorted(Layout(root).units.iterdir())
    assert len(files) == 6
    assert run(analyze, "verify", f"--root={root}", "--man=no", *files) == (0, "")


def test_systemd_would_say_something(analyze: str, root: Path) -> None:
    text = (ROOT / "config/systemd/micropen-telemetry.service").read_text()
    broken = root / "etc/systemd/system/broken.service"
    broken.write_text(text.replace("RestartSec=10", "RestartSec=soon"))
    said = run(analyze, "verify", f"--root={root}", "--man=no", broken)[1]
    broken.unlink()
    assert "broken.service:" in said


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.stem)
def test_each_service_is_closed(analyze: str, root: Path, service: Path) -> None:
    threshold = f"--threshold={HIGHEST_EXPOSURE}"
    words = (analyze, "security", "--offline=true", "--no-pager", threshold)
    code, said = run(*words, f"--root={root}", service.name)
    assert code == 0, said
    (score,) = re.findall(r"Overall exposure level for \S+: (\d+\.\d+)", said)
    assert float(score) * 10 < HIGHEST_EXPOSURE


# --- of one piece with the program -------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.stem)
def test_what_a_service_starts_is_a_command_with_these_options(service: Path) -> None:
    program, *words = shlex.split(read(service).one("ExecStart"))
    assert Path(program) == Layout().current_program
    name, *arguments = words
    options = {option for each in commands()[name].params for option in each.opts}
    assert {word for word in arguments if word.startswith("-")} <= options


@pytest.mark.parametrize("file", [*UNITS, *SYSTEM.iterdir()], ids=lambda path: path.name)
def test_every_path_is_one_of_the_layout(file: Path) -> None:
    layout = Layout()
    known = {layout.current_program, layout.config, layout.state, layout.telemetry_state}
    known |= {layout.archive_state, layout.config / "controller.toml"}
    known |= {Path("/usr/sbin/nologin"), Path("/dev/ttyACM0")}
    found = {Path(name) for name in NAMED_PATH.findall(file.read_text())}
    assert found <= known


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.stem)
def test_what_no_restart_mends_is_a_code_of_ours(service: Path) -> None:
    codes = [
        int(code) for code in " ".join(read(service).get("RestartPreventExitStatus", [])).split()
    ]
    assert set(codes) <= EXIT_CODES.keys() - {0, 1}
    assert bool(codes) is (read(service).get("Restart") == ["on-failure"])


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.stem)
def test_its_account_and_folder_are_made_by_the_installer(service: Path) -> None:
    settings = read(service)
    accounts = (SYSTEM / "micropen.sysusers").read_text()
    folders = (SYSTEM / "micropen.tmpfiles").read_text()
    user, group, name = (settings.one(key) for key in ("User", "Group", "StateDirectory"))
    assert re.search(rf"^u {user} -:{group} ", accounts, re.MULTILINE)
    mode = settings.one("StateDirectoryMode")
    line = rf"^d /var/lib/{name} +{mode} {user} +{group} +-$"
    assert re.search(line, folders, re.MULTILINE)
    assert user in {CONTROLLER, TELEMETRY, ARCHIVE}


def test_the_record_belongs_to_a_group_that_cannot_write_it() -> None:
    controller = read(ROOT / "config/systemd/micropen-controller.service")
    assert (controller.one("Group"), controller.one("UMask")) == (READERS, "0027")
    assert controller.one("StateDirectoryMode") == "2750"


def test_the_controller_has_no_network_and_its_door_is_on_loopback() -> None:
    service = read(ROOT / "config/systemd/micropen-controller.service")
    assert service.one("PrivateNetwork") == "yes"
    assert service.one("RestrictAddressFamilies") == "AF_UNIX"
    socket = read(ROOT / "config/systemd" / units.SOCKET, "Socket")
    assert socket.one("ListenStream").startswith("127.0.0.1:")
    assert socket.one("Service") == units.CONTROLLER
    assert socket.one("IPAddressAllow") == "localhost"


def test_every_unit_is_known_to_the_installer() -> None:
    named = {*units.ENABLED, *units.ON_REQUEST, "micropen-doctor.service"}
    assert {path.name for path in UNITS} == named
    installed = {path for path in UNITS if "Install" in path.read_text().partition("[Install")[1]}
    assert {path.name for path in installed} == {*units.ENABLED, *units.ON_REQUEST}


def test_every_system_file_has_a_destination() -> None:
    shipped = {path for path in destinations(Layout(), ROOT / "config") if path.parent == SYSTEM}
    assert shipped == set(SYSTEM.iterdir())


# --- the other system files --------------------------------------------------------------------


def test_the_udev_rule_can_be_read() -> None:
    """Key, operator, quoted value, comma; a comment has a line of its own."""
    lines = (SYSTEM / "60-micropen.rules").read_text().splitlines()
    rules = [line.removeprefix("#") for line in lines if re.match(r"#?[A-Z]+[^ ]*[!=]=?\"", line)]
    assert len(rules) > 10
    word = r'[A-Z]+(\{[\w./]+\})?(==|!=|=|\+=)"[^"]*"'
    assert [line for line in rules if not re.fullmatch(rf"{word}(, {word})*", line)] == []
    said = "\n".join(rules)
    for needed in ('GROUP="micropen-pen"', 'MODE="0660"', 'SYMLINK+="micropen/pen"'):
        assert needed in said
    jumps = set(re.findall(r'GOTO="(\w+)"', said))
    assert jumps == set(re.findall(r'LABEL="(\w+)"', said))


def test_the_log_is_bounded() -> None:
    parser = RawConfigParser()
    parser.read(SYSTEM / "micropen.journald")
    assert {"systemmaxuse", "runtimemaxuse", "maxretentionsec"} <= set(parser["Journal"])


def test_the_wrapper_is_sound_and_leaves_no_file_of_the_record_to_root() -> None:
    wrapper = SYSTEM / "micropen.sh"
    assert run("sh", "-n", wrapper) == (0, "")
    text = wrapper.read_text()
    as_root = set(re.findall(r'"0 ([\w-]+)"', text))
    assert as_root <= commands().keys()
    assert f"--reuid={CONTROLLER} --regid={READERS} --init-groups" in text
