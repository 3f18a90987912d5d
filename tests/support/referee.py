"""Folds a journal folder on its own and judges it against the oracle (design section 2).

Shares no code with the controller, not even its reader: tests/support/auditor.py hands it the
entries, and it counts again. What is wrong comes back as sentences, so that a test shows all of it
at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.support.auditor import audit
from tests.support.truth import Moved, Truth, arm_name

Json = dict[str, Any]
FORWARD = ("dose_steps", "prime_steps", "bench_steps", "preload_steps")


@dataclass
class Arm:
    """One arm as the journal has it."""

    opened: Json
    session_id: str | None
    events: list[Json] = field(default_factory=list)
    punctures_ahead: int = 0
    steps_ahead: int = 0
    closed: Json | None = None
    _pricks: int = 0
    _steps: int = 0

    @property
    def name(self) -> str:
        return arm_name(self.opened["pen_uid"], self.opened["arm_id"])

    @property
    def certain(self) -> tuple[int, int]:
        """Punctures and forward steps that are proven."""
        if self.closed is not None:
            return self._since_first(self.closed["certain"])
        return self._made

    @property
    def possible(self) -> tuple[int, int]:
        """Punctures and forward steps that may have been made."""
        if self.closed is not None:
            return self._since_first(self.closed["possible"])
        return self.punctures_ahead, self.steps_ahead

    @property
    def _made(self) -> tuple[int, int]:
        return self._pricks, self._steps

    def _since_first(self, counters: Json) -> tuple[int, int]:
        first = self.opened["first"]
        return counters["punctures"] - first["punctures"], forward(counters) - forward(first)

    def take(self, batch: Json) -> Iterator[str]:
        """Add a batch of events; they were made under the ceilings committed before it."""
        self.events += batch["strokes"]
        for event in batch["strokes"]:
            self._pricks += event["kind"] in ("puncture", "bench")
            self._steps += event["steps"]
        if self.closed is None and batch["strokes"] and not _fits(self._made, self._ahead):
            yield f"{self.name}: events {self._made} over the committed ceilings {self._ahead}"
        first = self.opened["first"]
        punctures = batch["puncture_ceiling"] - first["punctures"]
        steps = batch["step_ceiling"] - forward(first)
        self.punctures_ahead = max(self.punctures_ahead, punctures)
        self.steps_ahead = max(self.steps_ahead, steps)

    @property
    def _ahead(self) -> tuple[int, int]:
        return self.punctures_ahead, self.steps_ahead

    def end(self, closed: Json) -> Iterator[str]:
        """Take the closing entry."""
        if self.closed is not None:
            yield f"{self.name}: closed twice"
        self.closed = closed
        if not _fits(self.certain, self.possible):
            yield f"{self.name}: certain {self.certain} over possible {self.possible}"
        if not _fits(self.possible, self._ahead):
            yield f"{self.name}: closed at {self.possible}, over its ceilings {self._ahead}"
        if not _fits(self._made, self.certain):
            yield f"{self.name}: events {self._made} say more than certain {self.certain}"
        if self.certain != self.possible and closed["end_reason"] not in ("boot", "sealed"):
            yield f"{self.name}: a residual after '{closed['end_reason']}'"

    def against(self, truth: Moved) -> Iterator[str]:
        """The invariant: certain <= what was really done <= possible."""
        real = (truth.punctures, truth.forward_steps)
        if not _fits(self.certain, real):
            yield f"{self.name}: certain {self.certain} over what was really done, {real}"
        if not _fits(real, self.possible):
            yield f"{self.name}: really done {real} over possible {self.possible}"


def forward(counters: Json) -> int:
    """All forward steps summed."""
    return sum(int(counters[name]) for name in FORWARD)


def _fits(one: tuple[int, int], bound: tuple[int, int]) -> bool:
    return one[0] <= bound[0] and one[1] <= bound[1]


class Referee:
    """One reading of a journal folder. `problems` holds what contradicts the rules by itself.

    `gaps` are events that never came: only another host, which had them acknowledged, explains one.
    """

    def __init__(self, folder: Path) -> None:
        self.arms: dict[str, Arm] = {}
        self.entries: list[tuple[str, str | None, Json]] = []
        self.problems: list[str] = []
        self.gaps: list[tuple[str, int, int]] = []
        self._next_index: dict[tuple[str, int], int] = {}
        self._plan: dict[str, dict[str, int]] = {}
        found = audit(folder)
        self.problems += found.problems
        for entry in found.entries:
            self._take(entry.kind, entry.session_id, entry.body)

    # --- what the journal says ---------------------------------------------------------------

    def all(self, kind: str) -> list[Json]:
        """The bodies of one kind, oldest first."""
        return [body for found, _, body in self.entries if found == kind]

    @property
    def alarms(self) -> set[str]:
        """Names of all alarms that were ever raised."""
        return {body["name"] for body in self.all("alarm_raised")}

    @property
    def end_reasons(self) -> list[str]:
        """How the arms ended, oldest first."""
        return [body["end_reason"] for body in self.all("arm_closed")]

    @property
    def open_arms(self) -> list[Arm]:
        """Arms without the pen's final word."""
        return [arm for arm in self.arms.values() if arm.closed is None]

    @property
    def residuals(self) -> list[Arm]:
        """Arms that closed with something that nobody can prove."""
        return [arm for arm in self.arms.values() if arm.closed and arm.certain != arm.possible]

    # --- the verdict -------------------------------------------------------------------------

    def against(self, truths: Mapping[str, Truth]) -> list[str]:
        """All problems, those against the pens' oracles included."""
        found = list(self.problems)
        for uid, truth in truths.items():
            for name, moved in truth.segments().items():
                found += self._segment(uid, name, moved)
        strangers = {body["pen_uid"] for body in self.all("foreign_movement")}
        found += [f"events missing: {gap}" for gap in self.gaps if gap[0] not in strangers]
        for closed in self.all("session_closed"):
            found += _unbalanced(closed["account"])
        return found

    def _segment(self, uid: str, name: str, moved: Moved) -> Iterator[str]:
        arm = self.arms.get(name)
        if arm is not None:
            yield from arm.against(moved)
        elif name == "before" and moved.punctures + moved.forward_steps:
            yield f"pen {uid} moved without any arm: {moved}"

    # --- the fold ----------------------------------------------------------------------------

    def _take(self, kind: str, session_id: str | None, body: Json) -> None:
        self.entries.append((kind, session_id, body))
        match kind:
            case "session_opened":
                zones = body["plan"]["zones"]
                self._plan[session_id or ""] = {zone["name"]: zone["punctures"] for zone in zones}
            case "arm_opened":
                self.problems += self._open(Arm(body, session_id))
            case "pen_enrolled":
                # Its memory may have gone back: boots and events are counted anew from here on.
                anew = [key for key in self._next_index if key[0] == body["pen_uid"]]
                for key in anew:
                    del self._next_index[key]
            case "strokes":
                self.problems += self._strokes(body)
            case "arm_closed":
                arm = self.arms[arm_name(body["pen_uid"], body["arm_id"])]
                self.problems += arm.end(body)
                self.problems += self._over_plan(arm)

    def _open(self, arm: Arm) -> Iterator[str]:
        if self.open_arms:
            yield f"{arm.name} is opened while {self.open_arms[0].name} is open"
        uid, arm_id = arm.opened["pen_uid"], arm.opened["arm_id"]
        known = [
            each.opened["arm_id"] for each in self.arms.values() if each.opened["pen_uid"] == uid
        ]
        if known and arm_id <= max(known):
            yield f"{arm.name}: its id does not rise"
        self.arms[arm.name] = arm

    def _strokes(self, body: Json) -> Iterator[str]:
        boot = (body["pen_uid"], body["pen_boot_id"])
        for stroke in body["strokes"]:
            expected = self._next_index.get(boot, stroke["index"])
            if stroke["index"] != expected:
                self.gaps.append((boot[0], expected, stroke["index"]))
            self._next_index[boot] = stroke["index"] + 1
        arm = self.arms.get(arm_name(body["pen_uid"], body["arm_id"]))
        if arm is not None:
            yield from arm.take(body)

    def _over_plan(self, closed: Arm) -> Iterator[str]:
        zone, session = closed.opened["zone"], closed.session_id
        if zone is None or session is None:
            return
        planned = self._plan[session][zone]
        same = [
            arm
            for arm in self.arms.values()
            if arm.session_id == session and arm.opened["zone"] == zone
        ]
        made = sum(arm.possible[0] for arm in same)
        if made > planned:
            yield f"zone {zone} may have got {made} punctures of {planned}"


def _unbalanced(account: Json) -> Iterator[str]:
    for syringe in account["syringes"]:
        parts = ("delivered_nl", "primed_nl", "purged_nl", "discarded_nl", "unknown_nl")
        gone = sum((Fraction(syringe[name]) for name in parts), Fraction(0))
        if gone != syringe["loaded_nl"]:
            yield f"syringe {syringe['syringe']}: {syringe['loaded_nl']} nl loaded, {gone} gone"
