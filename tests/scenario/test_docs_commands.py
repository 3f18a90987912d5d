"""Every command that a page tells people to type is typed here, or a table says why it is not.

A new command fails with its place until it stands in one of the tables. What is not typed for real
still has its options read by the real command line, and its make target looked up.
"""

import asyncio
import contextlib
import importlib
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
import typer

from controller.pen.identity import text_of
from controller.record import options
from controller.record.events import hex_id
from controller.service.cli import app
from controller.service.commands import telemetry
from controller.service.commands.simulate import DEFAULT_PLAN
from controller.service.looking import look
from controller.service.places import plan_file
from tests.architecture import repo
from tests.scenario.test_cli_certificates import issued, recorded
from tests.support.command_line import Said, environment, in_process
from tests.support.docs_commands import Command, blocks, pages, spans
from tests.support.docs_place import Place
from tests.support.inputs import CONFIG

# --- the tables ---------------------------------------------------------------------------------


def _certified(place: Place) -> None:
    """A pen's calibrations and its certificate are on record."""
    place.without_journal()
    issued(place.state)


def _measured(place: Place) -> None:
    """The connected pen's calibrations are on record, and no certificate."""
    place.without_journal()
    pen = asyncio.run(look("pen"))
    recorded(
        place.state,
        pen_uid=hex_id(pen.identity.uid),
        firmware=text_of(pen.identity.firmware),
        cartridge_type=pen.cartridge.type_code,
    )


class Typed(NamedTuple):
    """How a command is typed here. `ends`: its exit codes; `number`: the error it must end with."""

    ends: tuple[int, ...] = (0,)
    number: int | None = None
    before: Callable[[Place], None] | None = None
    more: tuple[str, ...] = ()
    pen: bool = False


NO_TERMINAL = Typed((80,), 8011, pen=True)
"""Everything is checked, then a person at a terminal is wanted, and there is none."""

TYPED: dict[str, Typed] = {
    "run --plan": NO_TERMINAL,
    "run --resume": NO_TERMINAL._replace(before=Place.interrupted),
    "plan check": Typed(),
    "config check": Typed(),
    "config schema": Typed(),
    "pen info": Typed(pen=True),
    "pen certify": Typed(pen=True),
    "pen enrol": Typed(pen=True),
    "session list": Typed(),
    "session show": Typed(),
    "session verify": Typed(),
    "session export": Typed(),
    "session seal": Typed(before=Place.interrupted),
    "people list": Typed(),
    "people add": Typed(),
    "people remove": Typed(before=Place.peopled),
    "calibrate status": Typed(before=_certified),
    "calibrate dose": NO_TERMINAL,
    "calibrate protrusion": NO_TERMINAL,
    "calibrate cadence": NO_TERMINAL,
    "calibrate certificate issue": Typed(before=_measured, pen=True),
    "calibrate certificate list": Typed(before=_certified),
    "calibrate certificate show": Typed(before=_certified),
    "calibrate certificate export": Typed(before=_certified),
    "telemetry": Typed(),
    "archive": Typed(),
    "preflight": Typed((0, 80), pen=True),
    "migrate": Typed(),
    "doctor": Typed((0, 80), more=("--fsync-rounds", "5"), pen=True),
    "support-bundle": Typed(),
    "replay": Typed(),
    "backup": Typed(),
    "restore": Typed(before=Place.backed_up),
    "errors": Typed(),
}
"""Path of the command, or path and option, the longest that fits -> how it is typed."""

NOT_TYPED: dict[str, str] = {
    "simulate": "takes a minute; tests/scenario/test_cli_short_session.py",
    "serve": "runs until it is told to end; tests/scenario/test_screen_real.py",
    "calibrate dose --program": "takes an hour; tests/scenario/test_calibration_dose.py",
    "calibrate cadence --program": "takes a minute; tests/scenario/test_calibration_processes.py",
    "calibrate abort": "needs an open calibration; tests/scenario/test_calibration_disturbed.py",
    "replay --pace": "takes as long as it took; tests/scenario/test_replay.py",
    "install": "root, a release and pip; tests/unit/test_appliance_install.py, `make appliance`",
    "uninstall": "root and what was installed; tests/unit/test_appliance_install.py",
    "update": "root and two releases; tests/unit/test_update_killed.py, `make appliance`",
    "rollback": "root and two releases; tests/unit/test_rollback.py, `make appliance`",
    "pen conformance": "takes minutes; tests/scenario/test_conformance_tool.py",
}
"""The same -> why not. Its options are read by the real command line all the same."""

