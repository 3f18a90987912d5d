"""What a session amounts to, from its entries alone: punctures and volume, zone by zone.

Why not the session's own ledger: telemetry and the command line must say the same without the
controller, without its rules and without pydantic. Volumes are integer picolitres: steps times the
picolitres a step that were frozen at each arm. Touches nothing.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from controller.record.entry import Entry

PICOLITRES_A_NANOLITRE: Final = 1_000


class Counters(msgspec.Struct, frozen=True):
    """The counters of an entry body that count here."""

    punctures: int
    dose_steps: int
    prime_steps: int
    bench_steps: int
    preload_steps: int

    @property
    def forward_steps(self) -> int:
        """All forward steps in sum."""
        return self.dose_steps + self.prime_steps + self.bench_steps + self.preload_steps


class OpenedView(msgspec.Struct, frozen=True):
    """Of `session_opened`."""

    plan_name: str
    patient: str


class ChangedView(msgspec.Struct, frozen=True):
    """Of `state_changed`."""

    after: str
    zone: str | None = None


class ArmView(msgspec.Struct, frozen=True):
    """Of `arm_opened`."""

    arm_id: int
    pen_uid: str
    mode: str
    purpose: str
    zone: str | None
    certificate_id: str
    picolitres_a_step: int
    first: Counters


class StrokeView(msgspec.Struct, frozen=True):
    """Of one stroke in `strokes`."""

    kind: str
    steps: int


class StrokesView(msgspec.Struct, frozen=True):
    """Of `strokes`."""

    arm_id: int
    pen_uid: str
    strokes: list[StrokeView]
    puncture_ceiling: int
    step_ceiling: int


class ArmClosedView(msgspec.Struct, frozen=True):
    """Of `arm_closed`."""

    arm_id: int
    pen_uid: str
    certain: Counters
    possible: Counters


class ClosedView(msgspec.Struct, frozen=True):
    """Of `session_closed`."""

    outcome: str


class Amount(msgspec.Struct, frozen=True):
    """Punctures and picolitres, each known to lie between two values."""

    punctures_certain: int = 0
    punctures_possible: int = 0
    dose_certain_pl: int = 0
    dose_possible_pl: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Field by field."""
        return Amount(
            self.punctures_certain + other.punctures_certain,
            self.punctures_possible + other.punctures_possible,
            self.dose_certain_pl + other.dose_certain_pl,
            self.dose_possible_pl + other.dose_possible_pl,
        )


class ArmTally:
    """One arm: what its strokes prove, what its ceilings allow, what its end says."""

    def __init__(self, opened: ArmView) -> None:
        self.opened = opened
        self.is_open = True
        self._punctures = [0, 0]
        self._steps = [0, 0]

    def take_strokes(self, body: StrokesView) -> None:
        """Add committed strokes and the ceilings that were committed with them."""
        counted = [s for s in body.strokes if s.kind == "puncture"]
        self._punctures[0] += len(counted)
        self._steps[0] += sum(s.steps for s in counted)
        first = self.opened.first
        room = (body.puncture_ceiling - first.punctures, body.step_ceiling - first.forward_steps)
        if self.is_open:
            self._punctures[1] = max(*self._punctures, room[0])
            self._steps[1] = max(*self._steps, room[1])

    def close(self, body: ArmClosedView) -> None:
        """The pen's final word, or a seal."""
        first = self.opened.first
        self.is_open = False
        ends = (body.certain, body.possible)
        self._punctures = [end.punctures - first.punctures for end in ends]
        self._steps = [end.dose_steps - first.dose_steps for end in ends]

    @property
    def amount(self) -> Amount:
        """What the patient got by this arm; nothing from prime, reload and bench arms."""
        if self.opened.purpose != "zone":
            return Amount()
        scale = self.opened.picolitres_a_step if self.opened.mode == "dose" else 0
        return Amount(
            self._punctures[0], self._punctures[1], self._steps[0] * scale, self._steps[1] * scale
        )


class SessionTally:
    """One session, fed entry by entry."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.plan_name = ""
        self.patient = ""
        self.opened_wall = ""
        self.closed_wall: str | None = None
        self.outcome: str | None = None
        self.state = "none"
        self.zone: str | None = None
        self.arms: dict[tuple[str, int], ArmTally] = {}

    def feed(self, entry: Entry) -> None:
        """Take the session's next entry; entries of other sessions are ignored.

        Raises:
            msgspec.DecodeError: the body does not fit its kind.
        """
        if entry.session_id != self.session_id:
            return
        match entry.kind:
            case "session_opened":
                opened = msgspec.json.decode(entry.body_json, type=OpenedView)
                self.plan_name, self.patient = opened.plan_name, opened.patient
                self.opened_wall, self.state = entry.wall, "ready"
            case "state_changed":
                changed = msgspec.json.decode(entry.body_json, type=ChangedView)
                self.state, self.zone = changed.after, changed.zone
            case "session_closed":
                closed = msgspec.json.decode(entry.body_json, type=ClosedView)
                self.outcome, self.closed_wall, self.state = closed.outcome, entry.wall, "closed"
            case _:
                self._feed_arm(entry)

    def _feed_arm(self, entry: Entry) -> None:
        match entry.kind:
            case "arm_opened":
                arm = msgspec.json.decode(entry.body_json, type=ArmView)
                self.arms[arm.pen_uid, arm.arm_id] = ArmTally(arm)
            case "strokes":
                strokes = msgspec.json.decode(entry.body_json, type=StrokesView)
                if tally := self.arms.get((strokes.pen_uid, strokes.arm_id)):
                    tally.take_strokes(strokes)
            case "arm_closed":
                closed = msgspec.json.decode(entry.body_json, type=ArmClosedView)
                if tally := self.arms.get((closed.pen_uid, closed.arm_id)):
                    tally.close(closed)
            case _:
                pass

    @property
    def total(self) -> Amount:
        """The whole session."""
        return _sum(arm.amount for arm in self.arms.values())

    @property
    def zones(self) -> dict[str, Amount]:
        """Zone by zone, in the order of treatment."""
        zones: dict[str, Amount] = {}
        for arm in self.arms.values():
            if arm.opened.purpose == "zone" and arm.opened.zone is not None:
                zones[arm.opened.zone] = zones.get(arm.opened.zone, Amount()).plus(arm.amount)
        return zones


def figures(amount: Amount) -> dict[str, Any]:
    """For people and JSON. Picolitres become nanolitres with three decimals."""
    return {
        "punctures_certain": amount.punctures_certain,
        "punctures_possible": amount.punctures_possible,
        "dose_certain_nl": amount.dose_certain_pl / PICOLITRES_A_NANOLITRE,
        "dose_possible_nl": amount.dose_possible_pl / PICOLITRES_A_NANOLITRE,
    }


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = Amount()
    for amount in amounts:
        total = total.plus(amount)
    return total
