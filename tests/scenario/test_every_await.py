"""Every await and every write of a reference session killed, hung and unplugged.

The ordinary suite takes each seventh point; MICROPEN_EVERY_AWAIT=1, or
`python -m tests.support.every_await`, takes all of them with every kind.
"""

import os
from collections import Counter

import pytest

from tests.scenario.conftest import Figure
from tests.support.every_await import (
    REST_S,
    SESSIONS,
    Kind,
    chosen,
    count_points,
    quiet,
    strike_once,
    summary,
)

SORTS = ("await", "turn", "write", "written", "commit", "committed")
EVERY = 1 if os.environ.get("MICROPEN_EVERY_AWAIT") else 7
"""Not a multiple of three, so that each kind meets each sort of point."""
OFFSET = 0 if EVERY == 1 else 2


@pytest.mark.parametrize("session", SESSIONS)
def test_the_points_of_a_session_are_the_same_each_time(session: str) -> None:
    with quiet():
        counts = count_points(session)
        assert counts == count_points(session)
    assert set(counts) == set(SORTS)
    assert counts["write"] == counts["written"] > 50
    assert counts["commit"] == counts["committed"] > 20
    assert counts["await"] > 40
    assert counts["turn"] > 100


@pytest.mark.hazard("H08", "H09", "H10")
def test_every_await_and_every_write_killed_hung_and_unplugged(figure: Figure) -> None:
    with quiet():
        outcomes = [strike_once(*strike) for strike in chosen(EVERY, OFFSET)]
    assert [outcome for outcome in outcomes if outcome.problem] == []
    assert len(outcomes) > 1_000 // EVERY
    struck = Counter((outcome.kind, outcome.place.partition(" ")[0]) for outcome in outcomes)
    assert set(struck) == {(kind, sort) for kind in Kind for sort in SORTS}
    worst_s = max(outcome.rest_s for outcome in outcomes)
    assert 0.1 < worst_s <= REST_S, "the needle ran when some of them struck"
    assert max(outcome.punctures_after for outcome in outcomes) > 5
    figure(summary(outcomes))
