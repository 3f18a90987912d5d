"""The coverage matrix: how often each fault took effect in each state of host and pen."""

from collections.abc import Mapping

import msgspec
from rich.table import Table

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.reach import CELLS, Cell, by_chance, reachable, why_not


class Coverage(msgspec.Struct, frozen=True):
    """Counts by "fault|host|pen", against the rules of `reach`."""

    counts: Mapping[str, int]

    def hits(self, cell: Cell) -> int:
        """How often it was hit."""
        return self.counts.get(name_of(cell), 0)

    def missing(self, wanted: int) -> list[str]:
        """Reachable cells with fewer than `wanted` hits, and how many those are."""
        short = [cell for cell in reachable() if self.hits(cell) < wanted]
        return [f"{name_of(cell)}: {self.hits(cell)}" for cell in short]

    def impossible(self) -> list[str]:
        """Cells that were hit although the rules say that they cannot be."""
        return [
            name_of(cell)
            for cell in CELLS
            if self.hits(cell) and why_not(*cell) is not None and not by_chance(cell)
        ]

    def silent(self) -> list[str]:
        """Faults that never took effect at all."""
        return [fault for fault in FaultId if not self.of_fault(fault)]

    def of_fault(self, fault: FaultId) -> int:
        """All hits of one fault."""
        return sum(self.hits((fault, host, pen)) for host in HostState for pen in PenPhase)

    def table(self) -> Table:
        """Faults down, host states across; each cell the fewest hits of its reachable phases."""
        table = Table(title="Hits by fault and host state: the fewest over the pen's phases")
        table.add_column("fault", no_wrap=True)
        for host in HostState:
            table.add_column(host.value, justify="right")
        table.add_column("all", justify="right")
        for fault in FaultId:
            row = [self._fewest(fault, host) for host in HostState]
            table.add_row(fault.value, *row, str(self.of_fault(fault)))
        return table

    def as_json(self) -> dict[str, object]:
        """Every cell: its hits, or the reason why it cannot be reached."""
        return {name_of(cell): why_not(*cell) or self.hits(cell) for cell in CELLS}

    def _fewest(self, fault: FaultId, host: HostState) -> str:
        phases = [pen for pen in PenPhase if why_not(fault, host, pen) is None]
        return str(min(self.hits((fault, host, pen)) for pen in phases)) if phases else "-"


def name_of(cell: Cell) -> str:
    """ "fault|host|pen"."""
    return "|".join(part.value for part in cell)
