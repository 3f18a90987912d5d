"""The coverage matrix: how often each fault took effect in each state of host and pen."""

from collections.abc import Mapping
from itertools import chain, product

import msgspec
from rich.table import Table

from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.reach import CELLS, Cell, by_chance, reachable, why_no_pair, why_not


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

    def totals(self, wanted: int) -> str:
        """How many cells there are, can be reached, and were hit often enough."""
        cells = reachable()
        done = sum(self.hits(cell) >= max(1, wanted) for cell in cells)
        return (
            f"{len(CELLS):,} cells: {len(cells):,} can be reached, {done:,} of them were hit at "
            f"least {max(1, wanted)} times; {len(CELLS) - len(cells):,} cannot be reached."
        )

    def as_json(self) -> dict[str, object]:
        """Every cell: its hits, or the reason why it cannot be reached."""
        return {name_of(cell): why_not(*cell) or self.hits(cell) for cell in CELLS}

    def _fewest(self, fault: FaultId, host: HostState) -> str:
        phases = [pen for pen in PenPhase if why_not(fault, host, pen) is None]
        return str(min(self.hits((fault, host, pen)) for pen in phases)) if phases else "-"


def name_of(cell: Cell) -> str:
    """ "fault|host|pen"."""
    return "|".join(part.value for part in cell)


def unreachable() -> list[str]:
    """Each reason why cells cannot be reached, with the cells for which it holds."""
    pairs: dict[str, list[str]] = {}
    for host, pen in product(HostState, PenPhase):
        if (reason := why_no_pair(host, pen)) is not None:
            pairs.setdefault(reason, []).append(f"{host}|{pen}")
    cells: dict[str, dict[str, list[str]]] = {}
    for fault, host, pen in CELLS:
        reason = why_not(fault, host, pen)
        if reason is not None and why_no_pair(host, pen) is None:
            cells.setdefault(reason, {}).setdefault(fault.name, []).append(f"{host}|{pen}")
    lines = [f"any fault in {', '.join(of)}: {reason}" for reason, of in pairs.items()]
    for reason, faults in cells.items():
        names, of = ", ".join(faults), sorted(set(chain.from_iterable(faults.values())))
        lines.append(f"{names} in {', '.join(of)}: {reason}")
    return lines
