"""What each arm really did, by the oracle of the simulated pen; nothing here asks pen or host.

A segment begins when the entry that opens an arm goes to the disk: the pen rests then, so all that
the oracle counts until the next segment is that arm's, and the relief after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from simulator.oracle import Oracle


def arm_name(pen_uid: str, arm_id: int) -> str:
    """How an arm is called in tests."""
    return f"arm {arm_id} of {pen_uid}"


@dataclass(frozen=True)
class Moved:
    """Differences of the oracle's totals."""

    punctures: int = 0
    forward_steps: int = 0
    backward_steps: int = 0
    volume_nl: float = 0.0

    @property
    def counted(self) -> tuple[int, int, int]:
        """Punctures and steps, without the volume: a tip drips for a while after a dose."""
        return self.punctures, self.forward_steps, self.backward_steps

    def minus(self, other: "Moved") -> "Moved":
        return Moved(
            self.punctures - other.punctures,
            self.forward_steps - other.forward_steps,
            self.backward_steps - other.backward_steps,
            self.volume_nl - other.volume_nl,
        )


def totals_of(oracle: Oracle) -> Moved:
    """The oracle's totals now."""
    totals = oracle.totals
    return Moved(totals.punctures, totals.forward_steps, totals.backward_steps, oracle.volume_nl())


class Truth:
    """The segments of one pen's life. `begin` starts the next one under a name of its own."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._starts: list[tuple[str, Moved]] = [("before", totals_of(oracle))]

    def begin(self, name: str) -> None:
        """What comes from now on belongs to `name`."""
        self._starts.append((name, totals_of(self._oracle)))

    @property
    def present(self) -> str:
        """The name of the segment under way."""
        return self._starts[-1][0]

    def so_far(self) -> Moved:
        """What the segment under way has done."""
        return totals_of(self._oracle).minus(self._starts[-1][1])

    def segments(self) -> dict[str, Moved]:
        """All segments, the one under way included."""
        ends = [start for _, start in self._starts[1:]] + [totals_of(self._oracle)]
        names = zip(self._starts, ends, strict=True)
        return {name: end.minus(start) for (name, start), end in names}


class Written(Protocol):
    """What is handed to the journal, as far as a watch looks at it."""

    @property
    def body(self) -> Any:
        """Named by its `kind`, with the fields of docs/journal.md."""


class CeilingWatch:
    """Compares what the pen really did with the ceilings that are durable at that moment."""

    def __init__(self) -> None:
        self._base: dict[str, tuple[int, int]] = {}
        self._ceilings: dict[str, tuple[int, int]] = {}
        self.overruns: list[str] = []
        self.looks = 0

    def look(self, truth: Truth) -> None:
        """Note it when the arm under way has gone over."""
        ceilings = self._ceilings.get(truth.present)
        moved = truth.so_far()
        self.looks += ceilings is not None
        if ceilings is None:
            return
        if moved.punctures > ceilings[0] or moved.forward_steps > ceilings[1]:
            self.overruns.append(f"{truth.present}: {moved} over {ceilings}")

    def committed(self, drafts: Sequence[Written]) -> None:
        """These become durable now."""
        for draft in drafts:
            match draft.body.kind:
                case "arm_opened":
                    self._open(draft.body)
                case "strokes" if draft.body.arm_id:
                    self._raise(draft.body)
                case _:
                    pass

    def _open(self, opened: Any) -> None:
        first = opened.first
        steps = first.dose_steps + first.prime_steps + first.bench_steps + first.preload_steps
        self._base[arm_name(opened.pen_uid, opened.arm_id)] = (first.punctures, steps)

    def _raise(self, batch: Any) -> None:
        name = arm_name(batch.pen_uid, batch.arm_id)
        base = self._base.get(name)
        if base is None:  # another host's arm
            return
        punctures, steps = batch.puncture_ceiling - base[0], batch.step_ceiling - base[1]
        held = self._ceilings.get(name, (0, 0))
        self._ceilings[name] = (max(held[0], punctures), max(held[1], steps))
