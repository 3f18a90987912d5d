"""What trials came to: the verdict on one, and the sum and the maxima of many."""

import msgspec

from tests.soak.aims import cell_and_try_of, is_close


class Verdict(msgspec.Struct):
    """One trial. `cells` counts what took effect, by "fault|host|pen"; maxima are over it all.

    `outcomes` counts the sessions that were closed.
    """

    seed: int
    sha256: str = ""
    problems: list[str] = []
    punctures: int = 0
    strokes_booked: int = 0
    arms: int = 0
    residuals: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    cells: dict[str, int] = {}
    strikes: dict[str, int] = {}
    longest_after_grant_us: int = 0
    lease_overrun_us: int = 0
    unaccounted_steps: int = 0
    unaccounted_nl: float = 0.0
    repeats: int = 0
    back_after_s: float = 0.0
    stands: str = ""
    outcomes: dict[str, int] = {}
    ceiling_looks: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


class Tally(msgspec.Struct):
    """Sums and maxima over trials."""

    trials: int = 0
    punctures: int = 0
    arms: int = 0
    residuals: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    cells: dict[str, int] = {}
    longest_after_grant_us: int = 0
    lease_overrun_us: int = 0
    unaccounted_steps: int = 0
    unaccounted_nl: float = 0.0
    repeats: int = 0
    back_after_s: float = 0.0
    stands: dict[str, int] = {}
    outcomes: dict[str, int] = {}
    ceiling_looks: int = 0
    failed_seeds: list[int] = []
    next_seed: int = 0
    """Whoever goes on from here begins with this seed, or a later one."""
    close_tries: dict[int, int] = {}
    """Trials at single cells, by the index of the cell."""

    def add(self, verdict: Verdict) -> None:
        """Take one more trial."""
        self.trials += 1
        for name in ("punctures", "arms", "residuals", "repeats", "ceiling_looks"):
            setattr(self, name, getattr(self, name) + getattr(verdict, name))
        for name in ("virtual_s", "cpu_s", "unaccounted_steps", "unaccounted_nl"):
            setattr(self, name, getattr(self, name) + getattr(verdict, name))
        for name in ("longest_after_grant_us", "lease_overrun_us", "back_after_s"):
            setattr(self, name, max(getattr(self, name), getattr(verdict, name)))
        for cell, count in verdict.cells.items():
            self.cells[cell] = self.cells.get(cell, 0) + count
        self.stands[verdict.stands] = self.stands.get(verdict.stands, 0) + 1
        for outcome, count in verdict.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        if is_close(verdict.seed):
            index, number = cell_and_try_of(verdict.seed)
            self.close_tries[index] = max(self.close_tries.get(index, 0), number + 1)
        else:
            self.next_seed = max(self.next_seed, verdict.seed + 1)
        if not verdict.ok:
            self.failed_seeds.append(verdict.seed)

    @property
    def injected(self) -> int:
        """Faults that took effect."""
        return sum(self.cells.values())

    def by_fault(self) -> dict[str, int]:
        """How often each kind took effect."""
        found: dict[str, int] = {}
        for cell, count in self.cells.items():
            fault = cell.split("|")[0]
            found[fault] = found.get(fault, 0) + count
        return found
