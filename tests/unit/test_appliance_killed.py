"""Killed at each operation on a file: a whole program runs, and the same command again goes on.

The process really ends (`os._exit` in a fork), so that no clean-up of Python's helps.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from controller.service.appliance import files
from controller.service.appliance.install import install
from controller.service.appliance.layout import SLOTS, Layout
from controller.service.appliance.manifest import Manifest
from controller.service.appliance.switches import (
    current_slot,
    history,
    idle_slot,
    is_complete,
    switch,
)
from controller.service.appliance.uninstall import uninstall
from tests.support.image import Image, fill, installed, release

OPERATIONS: Final = (
    *("open", "write", "fsync", "replace", "rename", "symlink"),
    *("unlink", "mkdir", "rmdir", "chmod", "chown"),
)
"""Functions of `os` that change files; pathlib and shutil end in them."""
KILLED: Final = 137


def killed_at(number: int, act: Callable[[], None]) -> bool:
    """Do `act` in a process that ends before its operation `number`; False when it has fewer."""
    child = os.fork()
    if child == 0:
        _die_before(number)
        try:
            act()
        except BaseException:
            os._exit(1)
            raise
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, KILLED}
    return code == KILLED


def _die_before(number: int) -> None:
    left = number

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*words: Any, **named: Any) -> Any:
            nonlocal left
            if left == 0:
                os._exit(KILLED)
            left -= 1
            return real(*words, **named)

        return operation

    for name in OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))


def check(layout: Layout) -> None:
    """What always holds: the program that is current is whole, and so is the list of switches."""
    slot = current_slot(layout)
    assert slot is not None
    assert is_complete(layout.slot(slot))
    assert layout.current_program.exists()
    assert all("to" in line for line in history(layout))
    Manifest(layout).paths()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    made = Image(tmp_path / "root")
    installed(made, tmp_path)
    return made


def test_a_switch_happens_or_does_not(image: Image, tmp_path: Path) -> None:
    installed(image, tmp_path, "1.1.0")
    layout, number = image.layout, 0
    before = len(history(layout))
    while killed_at(number, lambda: switch(layout, idle_slot(layout), "me", "test")):
        check(layout)
        number += 1
    assert number > 8
    check(layout)
    told = history(layout)[before:]
    assert told[-1]["to"] == {"slot": current_slot(layout), "version": "1.0.0", "commit": "c" * 40}


def test_a_torn_line_of_the_list_spoils_no_other(image: Image) -> None:
    with image.layout.switches.open("ab") as file:
        file.write(b'{"wall": "2030-01-')
    assert [line["why"] for line in history(image.layout)] == ["install"]
    switch(image.layout, "a", "me", "again")
    assert [line["why"] for line in history(image.layout)] == ["install", "again"]


def test_a_slot_that_is_not_complete_is_never_switched_to(image: Image) -> None:
    files.make_folders(image.layout.slot("b") / "bin")
    with pytest.raises(ValueError, match="not complete"):
        switch(image.layout, "b", "me", "test")
    assert current_slot(image.layout) == "a"


def test_an_installation_that_is_cut_short_leaves_a_whole_program(
    image: Image, tmp_path: Path
) -> None:
    """Every third operation, beginning with each of the first three: all kinds are among them."""
    newer = release(tmp_path / "newer", "1.1.0")
    config = (image.layout.config / "controller.toml").read_bytes()
    number = 0
    while killed_at(number, lambda: install(image, newer, _nothing, fill)):
        check(image.layout)
        assert (image.layout.config / "controller.toml").read_bytes() == config
        number += 3 if number > 30 else 1
    assert number > 100
    assert current_slot(image.layout) is not None
    assert image.layout.current_program.read_text() == "1.1.0"
    assert list(image.layout.root.rglob("*.new")) == []
    assert all(path.read_bytes() for path in Manifest(image.layout).paths())


def test_the_first_installation_can_be_taken_up_again(tmp_path: Path) -> None:
    first = release(tmp_path / "first")
    for number in range(0, 400, 7):
        image = Image(tmp_path / f"root-{number}")
        if not killed_at(number, partial(install, image, first, _nothing, fill)):
            break
        install(image, first, _nothing, fill)
        check(image.layout)
        assert len(list(image.layout.config.rglob("*.toml"))) > 15
        assert list(image.layout.config.rglob(".*")) == []
    assert number > 100


def test_an_uninstall_can_be_taken_up_again(image: Image) -> None:
    layout, number = image.layout, 0
    while killed_at(number, lambda: uninstall(image, _nothing)):
        number += 1  # what the one before removed is gone: each try gets further
    assert number > 10
    assert not layout.current.is_symlink()
    assert not any(layout.slot(name).exists() for name in SLOTS)
    assert not layout.units.exists() or list(layout.units.iterdir()) == []
    assert (layout.config / "controller.toml").exists()


def test_a_file_is_replaced_whole_and_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    files.put(path, b"old", 0o755)
    number = 0
    while killed_at(number, lambda: files.put(path, b"new", 0o644)):
        assert path.read_bytes() in {b"old", b"new"}
        number += 1
    assert number > 4
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o644)
    assert list(path.parent.iterdir()) == [path]


def _nothing(_: str) -> None:
    """Nobody listens."""
