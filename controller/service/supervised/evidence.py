"""Who is alive: fresh tokens of pen line, journal, session engine and screen (hazard H09, R20).

A witness gives no token by a timer of its own: it looks whether the work itself got on since the
last look. Grants lean on the same facts (`Pen.grant`: the age of the newest status; `Drive`: its
own timer and the age of the oldest uncommitted event), only sooner. Reads; its one act is to wake
a task that rests, so that it can show that it would.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from controller.clock import Clock
from controller.service.app import Service
from protocol.limits import STATUS_STALE_US

PEN_LINE_S: Final = 4.0
"""The longest single wait of the pen line is its back-off of 2 s (`controller/link/backoff.py`);
twice that."""
STATUS_S: Final = 2 * STATUS_STALE_US / 1_000_000
"""The link gives up a pen that is silent for 1 s; twice that, and it did not."""
COMMIT_S: Final = 7.5
"""A disk that stalls for 5 s is slow, not hung (H13 of `tests/soak/catalogue.py`); half as much
again, and still less than WatchdogSec=10, so that a hung disk costs no more than twice that."""
WORK_S: Final = 8.0
"""Longest single waits of reconciling and ending an arm: 5 s until the pen rests, or a commit."""
ACT_S: Final = 30.0
"""All deadlines of opening an arm, one after the other, are 12 s; two commits of 5 s come with it
(engineering estimate)."""
GRANTS_S: Final = 0.5
"""The lease's timer turns each 25 ms; after 1 s without a grant the pen itself ends the arm."""
SCREEN_S: Final = 5.0
"""The page is told ten times a second; its thread may read a certificate in between."""
CHANGE_S: Final = 30.0
"""Letting one pen go and starting with another, reading aside: 2 s to settle, and two commits."""


class Witness(Protocol):
    """One who must be alive."""

    def missing(self, now_mono_s: float) -> str | None:
        """None for a fresh token; else what did not happen, in words that follow its name."""
        ...


class Standstill:
    """For how long counts have stood still, each told apart by the object that it belongs to."""

    def __init__(self) -> None:
        self._seen: dict[object, tuple[int, float]] = {}

    def of(self, whose: object, count: int, now_mono_s: float) -> float:
        """Seconds since a look first found this count; 0 whenever it has changed."""
        known = self._seen.get(whose)
        if known is None or known[0] != count:
            self._seen[whose] = (count, now_mono_s)
            return 0.0
        return now_mono_s - known[1]

    def forget_all_but(self, those: Iterable[object]) -> None:
        """Let go of everything else."""
        self._seen = {each: self._seen[each] for each in those if each in self._seen}


class PenLineWitness:
    """The task that finds, greets and serves the pen gets on; a missing pen is no hang."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._standstill = Standstill()

    def missing(self, now_mono_s: float) -> str | None:
        """See `Witness`."""
        line, driving = self._service.line, self._service.driving
        if driving is None:
            return "has not been started"
        still_s = self._standstill.of(driving, driving.turns, now_mono_s)
        line.nudge()
        if still_s > PEN_LINE_S:
            return f"has not turned for {still_s:.0f} s"
        if line.pen is not None and line.pen.status_age_s() > STATUS_S:
            return f"keeps a link without a status for {line.pen.status_age_s():.0f} s"
        return None


class JournalWitness:
    """The newest file's writer lives, and its commit comes to an end."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def missing(self, now_mono_s: float) -> str | None:
        """See `Witness`. A journal that failed is no hang: the pen is stopped, and it is told."""
        stuck_s = self._service.writers[-1].stuck_s()
        if stuck_s > COMMIT_S:
            return f"has been committing for {stuck_s:.0f} s"
        return None


