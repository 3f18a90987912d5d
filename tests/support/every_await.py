"""A reference session that is killed, hung and unplugged at every await, write and commit.

`python -m tests.support.every_await` strikes at every point with every kind; `--every 50` takes
each fiftieth point. After each strike the session must come to its end, its record must agree with
the pen's oracle, and the pen must have rested in time.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random

import msgspec
import structlog

from controller.errors import MicropenError
from controller.session.plan import Plan
from protocol.limits import BRAKE_TO_REST_MAX_US, LEASE_HOST_MAX_US
from tests.support.bills import dosing, pen_for, stamping
from tests.support.points import CountedTheatre, Points
from tests.support.virtual import VirtualLoop, advance, run_virtual

SESSIONS: dict[str, Plan] = {"dosing": dosing(3, 2), "stamping": stamping(30, 20)}
"""Two zones each, with prime, and a hand that is quick."""
REST_S = (LEASE_HOST_MAX_US + BRAKE_TO_REST_MAX_US) / 1_000_000
HANGS_S = (0.02, 0.3, 3.0)
OUT_S = (0.01, 0.1, 0.4, 1.5)
PATIENCE_S = 120.0
SLICE_S = 0.002
SEED = 7


FINDINGS = (AssertionError, TimeoutError, MicropenError, RuntimeError, LookupError, ValueError)
"""What is told as a strike's problem; anything else ends the sweep."""


class Kind(StrEnum):
    """What happens to the process."""

    KILL = "killed"
    HANG = "hung"
    UNPLUG = "unplugged"


class Outcome(msgspec.Struct, frozen=True):
    """What one strike came to. `problem` is empty when all is as it must be."""

    session: str
    point: int
    kind: Kind
    place: str
    rest_s: float
    punctures_after: int
    problem: str = ""


