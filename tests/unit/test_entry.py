"""`micropen serve` begins without every other command, and says the same."""

import subprocess
import sys

import pytest

from controller.service import entry
from tests.support.command_line import environment

LIGHT = """
import sys
sys.argv = ["micropen", "serve", "--help"]
from controller.service.entry import main
try:
    main()
except SystemExit as end:
    assert end.code == 0
every = {"controller.service.cli", "controller.service.doctor", "controller.service.conformance"}
assert not every & set(sys.modules), every & set(sys.modules)
"""
EVERY = """
import sys
sys.argv = ["micropen", "serve", "--help"]
from controller.service.cli import main
main()
"""


def _said(program: str) -> str:
    line = [sys.executable, "-c", program]
    return subprocess.run(
        line, check=True, env=environment(), capture_output=True, text=True
    ).stdout


def test_serve_reads_no_other_command_and_its_help_is_the_same() -> None:
    said = _said(LIGHT)
    assert "Usage: micropen serve [OPTIONS]" in said
    assert said == _said(EVERY)


def test_every_other_command_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["micropen", "errors"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 0
    assert "E1011" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--port"], ["--nothing"]])
def test_a_mistyped_option_is_refused_as_ever(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["micropen", "serve", *wrong])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
