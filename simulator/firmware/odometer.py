"""The pen's counters, live from the encoder, and their reservation in NVM (C9).

Steps are counted from the encoder only, never from what was commanded, and no encoder movement is
ever left uncounted. Touches the encoder and the store.
"""

from enum import StrEnum

import msgspec

from protocol.messages import Counters
from simulator.firmware.nvm import ArmRow, Store
from simulator.ports import Mechanics


class Category(StrEnum):
    """The counter that forward pump steps go to."""

    DOSE = "dose_steps"
    PRIME = "prime_steps"
    BENCH = "bench_steps"
    PRELOAD = "preload_steps"


class Odometer:
    """Exact counters of this moment. `row` is the open arm's record, kept in step with NVM."""

    def __init__(self, mechanics: Mechanics, store: Store) -> None:
        self._mechanics = mechanics
        self._store = store
        self.row: ArmRow | None = None
        start: dict[str, int] = msgspec.structs.asdict(store.memory.reserved)
        self._values = start
        self._exact: Counters | None = None  # until one of the values changes
        self._position = mechanics.pump_position_steps()
        self._start = self._rest = self._position
        # Unexpected movement counts as dose: the category that is charged to a patient.
        self._category = Category.DOSE

    @property
    def punctures(self) -> int:
        """Strokes of the pen's life."""
        return self._values["punctures"]

    def leave_rest(self) -> None:
        """Count one puncture: the needle has just left rest."""
        self._values["punctures"] += 1
        self._exact = None

    def begin(self, category: Category) -> bool:
        """The pump is about to move for `category`. False when it moved since `made` unbidden."""
        self._book()
        is_clean = self._position == self._rest
        self._start, self._category = self._position, category
        return is_clean

    def made(self) -> int:
        """Steps since `begin`, negative for backwards; the pump stands from now on."""
        self._book()
        self._rest = self._position
        return self._position - self._start

    def exact(self) -> Counters:
        """The counters now."""
        self._book()
        if self._exact is None:
            self._exact = Counters(*self._values.values())
        return self._exact

    def _book(self) -> None:
        position = self._mechanics.pump_position_steps()
        moved = position - self._position
        if moved:
            self._position = position
            name = self._category if moved > 0 else "reverse_steps"
            self._values[name] += abs(moved)
            self._exact = None

    def is_covered(self, punctures: int) -> bool:
        """Whether the reservation in NVM reaches to this puncture count."""
        return self._store.memory.reserved.punctures >= punctures

    def reserve(self, **ahead: int) -> bool:
        """Persist the exact counters and a reservation of `ahead` on top, by counter name.

        False when NVM failed: nothing may move then.
        """
        exact = self.exact()
        reserved = dict(self._values)
        for name, amount in ahead.items():
            reserved[name] += amount
        return self._persist(exact, Counters(**reserved))

    def withdraw(self) -> bool:
        """Persist the exact counters without any reservation. False when NVM failed."""
        exact = self.exact()
        return self._persist(exact, exact)

    def _persist(self, exact: Counters, reserved: Counters) -> bool:
        for target in (self._store.memory, self.row):
            if target is not None:
                target.proven, target.reserved = exact, reserved
        return self._store.save()
