"""Where a replay went another way than the recording. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from controller.record.events import Strokes
from controller.service.replay.books import Recorded
from controller.service.replay.script import Link
from controller.service.replay.telling import telling
from protocol.messages import Configure, Disarm, Message

EDGE_S: Final = 0.5
"""What happened so near to the recording's ends may be on one side only."""
_BEGINNING: Final = ("link up", "pen enrolled")

Told = tuple[float, str]
Moved = dict[int, tuple[int, int]]
"""Events and steps by arm."""


class Verdict(msgspec.Struct):
    """What the replay made of a recording. `missing`: only recorded; `extra`: only replayed."""

    told: list[Told]
    missing: list[Told] = []
    extra: list[Told] = []
    strokes: tuple[Moved, Moved] = ({}, {})
    requests: tuple[dict[str, int], dict[str, int]] = ({}, {})
    discards: tuple[int, int] = (0, 0)
    notes: list[str] = []

    @property
    def differs(self) -> bool:
        """Whether anything went another way."""
        return bool(self.missing or self.extra) or self.strokes[0] != self.strokes[1]


def lines_of(entries: Iterable[tuple[float, str, dict[str, Any] | None]]) -> list[Told]:
    """The telling lines of entries."""
    found = [(mono_s, telling(kind, body)) for mono_s, kind, body in entries]
    return [(mono_s, line) for mono_s, line in found if line is not None]


def only_in(ours: Sequence[Told], theirs: Sequence[Told], span: tuple[float, float]) -> list[Told]:
    """Lines of `ours` that `theirs` have less often, but for those at the edges of `span`."""
    left = Counter(line for _, line in theirs)
    found = []
    for mono_s, line in ours:
        if left[line] > 0:
            left[line] -= 1
        elif span[0] + EDGE_S < mono_s < span[1] - EDGE_S:
            found.append((mono_s, line))
    return found


def without_beginning(told: Sequence[Told], links: Sequence[Link]) -> list[Told]:
    """Without the greeting of a link that in truth began before the recording."""
    if not links or not links[0].began_within:
        return list(told)
    greeted = next((at for at, (_, line) in enumerate(told) if line.startswith("link up")), None)
    return [
        each
        for at, each in enumerate(told)
        if not (each[1].startswith(_BEGINNING) and greeted is not None and at <= greeted)
    ]


def moved(entries: Iterable[tuple[float, str, dict[str, Any] | None]]) -> Moved:
    """Events and steps that were booked, by arm."""
    found: Moved = {}
    for _, kind, body in entries:
        if kind == Strokes.kind and body is not None and body["strokes"]:
            events, steps = found.get(body["arm_id"], (0, 0))
            more = sum(each["steps"] for each in body["strokes"])
            found[body["arm_id"]] = (events + len(body["strokes"]), steps + more)
    return found


def of_recorded(entries: Iterable[Recorded]) -> list[tuple[float, str, dict[str, Any] | None]]:
    """Entries of the journal in the shape that is compared."""
    return [(each.mono_s, each.kind, each.body) for each in entries]


def asked(messages: Iterable[Message]) -> dict[str, int]:
    """How often each kind of act was asked for on the wire; repeats of a request count once."""
    once = {
        (type(message).__name__, message.request_id)
        for message in messages
        if isinstance(message, Configure | Disarm)
    }
    return dict(Counter(name for name, _ in once))
