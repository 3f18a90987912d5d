"""docs/mutation.md is about modules and tests that exist, and no survivor is without an argument.

The figures may be of an earlier text; `make mutate ARGS=--page` tells which are.
"""

import pytest

from tests.architecture import repo
from tests.mutation.mutants import mutants_of
from tests.mutation.page import PAGE, arguments, figures, page, unargued
from tests.mutation.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_a_target_and_its_tests_are_there_and_have_mutants(target: Target) -> None:
    for path in (target.path, *target.fast, *target.then):
        assert (repo.ROOT / path).is_file(), path
    assert any(mutants_of((repo.ROOT / target.path).read_text(), target.only))


def test_figures_are_about_targets() -> None:
    assert set(figures()) <= {target.name for target in TARGETS}


def test_every_survivor_is_argued_and_every_argument_is_about_one() -> None:
    assert unargued(figures()) == []
    live = {
        (name, each["change"]) for name, found in figures().items() for each in found["survivors"]
    }
    assert set(arguments()) == live
    assert all(len(why) > 20 for why in arguments().values())


def test_the_page_shows_these_figures() -> None:
    assert PAGE.read_text() == page(figures())


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("a = b < 1", {"`b < 1` -> `b <= 1`", "`b < 1` -> `b >= 1`", "`1` -> `2`", "`1` -> `0`"}),
        ("a.b = c + d", {"`c + d` -> `c - d`", "`a.b = c + d` -> `pass`"}),
        (
            "if a and b: c()",
            {
                "`a and b` -> `a or b`",
                "`and a` -> `left out`",
                "`and b` -> `left out`",
                "`c()` -> `pass`",
            },
        ),
        ("a: int = f(b=c)", {"`b=c` -> `left out`"}),
        ("raise E('sentence')", {"`raise E('sentence')` -> `pass`"}),
    ],
)
def test_what_is_changed(source: str, changes: set[str]) -> None:
    found = [mutant.key.removeprefix("module: ") for mutant in mutants_of(source)]
    assert set(found) == changes
    assert len(found) == len(changes)
