"""Many trials in worker processes, added up as they come; interrupted, it still has its sums."""

import gc
import logging
import signal
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing import get_context
from types import FrameType

import msgspec
import structlog
from structlog.typing import EventDict

from tests.soak.agenda import Agenda
from tests.soak.draw import draw
from tests.soak.script import Script
from tests.soak.shrink import Shrinker, kind_of
from tests.soak.tally import Tally, Verdict
from tests.soak.trial import play

TRIALS_A_WORKER = 400
"""A fresh process after so many: what a trial may leave in memory never grows for long."""
CPU_S_A_TRIAL = 400
GC_THRESHOLDS = (20_000, 20, 20)
"""A trial makes many small objects and few cycles."""
AHEAD = 2
"""Trials handed out for each worker, the one that it plays included."""


class TrialHangs(KeyboardInterrupt):
    """A trial used more processor time than any may; of this class because asyncio lets it pass."""


class Wanted(msgspec.Struct, frozen=True):
    """When a soak is over: `punctures` and `hits` are both reached, or `minutes` (0 = no limit)."""

    seed: int
    punctures: int
    jobs: int = 2
    hits: int = 0
    minutes: float = 0.0
    first: Tally | None = None
    """What an earlier part of the same soak came to; it goes on from there."""


class Soak:
    """One soak. `run` yields after every trial; what it knows so far is always in `tally`."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.tally = wanted.first or Tally()
        self.failures: list[Verdict] = []
        self.began_mono_s = time.monotonic()
        self._before = (self.tally.punctures, self.tally.virtual_s)
        self._agenda = Agenda(wanted.seed, wanted.punctures, wanted.hits, wanted.first)

    @property
    def elapsed_s(self) -> float:
        """Real seconds since it began, or went on."""
        return time.monotonic() - self.began_mono_s

    @property
    def punctures_a_s(self) -> float:
        """Punctures in each real second; an earlier part of the soak does not count."""
        return (self.tally.punctures - self._before[0]) / max(self.elapsed_s, 0.001)

    @property
    def times_real(self) -> float:
        """Virtual seconds in each real second, counted in the same way."""
        return (self.tally.virtual_s - self._before[1]) / max(self.elapsed_s, 0.001)

    def run(self) -> Iterator[Verdict]:
        """Play one seed after the other."""
        quiet()
        if self.wanted.jobs == 0:
            yield from self._run_here()
            return
        workers = _workers(self.wanted.jobs)
        try:
            yield from self._run_in(workers)
        finally:  # who interrupts it reads the sums now, and not after the last trial
            workers.shutdown(wait=False, cancel_futures=True)

    def _run_here(self) -> Iterator[Verdict]:
        while (seed := self._next()) is not None:
            yield self._taken(play_seed(seed))

    def _run_in(self, workers: ProcessPoolExecutor) -> Iterator[Verdict]:
        waiting: dict[Future[Verdict], int] = {}
        while True:
            while len(waiting) < AHEAD * self.wanted.jobs:
                if (seed := self._next()) is None:
                    break
                waiting[workers.submit(play_seed, seed)] = seed
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield self._taken(_verdict_of(future, waiting.pop(future)))

    def _next(self) -> int | None:
        minutes = self.wanted.minutes
        is_late = bool(minutes) and self.elapsed_s > minutes * 60
        return None if is_late else self._agenda.next(self.tally)

    def _taken(self, verdict: Verdict) -> Verdict:
        self.tally.add(verdict)
        if not verdict.ok:
            self.failures.append(verdict)
        return verdict


def _verdict_of(future: "Future[Verdict]", seed: int) -> Verdict:
    """A trial that could not even be ended is one more failure, and not the end of the soak."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, BrokenExecutor):
        raise error  # no worker is left
    return Verdict(seed, problems=[f"{type(error).__name__}: {error}"])


def play_seed(seed: int) -> Verdict:
    """The trial of one seed, in the process that asks."""
    return play_within(draw(seed))


def play_within(script: Script) -> Verdict:
    """Play a script; one that uses too much processor time is a failure too."""
    signal.signal(signal.SIGVTALRM, _hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S_A_TRIAL)
    try:
        return play(script)
    except TrialHangs as error:
        return Verdict(script.seed, problems=[f"TrialHangs: {error}"])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def shrunk(script: Script, verdict: Verdict, most_tries: int) -> Script:
    """The smallest script found that fails in the same way as `verdict`."""
    kind = kind_of(verdict)
    return Shrinker(lambda each: kind_of(play_within(each)) == kind, most_tries).shrink(script)


def quiet() -> None:
    """No log lines: a soak would write gigabytes of them."""
    structlog.configure(
        processors=[_drop],
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
    )
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _drop(logger: object, method: str, event: EventDict) -> EventDict:
    raise structlog.DropEvent


def _workers(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        jobs, get_context("spawn"), _begin_worker, max_tasks_per_child=TRIALS_A_WORKER
    )


def _begin_worker() -> None:
    quiet()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    with suppress(ValueError):  # Ctrl-C is for the one who shows the sums
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _hangs(number: int, frame: FrameType | None) -> None:
    del number
    where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"
    raise TrialHangs(f"over {CPU_S_A_TRIAL} s of processor time, now at {where}")
