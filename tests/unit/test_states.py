"""Every cell of the transition table: what is allowed, what is refused, and how it is said."""

import re
from itertools import product
from pathlib import Path

import pytest

from controller.session.state_diagram import as_markdown
from controller.session.states import TRANSITIONS, Act, State, WrongState, after

PAGE = Path(__file__).parents[2] / "docs" / "session-states.md"

ALLOWED = {
    "none": {"open": "ready"},
    "closed": {"open": "ready"},
    "ready": {"arm": "arming", "latch": "latched", "block": "blocked", "close": "closed"},
    "arming": {"armed": "running", "refused": "ending", "lose": "interrupted"},
    "running": {
        "done": "ending",
        "pause": "ending",
        "pen_ended": "ending",
        "lose": "interrupted",
    },
    "ending": {
        "recorded": "ready",
        "recorded_latched": "latched",
        "lose": "interrupted",
        "block": "blocked",
    },
    "latched": {"clear": "ready", "block": "blocked", "close": "closed"},
    "interrupted": {
        "reconcile": "ready",
        "block": "blocked",
        "seal": "ready",
        "close": "closed",
    },
    "blocked": {"seal": "ready", "reconcile": "ready", "close": "closed"},
}


@pytest.mark.parametrize(("state", "act"), list(product(State, Act)))
def test_every_cell(state: State, act: Act) -> None:
    wanted = ALLOWED[state].get(act)
    if wanted is not None:
        assert after(state, act) == wanted
        return
    with pytest.raises(WrongState, match=f"'{act}' is not possible while") as refused:
        after(state, act)
    listed = re.findall(r"[a-z_]+", refused.value.action.removeprefix("Possible now:"))
    assert listed == sorted(ALLOWED[state])


def test_no_cell_beside_the_ones_above() -> None:
    assert len(TRANSITIONS) == sum(len(acts) for acts in ALLOWED.values())


@pytest.mark.hazard("H36")
def test_only_an_operators_arm_leads_towards_motion() -> None:
    """Nothing but ARM enters ARMING, nothing but the pen's own answer leads on from there."""
    assert {cell for cell, there in TRANSITIONS.items() if there is State.ARMING} == {
        (State.READY, Act.ARM)
    }
    assert {cell for cell, there in TRANSITIONS.items() if there is State.RUNNING} == {
        (State.ARMING, Act.ARMED)
    }


def test_every_state_can_be_reached_and_left() -> None:
    seen = {State.NONE}
    while more := {there for (here, _), there in TRANSITIONS.items() if here in seen} - seen:
        seen |= more
    assert seen == set(State)
    assert {here for here, _ in TRANSITIONS} == set(State)


def test_the_page_is_drawn_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(), (
        "run: python -m controller.session.state_diagram > docs/session-states.md"
    )