class EngineWitness:
    """What the engine does by itself gets on: grants, judging statuses, recovery, acts."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._standstill = Standstill()

    def missing(self, now_mono_s: float) -> str | None:
        """See `Witness`."""
        checks = (self._grants, self._judging, self._works, self._act)
        return next(filter(None, (check(now_mono_s) for check in checks)), None)

    def _grants(self, now_mono_s: float) -> str | None:
        drive = self._service.engine.drive
        if drive is None or not drive.is_granting:
            return None
        still_s = now_mono_s - drive.granted_mono_s
        return f"has not renewed the lease for {still_s:.1f} s" if still_s > GRANTS_S else None

    def _judging(self, now_mono_s: float) -> str | None:
        engine = self._service.engine
        pen = engine.pen
        if pen is None or not pen.is_up:
            return None
        still_s = self._standstill.of(pen, engine.looks, now_mono_s)
        return f"has judged no status for {still_s:.0f} s" if still_s > STATUS_S else None

    def _works(self, now_mono_s: float) -> str | None:
        engine = self._service.engine
        works = engine.works.under_way
        self._standstill.forget_all_but((*works, engine.pen))
        ages = [self._standstill.of(each, each.turns, now_mono_s) for each in works]
        if max(ages, default=0.0) > WORK_S:
            return f"waits for what does not come since {max(ages):.0f} s"
        return None

    def _act(self, _now_mono_s: float) -> str | None:
        busy_s = self._service.acts.busy_s
        return f"has been at one act for {busy_s:.0f} s" if busy_s > ACT_S else None


class Served(Protocol):
    """A door, and the page that it serves."""

    @property
    def turns(self) -> int:
        """How often its thread answered `nudge`."""
        ...

    @property
    def page_turns(self) -> int:
        """How often the page was told, or nobody listened."""
        ...

    def nudge(self) -> None:
        """Ask its thread for an answer."""
        ...


class ScreenWitness:
    """The thread that serves the screen answers, and the page is told what is true."""

    def __init__(self, door: Served) -> None:
        self._door = door
        self._standstill = Standstill()

    def missing(self, now_mono_s: float) -> str | None:
        """See `Witness`."""
        door = self._door
        thread_s = self._standstill.of("thread", door.turns, now_mono_s)
        page_s = self._standstill.of("page", door.page_turns, now_mono_s)
        door.nudge()
        if thread_s > SCREEN_S:
            return f"does not serve since {thread_s:.0f} s"
        return f"tells the page nothing since {page_s:.0f} s" if page_s > SCREEN_S else None


def witnesses_of(service: Service) -> dict[str, Witness]:
    """Everybody in one service who must be alive, by name."""
    return {
        "pen line": PenLineWitness(service),
        "journal": JournalWitness(service),
        "session engine": EngineWitness(service),
    }


class ServiceWitnesses:
    """Witnesses of the service of this moment; between two pens the change itself is the one."""

    def __init__(
        self,
        present: Callable[[], Service | None],
        beats: Callable[[], int] = lambda: 0,
        those_of: Callable[[Service], Mapping[str, Witness]] = witnesses_of,
    ) -> None:
        """`present` gives None while one service is let go and the next one started.

        beats: counts while the next one's record is read.
        """
        self._present = present
        self._beats = beats
        self._those_of = those_of
        self._service: Service | None = None
        self._witnesses: Mapping[str, Witness] = {}
        self._standstill = Standstill()

    def missing(self, now_mono_s: float) -> dict[str, str]:
        """What each of them misses, by its name."""
        service = self._present()
        if service is None:
            return self._changing(now_mono_s)
        self._standstill.forget_all_but(())
        if service is not self._service:
            self._service, self._witnesses = service, self._those_of(service)
        return missing_of(self._witnesses, now_mono_s)

    def _changing(self, now_mono_s: float) -> dict[str, str]:
        since_s = self._standstill.of(self, self._beats(), now_mono_s)
        stands = f"has stood still for {since_s:.0f} s"
        return {"change of pens": stands} if since_s > CHANGE_S else {}


def missing_of(witnesses: Mapping[str, Witness], now_mono_s: float) -> dict[str, str]:
    """Ask every one, also after the first that has nothing to show."""
    asked = {name: witness.missing(now_mono_s) for name, witness in witnesses.items()}
    return {name: said for name, said in asked.items() if said is not None}


class Evidence:
    """All that must be alive, asked by one clock."""

    def __init__(
        self,
        clock: Clock,
        services: ServiceWitnesses,
        others: Mapping[str, Witness] | None = None,
    ) -> None:
        self._clock = clock
        self._services = services
        self._others = others or {}

    def missing(self) -> dict[str, str]:
        """What is missing, by the name of who misses it; empty: everything is alive."""
        now_mono_s = self._clock.mono_s()
        return {**self._services.missing(now_mono_s), **missing_of(self._others, now_mono_s)}