class Strike:
    """One play of a session that is struck once."""

    def __init__(self, session: str, point: int, kind: Kind, folder: Path) -> None:
        self.plan = SESSIONS[session]
        self.session, self.point, self.kind = session, point, kind
        self._rng = Random(f"{session} {point} {kind}")
        self._struck: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.points = Points(point, self._strike)
        self.theatre = CountedTheatre(folder, pen_for(self.plan), self.points, SEED)
        self.rest_s = 0.0
        self.punctures_after = 0

    @property
    def _made(self) -> int:
        return self.theatre.stage.world.mechanism.oracle.totals.punctures

    async def play(self) -> Outcome | None:
        """The outcome; None when the session has fewer points than that."""
        async with self.theatre, asyncio.timeout(PATIENCE_S):
            playing = asyncio.create_task(self.story())
            await asyncio.wait({playing, self._struck}, return_when=asyncio.FIRST_COMPLETED)
            if not self._struck.done():
                playing.result()
                return None
            await self._aftermath(playing)
            referee = self.theatre.check()
        outcomes = [closed["outcome"] for closed in referee.all("session_closed")]
        assert outcomes == ["complete"], f"the session ended as {outcomes}"
        assert referee.residuals == [], "the pen knows all that it did"
        self._judge_bounds()
        return self._outcome()

    async def story(self) -> None:
        """Start the service, open the session unless that is done, finish it, stop the service."""
        theatre = self.theatre
        if not theatre.is_running:
            await theatre.start()
        if not theatre.referee().all("session_opened"):
            await theatre.begin(self.plan)
        if theatre.engine.book is not None:
            await theatre.operate()
        await theatre.stop()

    def _strike(self) -> None:
        """Called in the middle of a step of the process."""
        self._before = self._made
        match self.kind:
            case Kind.KILL:
                # Callbacks in mid-step end by an exception that no process would live to see.
                asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
                self.points.die()
            case Kind.UNPLUG:
                self.theatre.unplug()
            case Kind.HANG:
                self._hang(self._rng.choice(HANGS_S))
        self._struck.set_result(None)

    def _hang(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        began_s = loop.time()
        while loop.time() - began_s < seconds:
            loop.stall(SLICE_S)
            self.theatre.stage.driver.run()
            if self.theatre.stage.moves:
                self.rest_s = loop.time() - began_s
        self.punctures_after = self._made - self._before

    async def _aftermath(self, playing: "asyncio.Task[None]") -> None:
        if self.kind is Kind.KILL:
            self.points.bury()
            await self.theatre.crash()
            await self._watch_until_rest(self._rng.uniform(0.4, 1.5))
            playing = asyncio.create_task(self.story())
        elif self.kind is Kind.UNPLUG:
            await self._watch_until_rest(self._rng.choice(OUT_S))
            self.theatre.replug()
        await playing

    async def _watch_until_rest(self, seconds: float) -> None:
        """Measured for at least the bound when the cable or the process is away for so long."""
        if seconds < REST_S:
            await advance(seconds)
            return
        self.rest_s = await self.theatre.rest(seconds)
        self.punctures_after = self._made - self._before

    def _judge_bounds(self) -> None:
        cadence_hz = 1_000_000 / self.plan.zones[0].stroke_period_us
        assert self.rest_s <= REST_S, f"at rest only after {self.rest_s:.3f} s"
        planned = sum(zone.punctures for zone in self.plan.zones)
        # A running needle needs room to brake and may rest a few strokes below its last ceiling.
        least = planned if self.plan.dispenses else planned // 2
        assert least <= self._made <= planned, f"{self._made} punctures of {planned}"
        most = int(REST_S * cadence_hz) + 1
        assert self.punctures_after <= most, f"{self.punctures_after} punctures, over {most}"

    def _outcome(self) -> Outcome:
        place = self.points.places[0]
        return Outcome(
            self.session, self.point, self.kind, place, self.rest_s, self.punctures_after
        )


def count_points(session: str) -> Counter[str]:
    """How many points of each sort the session has when nothing strikes."""

    async def counted(folder: Path) -> Counter[str]:
        strike = Strike(session, 0, Kind.KILL, folder)
        assert await strike.play() is None
        return strike.points.counts

    with tempfile.TemporaryDirectory(dir=_ram()) as folder:
        return run_virtual(counted(Path(folder) / "j"))


def strike_once(session: str, point: int, kind: Kind) -> Outcome:
    """One strike; whatever goes wrong is told in `problem`."""

    async def played(folder: Path) -> Outcome | None:
        return await Strike(session, point, kind, folder).play()

    with tempfile.TemporaryDirectory(dir=_ram()) as folder:
        try:
            outcome = run_virtual(played(Path(folder) / "j"))
        except FINDINGS as error:
            problem = f"{type(error).__name__}: {error}"
            return Outcome(session, point, kind, "", 0.0, 0, problem)
    return outcome or Outcome(session, point, kind, "", 0.0, 0, "the point was never reached")


def chosen(every: int, offset: int = 0) -> list[tuple[str, int, Kind]]:
    """The strikes of a sweep: all three kinds at each point, or one of them at each `every`-th."""
    kinds = list(Kind)
    strikes: list[tuple[str, int, Kind]] = []
    for session in SESSIONS:
        points = range(1 + offset, count_points(session).total() + 1, every)
        if every == 1:
            strikes += [(session, point, kind) for point in points for kind in kinds]
        else:
            strikes += [(session, point, kinds[at % 3]) for at, point in enumerate(points)]
    return strikes


def summary(outcomes: Sequence[Outcome]) -> str:
    """One sentence of totals and maxima."""
    kinds = Counter(outcome.kind.value for outcome in outcomes)
    places = Counter(outcome.place.partition(" ")[0] for outcome in outcomes)
    most = {
        session: max(
            (each.punctures_after for each in outcomes if each.session == session), default=0
        )
        for session in SESSIONS
    }
    failures = sum(bool(outcome.problem) for outcome in outcomes)
    rest_s = max((outcome.rest_s for outcome in outcomes), default=0.0)
    return (
        f"{len(outcomes)} strikes ({_listed(kinds)}) at {_listed(places)}: {failures} failures, "
        f"at rest after at most {rest_s:.3f} s, punctures begun after it at most {_listed(most)}."
    )


def _listed(counts: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _ram() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No log lines while inside."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield
    finally:
        structlog.configure(**before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sweep with a progress line; 1 when anything failed."""
    parser = argparse.ArgumentParser(description="strike a reference session at every point")
    parser.add_argument("--every", type=int, default=1, help="each so many points")
    parser.add_argument("--part", type=int, default=0, help="this part of --parts")
    parser.add_argument("--parts", type=int, default=1, help="share the sweep among processes")
    options = parser.parse_args(arguments)
    began_s = time.monotonic()
    with quiet():
        for session in SESSIONS:
            _say(f"{session}: {_listed(count_points(session))}\n")
        strikes = chosen(options.every)[options.part :: options.parts]
        outcomes: list[Outcome] = []
        for strike in strikes:
            outcomes.append(strike_once(*strike))
            _progress(outcomes, len(strikes), time.monotonic() - began_s)
    _say(f"\n{summary(outcomes)} It took {time.monotonic() - began_s:.0f} s.\n")
    return int(any(outcome.problem for outcome in outcomes))


def _progress(outcomes: list[Outcome], total: int, took_s: float) -> None:
    newest = outcomes[-1]
    if newest.problem:
        _say(f"\n{newest.session} {newest.point} {newest.kind}: {newest.problem}\n")
    if sys.stdout.isatty() or len(outcomes) % 100 == 0:
        failures = sum(bool(outcome.problem) for outcome in outcomes)
        _say(f"\r{len(outcomes)} of {total}, {failures} failures, {took_s:.0f} s")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
