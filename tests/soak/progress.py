"""What a soak shows while it runs: a bar with the figures that matter, or lines without one."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from tests.soak.runner import Soak

LINE_EVERY_S = 20.0


class _Figures(ProgressColumn):
    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        super().__init__()

    def render(self, task: Task) -> Text:
        return Text(figures(self._soak))


def figures(soak: Soak) -> str:
    """One line: how far, how fast, and the worst so far."""
    tally = soak.tally
    return (
        f"{tally.punctures:,} punctures, {tally.trials:,} trials, "
        f"{tally.injected:,} faults injected, {soak.punctures_a_s:,.0f} punctures/s, "
        f"{soak.times_real:.1f} x real time, "
        f"worst lease overrun {tally.lease_overrun_us / 1e3:.0f} ms, "
        f"unaccounted {tally.unaccounted_nl:g} nl, {len(tally.failed_seeds)} failed"
    )


class Bar:
    """`with Bar(soak, console) as bar`; call `moved` after each trial."""

    def __init__(self, soak: Soak, console: Console) -> None:
        self._soak = soak
        self._console = console
        self._said_s = 0.0
        self._progress = Progress(
            TextColumn("soak"), BarColumn(20), TimeElapsedColumn(), _Figures(soak), console=console
        )
        self._task = self._progress.add_task("soak", total=soak.wanted.punctures)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def moved(self) -> None:
        """A trial came to its end."""
        self._progress.update(self._task, completed=self._soak.tally.punctures)
        if not self._console.is_terminal and self._soak.elapsed_s - self._said_s > LINE_EVERY_S:
            self._said_s = self._soak.elapsed_s
            self._console.print(figures(self._soak), soft_wrap=True)
