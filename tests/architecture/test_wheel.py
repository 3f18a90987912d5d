"""The wheel as a stranger gets it: built from the committed files, installed apart, then used."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.architecture import repo

pytestmark = pytest.mark.slow

COMMANDS = [
    ["--help"],
    ["config", "check"],
    ["plan", "check", "lower_face_one_side"],
    ["simulate", "--plan", "short_check", "--no-progress", "--folder", "run"],
]
"""What the installed program must do with exit code 0, in an empty folder."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the committed files, so that nothing of this tree is touched."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for path in repo.files():
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repo.ROOT / path, target)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, source, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`micropen` in an environment of its own, from the wheel and the run lock alone."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    _run(*pip, "--require-hashes", "-r", repo.ROOT / "requirements" / "run.txt", cwd=home)
    _run(*pip, "--no-deps", "--no-index", wheel, cwd=home)
    _run(python, "-m", "pip", "check", cwd=home)
    return home / "bin" / "micropen"


def test_the_wheel_holds_the_three_packages_and_their_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names if not name.startswith("micropen-")}
    assert tops == set(repo.PRODUCTION)
    modules = {str(path) for path in repo.python_files(*repo.PRODUCTION)}
    assert modules <= set(names)
    assert "protocol/SPEC.md" in names
    page = {str(path) for path in repo.files() if path.is_relative_to("controller/console/page")}
    assert page
    assert page <= set(names)


def test_the_wheel_holds_the_config_folder_and_the_files_of_the_system(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    shared = {name.partition("/data/share/micropen/")[2] for name in names}
    ours = {str(path) for path in repo.files() if path.parts[0] == "config"}
    apart = {name: name.removeprefix("config/") for name in ours if not name.endswith(".toml")}
    assert {name.split("/")[0] for name in apart.values()} == {"system", "systemd"}
    assert shared - {""} == {apart.get(name, name) for name in ours}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_installed_program_works(program: Path, arguments: list[str], tmp_path: Path) -> None:
    assert _run(program, *arguments, cwd=tmp_path)


def _run(*command: str | Path, cwd: Path) -> str:
    """Run outside of this environment; fails with what the command wrote."""
    outside = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    run = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"{command}: {run.stdout}{run.stderr}"
    return run.stdout
