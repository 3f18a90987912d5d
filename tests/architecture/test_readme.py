"""The README can be believed: its commands parse, its targets exist, its message is one."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import typer

from controller.service.cli import app
from tests.architecture import repo

README = repo.text(Path("README.md"))
FENCES = dict.fromkeys(("console", "json", "text"), "")
for _kind, _body in re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL):
    FENCES[_kind] += _body
COMMANDS = [line for line in FENCES["console"].splitlines() if line.startswith("micropen ")]
PAGES = [path for path in repo.files() if path.suffix == ".md" and path.parts[0] == "docs"]
INDENTED = [
    line.strip()
    for page in PAGES
    for line in repo.text(page).splitlines()
    if re.match(r"( {4}|> ?)micropen ", line)
]


def parse(line: str) -> None:
    """Take a command as typer would, and stop before it runs. Raises what a user would see."""
    _, *words = shlex.split(line)
    node = typer.main.get_command(app)
    while hasattr(node, "commands"):
        node = node.commands[words.pop(0)]
    with node.make_context(line, words):
        pass


def test_there_are_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("line", [*COMMANDS, *INDENTED])
def test_every_command_of_a_page_parses(line: str) -> None:
    parse(line)


@pytest.mark.parametrize(
    "line", ["micropen run --plann x", "micropen sessions", "micropen plan check"]
)
def test_a_command_that_does_not_parse_is_noticed(line: str) -> None:
    with pytest.raises((KeyError, typer.BadParameter, typer.BadParameter.__mro__[1])):
        parse(line)


def test_the_commands_that_are_named_are_those_that_exist() -> None:
    existing = set(getattr(typer.main.get_command(app), "commands", {}))
    assert set(re.findall(r"`micropen ([a-z-]+)", README)) <= existing
    assert {name for name in existing if f"micropen {name}" not in README} == set()


def test_every_make_target_exists() -> None:
    makefile = repo.text(Path("Makefile"))
    targets = set(re.findall(r"(?m)^(?: {4}|.*`)?make ([a-z]+)", README))
    assert {"run", "test"} <= targets
    assert {name for name in targets if not re.search(rf"(?m)^{name}:", makefile)} == set()


def test_every_plan_that_a_command_names_exists() -> None:
    plans = re.findall(r"--plan ([\w/.]+)", README)
    known = {path.stem for path in repo.files() if path.parts[:2] == ("config", "plans")}
    named = {Path(plan).stem for plan in plans} - {"my_plan"}
    assert named
    assert named <= known


def test_the_message_fits_its_schema() -> None:
    schema = json.loads((repo.ROOT / "docs" / "schema" / "state.json").read_text())
    jsonschema.validate(json.loads(FENCES["json"]), schema)
