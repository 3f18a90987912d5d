"""What must hold at any moment of a session, whatever happened: asked after every rule.

Reads the journal, the oracles of the pens and the live engine; changes none of them.
"""

from typing import Any

from controller.service.app import read_books
from protocol.limits import BRAKE_TO_REST_MAX_US, LEASE_HOST_MAX_US
from tests.fuzz.digest import books_text
from tests.support.referee import Arm
from tests.support.stage import Stage
from tests.support.theatre import Theatre
from tests.support.virtual import advance

REST_S = LEASE_HOST_MAX_US / 1e6 + BRAKE_TO_REST_MAX_US / 1e6
"""Design section 5, C5 and C6: what a pen may still do when nobody grants."""

MAY_FOLLOW = {
    "none": {"ready"},
    "ready": {"arming", "latched", "blocked", "closed"},
    "arming": {"running", "ending", "interrupted"},
    "running": {"ending", "interrupted"},
    "ending": {"ready", "latched", "interrupted", "blocked"},
    "interrupted": {"ready", "blocked", "closed"},
    "latched": {"ready", "blocked", "closed"},
    "blocked": {"ready", "closed"},
    "closed": {"ready"},
}
"""Said again here, not taken from the table that is tested."""


class Watched:
    """What one pen did since the last look, and whether somebody pressed meanwhile."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.moved = self._count()
        self.pressed_s = float("-inf")

    def _count(self) -> tuple[int, int]:
        totals = self.stage.world.mechanism.oracle.totals
        return totals.punctures, totals.forward_steps

    def has_moved(self) -> bool:
        """Whether needle or plunger went forward since the last look."""
        before, self.moved = self.moved, self._count()
        return before != self.moved


def has_committed(theatre: Theatre) -> bool:
    """Whether a controller runs and waits for no commit."""
    if theatre._service is None:
        return False
    desk = theatre._desks[-1]
    return not desk._under_way and not desk._waiting


async def commits_done(theatre: Theatre) -> None:
    """Let the commits that are under way come to their end; a drive at work makes new ones."""
    for _ in range(200):
        if theatre._service is None or has_committed(theatre):
            return
        await advance(0.002)


class Judge:
    """Remembers what it saw at the last look."""

    def __init__(self) -> None:
        self._watched: list[Watched] = []
        self._closed_s: dict[str, float] = {}
        self._looked_s = 0.0

    def watch(self, theatre: Theatre) -> None:
        """Watch the pens that are new."""
        known = {each.stage.uid for each in self._watched}
        self._watched += [Watched(each) for each in theatre.stages if each.uid not in known]

    def note_hands(self, now_s: float) -> None:
        """Note which triggers are pressed now; called before and after every change of them."""
        for each in self._watched:
            if each.stage.world.mechanism.trigger():
                each.pressed_s = now_s

    def look(self, theatre: Theatre, now_s: float) -> None:
        """Assert everything."""
        theatre.ceilings.look(theatre.stage.truth)
        assert theatre.ceilings.overruns == []
        referee = theatre.referee()
        assert referee.against({stage.uid: stage.truth for stage in theatre.stages}) == []
        state = _came_by_allowed_ways(referee.all("state_changed"))
        self._nothing_moved_by_itself(list(referee.arms.values()), now_s)
        if has_committed(theatre):
            now = theatre.engine.state.value
            assert now == state or (now == "none" and state == "closed")
            assert books_text(theatre.engine.books) == books_text(read_books(theatre.folder))

    def _nothing_moved_by_itself(self, arms: list[Arm], now_s: float) -> None:
        self.note_hands(now_s)
        long_ago_s = self._looked_s - REST_S
        armed = {
            arm.opened["pen_uid"]
            for arm in arms
            if self._closed_s.get(arm.name, now_s) >= long_ago_s
        }
        for each in self._watched:
            if each.has_moved():
                assert each.stage.uid in armed, "moved without an arm"
                assert each.pressed_s >= long_ago_s, "moved without a pressed trigger"
        for arm in arms:
            if arm.closed is not None:
                self._closed_s.setdefault(arm.name, now_s)
        self._looked_s = now_s


def _came_by_allowed_ways(changes: list[dict[str, Any]]) -> str:
    """The state that the journal's changes lead to."""
    state = "none"
    for change in changes:
        anew = change["before"] == "none" and state == "closed"
        assert change["before"] == state or anew, change
        assert change["after"] in MAY_FOLLOW[change["before"]], change
        state = change["after"]
    return state