OTHER_PROGRAMS: dict[str, str] = {
    "systemctl": "no systemd in a test",
    "journalctl": "no systemd in a test",
    "mount": "root, and a file system of its own",
}
"""First word -> why it is not run. What is in no table fails."""

FILES = ("mv", "cp", "mkdir", "ls")
"""Programs that are run for real, on the files of the room."""

SHELL = {"head -c 32 /dev/urandom > archive.key": "archive.key"}
"""Lines that a shell runs here -> the file that must be there afterwards."""

# --- typing them --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place.make(tmp_path_factory.mktemp("docs") / "room")


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block[0].page}:{block[0].line}")
def test_every_block_of_commands_does_what_its_page_says(
    block: list[Command], template: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = template.copy(tmp_path / "room")
    monkeypatch.chdir(place.root)
    with place.pen() if any(needs_pen(command) for command in block) else contextlib.nullcontext():
        for command in block:
            do(command, place)


def needs_pen(command: Command) -> bool:
    words = unprefixed(command.words)
    return words[:1] == ["micropen"] and longest(TYPED, words[1:], Typed()).pen


def do(command: Command, place: Place) -> None:
    """Do what this one is for, or fail with its place."""
    words = unprefixed(command.words)
    match words[0]:
        case "micropen":
            do_micropen(command, words[1:], place)
        case "make":
            check_make(command, words[1:])
        case "python" if words[1:2] == ["-m"]:
            do_module(command, words[2], [place.meant(word) for word in words[3:]])
        case program if program in FILES:
            here = [place.meant(word) for word in words]
            subprocess.run(here, check=True, cwd=place.root, stdout=subprocess.DEVNULL)
        case program if command.text in SHELL:
            subprocess.run(["sh", "-c", command.text], check=True, cwd=place.root)
            assert (place.root / SHELL[command.text]).stat().st_size > 0, program
        case program:
            assert program in OTHER_PROGRAMS, f"{command}: in no table of this file"


def do_micropen(command: Command, words: list[str], place: Place) -> None:
    parse(command, words)
    how = longest(TYPED, words, None)
    if longest(NOT_TYPED, words, None) is not None:
        return
    assert how is not None, f"{command}: in no table of this file"
    if how.before is not None:
        how.before(place)
    more = how.more if not set(how.more) & set(words) else ()
    said = typed([*(place.meant(word) for word in words), *more])
    assert said.code in how.ends, f"{command}\n{said.out}{said.err}"
    if how.number is not None:
        assert said.number == how.number, f"{command}\n{said.err}"


def typed(words: list[str]) -> Said:
    """Type it where no terminal is, with a PIN for whoever is asked for one."""
    with (
        patch.object(sys, "stdin", io.StringIO()),
        patch.object(typer, "prompt", lambda *_, **__: "4711"),
        patch.object(telemetry, "become", becomes),
    ):
        return in_process(*words)


def becomes(module: str, arguments: list[str]) -> None:
    """In place of `exec`: the program that it would become reads its arguments, and no more."""
    with patch.object(options, "run_process", lambda *_, **__: 0):
        assert importlib.import_module(module).main(arguments) == 0


def parse(command: Command, words: list[str]) -> Any:
    """Read a command as typer would, and stop before it runs."""
    node: Any = typer.main.get_command(app)
    left = list(words)
    while hasattr(node, "commands"):
        assert left, f"{command}: what of it?"
        assert left[0] in node.commands, f"{command}: there is no `{left[0]}`"
        node = node.commands[left.pop(0)]
    with node.make_context(command.text, left) as context:
        return context


def longest(table: dict[str, Any], words: list[str], otherwise: Any) -> Any:
    """The entry whose words all stand in the command, path first; of several the longest."""
    fits = [
        key
        for key in table
        if words[: len(path_of(key))] == path_of(key) and set(key.split()) <= set(words)
    ]
    return table[max(fits, key=len)] if fits else otherwise


def path_of(key: str) -> list[str]:
    return [word for word in key.split() if not word.startswith("-")]


def unprefixed(words: list[str]) -> list[str]:
    """Without what comes before the program: sudo, and the folder of the environment."""
    words = words[1:] if words[:1] == ["sudo"] else words
    return [words[0].removeprefix(".venv/bin/"), *words[1:]] if words else words


# --- make and modules ---------------------------------------------------------------------------

MAKE = repo.text(Path("Makefile"))


def check_make(command: Command, words: list[str]) -> None:
    """The targets exist; what goes to `micropen simulate` can be read by it."""
    targets = [word for word in words if "=" not in word and not word.startswith("-")]
    assert targets, f"{command}: make what?"
    for target in targets:
        assert re.search(rf"(?m)^{re.escape(target)}:", MAKE), f"{command}: no target {target}"
    for word in words:
        if targets == ["run"] and word.startswith("ARGS="):
            context = parse(command, ["simulate", *word.removeprefix("ARGS=").split()])
            assert plan_file(context.params["plan"] or Path(DEFAULT_PLAN), CONFIG).exists()


def do_module(command: Command, module: str, words: list[str]) -> None:
    """The simulator starts, says where it is, and ends when it is told; others are looked up."""
    check_module(command, [module, *words])
    if module != "simulator":
        return
    at = words.index("--pty") + 1 if "--pty" in words else 0
    words[at] += "-of-the-page"  # the block's own pen is there already
    line = [sys.executable, "-m", module, *words]
    child = subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("simulator: "), str(command)
    finally:
        child.terminate()
        child.communicate()
    assert child.returncode == 0, str(command)


def check_module(command: Command, words: list[str]) -> None:
    """The module can be run, and its source knows every option."""
    found = importlib.util.find_spec(words[0])
    assert found is not None, f"{command}: no module {words[0]}"
    if found.submodule_search_locations:
        found = importlib.util.find_spec(f"{words[0]}.__main__")
    assert found is not None, f"{command}: {words[0]} cannot be run"
    assert found.origin is not None
    source = Path(found.origin).read_text()
    for word in words[1:]:
        assert not word.startswith("--") or f'"{word}"' in source, f"{command}: no {word}"


# --- names within sentences ---------------------------------------------------------------------


@pytest.mark.parametrize("page", pages(), ids=str)
def test_every_command_named_in_a_sentence_exists(page: Path) -> None:
    for span in of_page(page):
        words = unprefixed(span.text.split())
        if words[:1] == ["micropen"]:
            check_name(span, words[1:])
        elif words[:1] == ["make"] and words[1:]:
            check_make(span, [re.split(r"[^\w-]", words[1])[0]])
        elif words[:2] == ["python", "-m"]:
            check_module(span, words[2:])


def of_page(page: Path) -> Iterator[Command]:
    return (span for span in spans() if span.page == str(page))


def check_name(span: Command, words: list[str]) -> None:
    """The path exists and so does each option, whatever a page leaves out or writes in capitals."""
    node: Any = typer.main.get_command(app)
    while words and hasattr(node, "commands") and re.fullmatch(r"[a-z-]+", words[0]):
        if words[0].startswith("-"):
            break
        assert words[0] in node.commands, f"{span}: there is no `{words[0]}`"
        node = node.commands[words.pop(0)]
    known = {option for each in node.params for option in (*each.opts, *each.secondary_opts)}
    asked = {word.split("=")[0].strip("[]") for word in words if word.strip("[").startswith("-")}
    assert asked - {"--help"} <= known, f"{span}: no {asked - known}"


# --- nothing is left out ------------------------------------------------------------------------


def leaves(node: Any, path: str = "micropen") -> Iterator[str]:
    if not hasattr(node, "commands"):
        yield path
        return
    for name, each in node.commands.items():
        if not each.hidden:
            yield from leaves(each, f"{path} {name}")


HANDBOOK = [path for path in pages() if "handbook" in path.parts or str(path) == "README.md"]


@pytest.mark.parametrize("path", list(leaves(typer.main.get_command(app))))
def test_every_command_that_there_is_has_its_place_in_the_handbook(path: str) -> None:
    name = re.compile(rf"{re.escape(path)}(?![\w-])")
    assert any(name.search(repo.text(page)) for page in HANDBOOK), f"`{path}` is not documented"


def test_no_entry_of_the_tables_is_of_a_command_that_is_gone() -> None:
    known = {path.removeprefix("micropen ") for path in leaves(typer.main.get_command(app))}
    for key in (*TYPED, *NOT_TYPED):
        assert " ".join(path_of(key)) in known
    for reason in NOT_TYPED.values():
        for test in re.findall(r"tests/[\w/.]+", reason):
            assert (repo.ROOT / test).exists(), reason


def test_a_command_that_nobody_has_thought_of_is_noticed(template: Place) -> None:
    for text in ("micropen sessions", "micropen run --plann x", "rm -rf x", "make runn"):
        with pytest.raises((AssertionError, typer.BadParameter.__mro__[1])):
            do(Command("page.md", 1, text), template)
