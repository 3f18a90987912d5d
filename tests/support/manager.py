"""A service manager that only listens: what it was told, and when."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

from controller.clock import Clock
from controller.notify import Notifier
from controller.service.app import Service
from controller.service.supervised.evidence import Evidence, ServiceWitnesses, Witness
from controller.service.supervised.watchdog import TURN_S, Watchdog, watched
from tests.support.theatre import Theatre
from tests.support.virtual import advance


class Listening(Notifier):
    """Remembers every line with the moment at which it came; `is_deaf` refuses all of them."""

    def __init__(self, clock: Clock, watchdog_s: float | None = 3.0) -> None:
        super().__init__("@nobody", watchdog_s)
        self._clock = clock
        self.is_deaf = False
        self.heard: list[tuple[float, str]] = []

    def tell(self, *lines: str) -> bool:
        if not self.is_deaf:
            self.heard += [(self._clock.mono_s(), line) for line in lines]
        return not self.is_deaf

    @property
    def lines(self) -> list[str]:
        """All of it, without the moments."""
        return [line for _, line in self.heard]

    @property
    def status(self) -> str:
        """The newest status."""
        return [line for line in self.lines if line.startswith("STATUS=")][-1].removeprefix(
            "STATUS="
        )

    def pings_since(self, mono_s: float) -> int:
        """How often the watchdog was fed after a moment."""
        return sum(line == "WATCHDOG=1" for at, line in self.heard if at > mono_s)

    def longest_silence_s(self, since_mono_s: float) -> float:
        """The longest time without food, from a moment until now."""
        fed = [at for at, line in self.heard if line == "WATCHDOG=1" and at > since_mono_s]
        marks = [since_mono_s, *fed, self._clock.mono_s()]
        return max(later - sooner for sooner, later in pairwise(marks))


def evidence_of(theatre: Theatre) -> Evidence:
    return Evidence(theatre.clock, ServiceWitnesses(lambda: theatre.service))


@asynccontextmanager
async def fed(
    theatre: Theatre,
    others: dict[str, Witness] | None = None,
    present: Callable[[], Service | None] | None = None,
    beats: Callable[[], int] = lambda: 0,
) -> AsyncIterator[Listening]:
    """A watchdog on the theatre's service, and the manager that hears of it."""
    manager = Listening(theatre.clock)
    present = present or (lambda: theatre.service)
    evidence = Evidence(theatre.clock, ServiceWitnesses(present, beats), others)
    async with watched(Watchdog(manager, evidence, present)):
        yield manager


async def goes_hungry(manager: Listening, theatre: Theatre, within_s: float) -> str:
    """The status, once nothing is sent any more; it must not take longer than `within_s`."""
    await advance(within_s + 2 * TURN_S)
    now_mono_s = theatre.clock.mono_s()
    await advance(20.0)
    assert manager.pings_since(now_mono_s) == 0
    return manager.status
