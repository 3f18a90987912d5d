"""The tree of numbered errors and the pages that are printed from it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.errors import MicropenError
from controller.service.cli import app
from controller.service.endings import tell_of_defect
from controller.service.error_tree import error_page, meaning, numbered, tree
from controller.service.exit_codes import EXIT_CODES, exit_code_page

DOCS = Path(__file__).parents[2] / "docs"
ERRORS = [kind for kind in tree() if kind.__module__.startswith("controller.")]


def test_no_number_is_given_twice() -> None:
    numbers = [kind.number for kind in ERRORS]
    assert len(numbers) > 50
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: f"E{kind.number}")
def test_every_error_is_of_its_family_and_explains_itself(kind: type[MicropenError]) -> None:
    family = numbered()[kind.number // 1000 * 1000]
    assert issubclass(kind, family)
    assert kind.exit_code in EXIT_CODES
    for words in (meaning(kind), kind.cause, kind.action):
        assert words[0].isupper() or words[0] == "`"
        assert words.endswith((".", ").", "`."))
        assert "|" not in words


def test_the_pages_are_up_to_date() -> None:
    """To write them again: micropen errors > docs/errors.md; micropen errors --exit-codes > ..."""
    assert (DOCS / "errors.md").read_text() == error_page()
    assert (DOCS / "exit-codes.md").read_text() == exit_code_page()


def test_an_error_is_explained_by_its_number() -> None:
    for words in ("E2002", "2002", "e2002"):
        said = CliRunner().invoke(app, ["errors", words]).output
        assert "Another process holds the serial port." in said
        assert "Exit code: 20" in said
    assert set(numbered()) >= {1003, 2002, 5004, 8001}


def test_an_unknown_number_is_wrong_usage() -> None:
    error = CliRunner().invoke(app, ["errors", "E1"]).exception
    assert isinstance(error, MicropenError)
    assert error.exit_code == 2


def test_help_tells_every_exit_code() -> None:
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).output
    for code, words in EXIT_CODES.items():
        assert f"{code}  {words}" in said


def test_a_defect_has_a_number_too(capsys: pytest.CaptureFixture[str]) -> None:
    tell_of_defect(ValueError, ValueError("nobody foresaw this"), None)
    said = capsys.readouterr().err
    assert "ValueError: nobody foresaw this" in said
    assert "E9000" in said
    assert "Keep the log and report it" in said
