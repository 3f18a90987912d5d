"""`micropen calibrate`: every mistake is told before a journal is made or a port opened."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bills import CONFIG
from tests.support.command_line import in_process

SETUP = CONFIG / "calibration-setup.toml"


@pytest.fixture
def pen() -> Iterator[str]:
    """The path of something that could be a pen's port."""
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def changed(folder: Path, pattern: str, new: str) -> Path:
    """The shipped setup with one change."""
    text, count = re.subn(pattern, new, SETUP.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert count >= 1
    path = folder / "setup.toml"
    path.write_text(text)
    return path


def refused(folder: Path, *words: str | Path) -> tuple[int, int, str]:
    """Number, exit code and what was said; nothing may be left behind."""
    said = in_process("calibrate", *words, "--config", CONFIG, "--state", folder / "state")
    assert not (folder / "state").exists()
    return said.number, said.code, said.err


@pytest.mark.parametrize(
    ("pattern", "new", "number", "sentence"),
    [
        (r"^# due = .*?$", "due = 2026-03-01", 7080, "B200000001 was due on 2026-03-01"),
        (r"^doses_nl = .*?$", "doses_nl = [500, 5_000, 10_000]", 7020, "no band holds for 500 nl"),
        (r"^replicates = 10", "replicates = 3", 1003, "setup.toml:45: dose: fewer than"),
        (r"^resolution_ug = 100", "resolution_mg = 1", 1003, "did you mean resolution_ug?"),
        (r"^\[sensors\].*?^source.*?$", "", 1011, "has no table [sensors]"),
        (r"^pump_head = ", "pump_head ", 1002, "setup.toml:4: not TOML"),
    ],
)
def test_a_wrong_setup_is_told(
    tmp_path: Path, pen: str, pattern: str, new: str, number: int, sentence: str
) -> None:
    setup = changed(tmp_path, pattern, new)
    told, _, said = refused(tmp_path, "dose", "--program", "--setup", setup, "--port", pen)
    assert told == number
    assert sentence in said


def test_a_procedure_needs_its_own_tables_only(tmp_path: Path, pen: str) -> None:
    setup = changed(tmp_path, r"^\[balance\].*?^\[indicator\]", "[indicator]")
    cadence = refused(tmp_path, "cadence", "--setup", setup, "--port", pen, "--technician", "Ana")
    assert cadence[0] == 8011
    dose = refused(tmp_path, "dose", "--setup", setup, "--port", pen, "--technician", "Ana")
    assert dose[0] == 1011
    assert "[balance]" in dose[2]


@pytest.mark.parametrize(
    ("words", "number", "sentence"),
    [
        (("dose",), 1011, "Name yourself with --technician"),
        (("dose", "--technician", "Ana"), 8011, "is not a terminal"),
        (("dose", "--typed", "--balance", "/dev/x"), 1011, "either typed in or come"),
        (("dose", "--balance-line", "9600-9X1"), 1011, "like 9600-8N1 or 1200-7O1"),
        (("dose", "--program", "--balance", "/nowhere/b"), 7051, "no serial port at /nowhere/b"),
        (("abort", "--technician", "Ana", "--reason", "x"), 4033, "There is no open calibration"),
        (("abort", "--reason", "x"), 1011, "--technician"),
    ],
)
def test_what_was_typed_wrongly_is_told(
    tmp_path: Path, pen: str, words: tuple[str, ...], number: int, sentence: str
) -> None:
    port = () if words[0] == "abort" else ("--port", pen)
    told, _, said = refused(tmp_path, *words, *port)
    assert (told, sentence in said) == (number, True), said


def test_the_pen_s_port_is_not_the_balance_s(tmp_path: Path, pen: str) -> None:
    told = refused(tmp_path, "dose", "--program", "--port", pen, "--balance", pen)
    assert told[0] == 1011
    assert "is the pen's port" in told[2]
    gone = refused(tmp_path, "dose", "--program", "--port", "/nowhere/pen")
    assert gone[:2] == (2001, 20)
