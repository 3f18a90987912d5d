"""`micropen install` and `uninstall` in a folder that stands for a machine; pip takes no part."""

import stat
import subprocess
import sys
from collections.abc import Container
from pathlib import Path

import pytest

from controller.errors import MicropenError
from controller.service.appliance import units
from controller.service.appliance.environments import Release
from controller.service.appliance.errors import (
    AccountMissing,
    InstallerBusy,
    NotARelease,
    NotInstalled,
    NotRoot,
    StepFailed,
)
from controller.service.appliance.ground import only_one
from controller.service.appliance.install import install
from controller.service.appliance.layout import RELEASE_FILE, Layout
from controller.service.appliance.machine import Machine
from controller.service.appliance.switches import current_slot, history, is_complete
from controller.service.appliance.uninstall import uninstall
from controller.service.appliance.update_errors import ReleaseDamaged
from controller.settings import load_settings
from tests.support.command_line import micropen
from tests.support.image import REPO, Image, fill, installed, release


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path / "root")


def tree(root: Path) -> dict[str, str]:
    """Every file and symlink below a folder, with what it says."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = str(path.readlink())
        elif path.is_file():
            found[str(path.relative_to(root))] = path.read_text()
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- install -----------------------------------------------------------------------------------


def test_the_first_installation_puts_everything_in_place(image: Image, tmp_path: Path) -> None:
    said = installed(image, tmp_path)
    place = image.layout
    assert (current_slot(place), is_complete(place.slot("a"))) == ("a", True)
    assert place.current_program.read_text() == "1.0.0"
    assert place.current.readlink() == Path("a")  # relative: right in the image and on the machine
    for path in (place.udev_rule, place.sysusers, place.tmpfiles, place.journald):
        assert mode(path) == 0o644
    assert mode(place.wrapper) == 0o755
    assert {path.name for path in place.units.iterdir()} >= {*units.ENABLED, *units.ON_REQUEST}
    assert [line["to"] for line in history(place)] == [
        {"slot": "a", "version": "1.0.0", "commit": "c" * 40}
    ]
    assert any("What to do next" in sentence for sentence in said)


def test_the_config_is_that_of_this_machine_and_closed_to_others(
    image: Image, tmp_path: Path
) -> None:
    installed(image, tmp_path)
    settings = load_settings(image.layout.config / "controller.toml")
    inside = Layout()
    assert settings.realm == "training"
    assert settings.state_folder == inside.training_state
    assert settings.pen_port.path == str(inside.pen_port)
    assert {mode(path) for path in image.layout.config.rglob("*.toml")} == {0o640}
    assert mode(image.layout.config) == mode(image.layout.config / "limits") == 0o750
    assert micropen("config", "check", "--config", image.layout.config).code == 0


def test_the_record_is_open_to_its_group_alone_and_the_group_is_handed_on(
    image: Image, tmp_path: Path
) -> None:
    installed(image, tmp_path)
    assert mode(image.layout.state) == 0o2750
    assert mode(image.layout.telemetry_state) == 0o2750
    assert mode(image.layout.archive_state) == 0o700


def test_the_second_time_it_is_an_update_and_the_config_stays(image: Image, tmp_path: Path) -> None:
    installed(image, tmp_path)
    settings = image.layout.config / "controller.toml"
    settings.write_text(settings.read_text().replace("room-1", "room-9"))
    (image.layout.config / "limits" / "ours.toml").write_text("# the clinician's")
    before = tree(image.layout.config)
    said = installed(image, tmp_path, "1.1.0")
    assert (current_slot(image.layout), image.layout.current_program.read_text()) == ("b", "1.1.0")
    assert (image.layout.slot("a") / "bin" / "micropen").read_text() == "1.0.0"
    assert tree(image.layout.config) == before
    assert not any("What to do next" in sentence for sentence in said)
    installed(image, tmp_path, "1.2.0")
    assert current_slot(image.layout) == "a"
    assert [line["why"] for line in history(image.layout)] == [
        "install",
        "update",
        "update",
    ]


def test_what_cannot_be_built_leaves_the_running_program_alone(
    image: Image, tmp_path: Path
) -> None:
    installed(image, tmp_path)
    before = tree(image.layout.root)

    def broken(machine: Machine, slot: str, made: Release) -> None:
        fill(machine, slot, made)
        raise StepFailed("`pip install` ended with 1")

    with pytest.raises(StepFailed):
        install(image, release(tmp_path / "r2", "2.0.0"), print, broken)
    after = tree(image.layout.root)
    assert {k: v for k, v in after.items() if not k.startswith("opt/micropen/b/")} == before
    assert not is_complete(image.layout.slot("b"))
    installed(image, tmp_path, "2.0.1")
    assert image.layout.current_program.read_text() == "2.0.1"


def test_what_a_person_changed_in_the_system_is_kept(image: Image, tmp_path: Path) -> None:
    installed(image, tmp_path)
    image.layout.udev_rule.write_text("# our pen\n")
    said = installed(image, tmp_path, "1.1.0")
    assert image.layout.udev_rule.read_text() == "# our pen\n"
    beside = image.layout.udev_rule.with_name("60-micropen.rules.new")
    assert "micropen/pen" in beside.read_text()
    assert any("60-micropen.rules" in sentence and "stays" in sentence for sentence in said)


def test_a_file_that_a_newer_release_has_no_more_goes(image: Image, tmp_path: Path) -> None:
    def with_more(machine: Machine, slot: str, made: Release) -> None:
        fill(machine, slot, made)
        shipped = machine.layout.slot(slot) / "share" / "micropen" / "systemd"
        (shipped / "micropen-old.service").write_text("[Service]\n")

    install(image, release(tmp_path / "r1"), print, with_more)
    assert (image.layout.units / "micropen-old.service").exists()
    installed(image, tmp_path, "1.1.0")
    assert not (image.layout.units / "micropen-old.service").exists()


def test_accounts_without_systemd_sysusers(tmp_path: Path) -> None:
    image = Image(tmp_path / "root", programs=())
    said = installed(image, tmp_path)
    inside = f"--root {image.layout.root}"
    assert f"groupadd {inside} --system micropen-record" in image.ran
    assert f"usermod {inside} --append --groups micropen-pen micropen" in image.ran
    (line,) = [
        line
        for line in image.ran
        if line.startswith("useradd") and line.endswith("micropen-telemetry")
    ]
    assert "--gid micropen-record" in line
    assert "--shell /usr/sbin/nologin" in line
    assert any("no systemctl" in sentence for sentence in said)
    image.ran.clear()
    installed(image, tmp_path, "1.1.0")
    assert not any(line.startswith(("groupadd", "useradd")) for line in image.ran)


def test_a_machine_that_runs_is_told_and_its_units_started(tmp_path: Path) -> None:
    image = Image(tmp_path / "root", boots=True)
    installed(image, tmp_path)
    wanted = ["daemon-reload", "enable", "start", "restart micropen-controller"]
    found = [at for at, line in enumerate(image.ran) for word in wanted if f" {word}" in line]
    assert found == sorted(found)
    assert len(found) >= len(wanted)


def test_a_record_of_an_earlier_system_is_taken_over(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = image.layout.state / "treatment" / "journal.db"
    old.parent.mkdir(parents=True)
    old.write_text("entries")
    old.chmod(0o640)
    given: list[Path] = []
    give = Image.give

    def remembered(self: Image, path: Path, user: str, group: str, wanted: int) -> None:
        given.append(path)
        give(self, path, user, group, wanted)

    monkeypatch.setattr(Image, "give", remembered)
    monkeypatch.setattr(Image, "owner_is_another", lambda _self, path, _user: path.exists())
    installed(image, tmp_path)
    assert {old, old.parent, image.layout.state} <= set(given)
    assert (old.read_text(), mode(old)) == ("entries", 0o640)


def test_the_second_time_the_service_is_stopped_asked_and_started(tmp_path: Path) -> None:
    image = Image(tmp_path / "root", boots=True)
    installed(image, tmp_path)
    image.ran.clear()
    installed(image, tmp_path, "1.1.0")
    words = ("preflight", "systemctl stop", "daemon-reload", "restart micropen-controller")
    found = [next(at for at, line in enumerate(image.ran) if word in line) for word in words]
    assert found == sorted(found)


def test_the_installer_needs_nothing_but_python(tmp_path: Path) -> None:
    """The first time there is no environment: no site-packages, nothing of the caller."""
    code = f"import sys; sys.path.insert(0, {str(REPO)!r}); import controller.service.appliance"
    names = ("__main__", "packing")
    imports = "".join(f"; import controller.service.appliance.{name}" for name in names)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code + imports],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- uninstall ---------------------------------------------------------------------------------


def test_uninstall_removes_what_was_put_and_nothing_else(image: Image, tmp_path: Path) -> None:
    others = image.layout.units / "other.service"
    others.parent.mkdir(parents=True)
    others.write_text("[Service]\n")
    before = tree(image.layout.root)
    installed(image, tmp_path)
    installed(image, tmp_path, "1.1.0")
    record = image.layout.training_state / "journal" / "journal.db"
    record.parent.mkdir(parents=True)
    record.write_text("entries")
    config, accounts = tree(image.layout.config), image.layout.at("etc/passwd").read_text()
    said: list[str] = []
    uninstall(image, said.append)
    assert record.read_text() == "entries"
    assert tree(image.layout.config) == config
    assert image.layout.at("etc/passwd").read_text() == accounts
    left = tree(image.layout.root).keys() - before.keys()
    stays = ("etc/micropen/", "var/lib/micropen", "opt/micropen/switches.jsonl")
    assert {name for name in left if not name.startswith(stays)} == set()
    assert history(image.layout)[-1]["to"] is None
    assert str(image.layout.state) in said[-1]


def test_uninstall_keeps_what_a_person_changed(image: Image, tmp_path: Path) -> None:
    installed(image, tmp_path)
    image.layout.udev_rule.write_text("# our pen\n")
    said: list[str] = []
    uninstall(image, said.append)
    assert image.layout.udev_rule.read_text() == "# our pen\n"
    assert any("60-micropen.rules" in sentence for sentence in said)


def test_after_uninstall_it_can_be_installed_again(image: Image, tmp_path: Path) -> None:
    installed(image, tmp_path)
    uninstall(image, print)
    with pytest.raises(NotInstalled):
        uninstall(image, print)
    said = installed(image, tmp_path, "1.1.0")
    assert image.layout.current_program.read_text() == "1.1.0"
    assert f"{image.layout.config} stays as it is." in said


def test_units_are_stopped_and_disabled_before_their_files_go(tmp_path: Path) -> None:
    image = Image(tmp_path / "root", boots=True)
    installed(image, tmp_path)
    image.ran.clear()
    uninstall(image, print)
    stop, disable, reload = (
        next(at for at, line in enumerate(image.ran) if word in line)
        for word in ("systemctl stop", "disable", "daemon-reload")
    )
    assert stop < disable < reload


# --- refusals ----------------------------------------------------------------------------------


def test_only_root_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1_000)
    machine = Machine(Layout(tmp_path))
    with pytest.raises(NotRoot, match="E8060") as told:
        install(machine, tmp_path, print)
    assert "sudo" in str(told.value)
    with pytest.raises(NotRoot):
        uninstall(machine, print)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (RELEASE_FILE, None),
        (RELEASE_FILE, "{"),
        (RELEASE_FILE, '{"version": "1"}'),
        ("micropen-1.0.0-py3-none-any.whl", None),
        ("micropen-1.0.0-py3-none-any.whl", "another wheel"),
        ("micropen-0.9.0-py3-none-any.whl", "a second one"),
        ("run.txt", "# another lock"),
    ],
)
def test_a_folder_that_is_no_whole_release_is_refused(
    image: Image, tmp_path: Path, name: str, content: str | None
) -> None:
    folder = release(tmp_path / "r")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises((NotARelease, ReleaseDamaged)):
        install(image, folder, print, fill)
    assert not image.layout.programs.exists()


def test_two_installers_do_not_meet(image: Image, tmp_path: Path) -> None:
    with only_one(image.layout), pytest.raises(InstallerBusy):
        installed(image, tmp_path)
    installed(image, tmp_path, "1.1.0")


def test_a_step_that_fails_says_what_the_system_said(tmp_path: Path) -> None:
    machine = Machine(Layout(tmp_path))
    with pytest.raises(StepFailed, match="no such thing") as told:
        machine.run("sh", "-c", "echo no such thing >&2; exit 3")
    assert "ended with 3" in str(told.value)
    with pytest.raises(StepFailed, match="cannot be run"):
        machine.run(tmp_path / "nothing")
    assert machine.run("sh", "-c", "umask").strip().endswith("022")


def test_a_service_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    class Sick(Image):
        def run(self, *words: str | Path, accept: Container[int] = (0,)) -> str:
            if words[:2] == ("systemctl", "restart"):
                raise StepFailed("`systemctl restart` ended with 1")
            said = super().run(*words, accept=accept)
            return "E1001 controller.toml cannot be opened" if words[0] == "journalctl" else said

    with pytest.raises(StepFailed, match="E1001") as told:
        installed(Sick(tmp_path / "root", boots=True), tmp_path)
    assert "`systemctl restart` ended with 1" in str(told.value)


def test_an_account_that_is_not_there_is_named(image: Image) -> None:
    with pytest.raises(AccountMissing, match="has no nobody-we-know"):
        image.give(image.layout.root, "nobody-we-know", "root", 0o755)
    assert issubclass(AccountMissing, MicropenError)
