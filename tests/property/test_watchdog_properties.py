"""Whatever the order of tokens: fed exactly while each witness was fresh, by a slow model."""

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.service.app import Service
from controller.service.supervised.evidence import (
    SCREEN_S,
    ScreenWitness,
    ServiceWitnesses,
    Standstill,
    Witness,
    missing_of,
)
from controller.service.supervised.watchdog import Watchdog
from tests.support.manager import Listening

NAMES = ("pen line", "journal", "session engine", "screen")
BOUND_S = 4.0

_STEPS = st.lists(
    st.tuples(st.sets(st.sampled_from(NAMES)), st.floats(0.01, 6.0, allow_nan=False)),
    min_size=1,
    max_size=40,
)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_mono_s = 1_000.0

    def mono_s(self) -> float:
        return self.now_mono_s

    def now_wall(self) -> None:
        raise AssertionError("the wall clock decides nothing here")


class Counted:
    """A witness of one count."""

    def __init__(self) -> None:
        self.count = 0
        self._standstill = Standstill()

    def missing(self, now_mono_s: float) -> str | None:
        still_s = self._standstill.of(self, self.count, now_mono_s)
        return f"stands still for {still_s:.0f} s" if still_s > BOUND_S else None


class Asked:
    """All witnesses, asked by the hand's clock."""

    def __init__(self, clock: Hand, witnesses: dict[str, Counted]) -> None:
        self._clock = clock
        self._witnesses = witnesses

    def missing(self) -> dict[str, str]:
        return missing_of(cast("dict[str, Witness]", self._witnesses), self._clock.mono_s())


def stale(looks: list[tuple[float, int]]) -> bool:
    """By the whole history: whether the newest count has been seen for longer than the bound."""
    newest = looks[-1][1]
    since = looks[-1][0]
    for at, count in reversed(looks):
        if count != newest:
            break
        since = at
    return looks[-1][0] - since > BOUND_S


@pytest.mark.hazard("H09")
@given(_STEPS)
def test_it_is_fed_exactly_while_everybody_gave_a_token(
    steps: list[tuple[set[str], float]],
) -> None:
    clock = Hand()
    witnesses = {name: Counted() for name in NAMES}
    manager = Listening(clock)  # type: ignore[arg-type]  # its wall clock must not be asked
    watchdog = Watchdog(manager, Asked(clock, witnesses), lambda: None)
    history: dict[str, list[tuple[float, int]]] = {name: [] for name in NAMES}
    for tokens, passed_s in steps:
        for name in tokens:
            witnesses[name].count += 1
        clock.now_mono_s += passed_s
        for name in NAMES:
            history[name].append((clock.now_mono_s, witnesses[name].count))
        before = len(manager.heard)
        watchdog.turn()
        said = [line for _, line in manager.heard[before:]]
        hung = {name for name in NAMES if stale(history[name])}
        assert ("WATCHDOG=1" in said) == (not hung)
        for name in hung:
            assert name in manager.status
        if not hung:
            assert "not alive" not in manager.status


@pytest.mark.hazard("H09")
@given(
    st.sampled_from(NAMES),
    st.lists(st.floats(0.01, 1.0, allow_nan=False), min_size=10, max_size=60),
)
def test_one_that_gives_no_token_starves_the_manager_whatever_the_others_give(
    silent: str, turns_s: list[float]
) -> None:
    clock = Hand()
    witnesses = {name: Counted() for name in NAMES}
    manager = Listening(clock)  # type: ignore[arg-type]  # its wall clock must not be asked
    watchdog = Watchdog(manager, Asked(clock, witnesses), lambda: None)
    watchdog.turn()
    began_mono_s = clock.now_mono_s
    for passed_s in turns_s:
        clock.now_mono_s += passed_s
        for name in set(NAMES) - {silent}:
            witnesses[name].count += 1
        watchdog.turn()
    assert manager.pings_since(began_mono_s + BOUND_S) == 0
    witnesses[silent].count += 1
    clock.now_mono_s += 1.0
    watchdog.turn()
    assert manager.pings_since(clock.now_mono_s - 0.5) == 1


class Door:
    """Answers as it is told, in whatever order."""

    def __init__(self) -> None:
        self.turns = self.page_turns = self.nudges = 0

    def nudge(self) -> None:
        self.nudges += 1


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.floats(0.1, 3.0, allow_nan=False)), min_size=1
    )
)
def test_thread_and_page_of_the_screen_are_told_apart(
    steps: list[tuple[bool, bool, float]],
) -> None:
    door, now_mono_s = Door(), 0.0
    witness = ScreenWitness(door)
    thread = page = [(now_mono_s, 0)]
    assert witness.missing(now_mono_s) is None
    for answers, tells, passed_s in steps:
        door.turns += answers
        door.page_turns += tells
        now_mono_s += passed_s
        thread, page = [*thread, (now_mono_s, door.turns)], [*page, (now_mono_s, door.page_turns)]
        said = witness.missing(now_mono_s)
        expected = _since(thread) > SCREEN_S, _since(page) > SCREEN_S
        assert (said is not None) == any(expected)
        if said is not None:
            assert ("does not serve" in said) == expected[0]
    assert door.nudges == len(steps) + 1


def _since(looks: list[tuple[float, int]]) -> float:
    newest = looks[-1][1]
    return looks[-1][0] - min(at for at, count in looks if count == newest)


@given(st.lists(st.sampled_from(["a", "b", "none"]), min_size=1, max_size=20))
def test_a_new_service_is_judged_from_its_own_beginning(order: list[str]) -> None:
    """Whichever service there is: what an earlier one left standing says nothing about it."""
    now_mono_s = 0.0
    present: list[str] = ["none"]
    seen: list[object] = []

    def of(service: object) -> dict[str, Witness]:
        seen.append(service)
        return {}

    services = {"a": cast("Service", object()), "b": cast("Service", object())}
    get: Callable[[], Service | None] = lambda: services.get(present[0])  # noqa: E731 - one word
    witnesses = ServiceWitnesses(get, those_of=of)
    last = None
    for which in order:
        present[0] = which
        now_mono_s += 1.0
        assert witnesses.missing(now_mono_s) == {}
        if which not in ("none", last):
            assert seen[-1] is services[which]
            last = which
    assert len(seen) == _changes([each for each in order if each != "none"])


def _changes(order: list[str]) -> int:
    return sum(each != before for before, each in zip(["", *order], order, strict=False))
