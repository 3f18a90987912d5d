"""The ordinary suite is every test that there is."""

import tomllib

from tests.architecture.repo import ROOT


def test_no_folder_of_tests_is_left_out() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    wanted = {ROOT / name for name in options["testpaths"]}
    assert {folder for folder in folders if not wanted & {folder, *folder.parents}} == set()
