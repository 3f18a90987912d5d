"""The handbook can be believed: its buttons are on the screen, its alarms and keys are real."""

import json
import re
from pathlib import Path
from string import Formatter

import jsonschema
import pytest

from controller.service import terminal
from controller.session.alarms import KINDS
from tests.architecture import repo

HANDBOOK = Path("docs/handbook")
PRACTITIONER = HANDBOOK / "practitioner.md"
TEXTS = repo.ROOT / "controller" / "console" / "page" / "texts"
SAID_BY_STOP = repo.text(Path("controller/console/page/stop.js"))
EMPHASIS = re.compile(r"(?<![*\w])\*([^*\n]+)\*(?!\*)")
NOT_BUTTONS = {"like this", "Certain", "possible", "online", "the pen"}
"""What is set in italics for its own sake."""


def on_the_screen() -> set[str]:
    """Every English text of the page, with `…` for what is filled in."""
    texts: dict[str, str] = {}
    for name in ("en.json", "calibrate.en.json"):
        texts |= json.loads((TEXTS / name).read_text())
    return {
        "".join(part + ("…" if field is not None else "") for part, field, *_ in parts)
        for parts in map(Formatter().parse, texts.values())
    }


@pytest.mark.parametrize("page", [PRACTITIONER, HANDBOOK / "technician.md"], ids=str)
def test_every_button_that_a_page_names_is_on_the_screen(page: Path) -> None:
    named = set(EMPHASIS.findall(repo.text(page))) - NOT_BUTTONS
    assert named
    assert named - on_the_screen() == set()


def test_the_alarms_of_the_page_are_all_that_there_are_with_their_priority() -> None:
    rows = re.findall(r"(?m)^\| ([^|]+\.) \| (high|medium|low) \|", repo.text(PRACTITIONER))
    assert dict(rows) == {kind.sentence: kind.priority.name.lower() for kind in KINDS.values()}


def test_the_keys_of_the_page_are_those_of_the_terminal() -> None:
    page = repo.text(PRACTITIONER).partition("| key | |")[2]
    named = {key for row in re.findall(r"(?m)^\| ([^|]+) \|", page) for key in key_names(row)}
    known = {key.strip() for key in re.findall(r"(SPACE or s|ENTER|\b\w) =", terminal.HELP)}
    assert named == {key for each in known for key in each.split(" or ")}


def key_names(cell: str) -> list[str]:
    return [each.strip("`") for each in re.findall(r"SPACE|ENTER|`\w`", cell)]


def test_what_stop_says_is_what_the_page_says() -> None:
    for words in ("NOT SENT: use the pen's own switch", "sent, not confirmed by the pen"):
        assert words in SAID_BY_STOP
        assert words in repo.text(PRACTITIONER)


@pytest.mark.parametrize(
    "page", [path for path in repo.files() if path.parent == HANDBOOK], ids=str
)
def test_every_page_for_a_person_says_what_this_is_not(page: Path) -> None:
    if page.name != "commands.md":
        assert re.search(r"[Nn]ot a cleared", repo.text(page))


def test_the_message_of_the_page_fits_its_schema() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", repo.text(HANDBOOK / "integrator.md"), re.DOTALL)
    schema = json.loads((repo.ROOT / "docs" / "schema" / "state.json").read_text())
    jsonschema.validate(json.loads(shown), schema)
