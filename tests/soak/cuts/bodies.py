"""One draft of every kind that a journal can say, with content from a generator."""

from collections.abc import Callable
from random import Random

from controller.record.calibration_events import ALL_BODIES
from controller.record.entry import Draft
from controller.record.events import (
    Body,
    Contradiction,
    ForeignMovement,
    JournalOpened,
    LatchCleared,
    LinkLost,
    ServiceStopped,
    StopConfirmed,
    StopSent,
    SyringeLoaded,
    SyringeRemoved,
    hex_id,
)
from tests.soak.cuts.bench_bodies import BENCH_MAKERS
from tests.support import journals
from tests.support.journals import ACTOR, PEN, SESSION

Maker = Callable[[Random], Draft]


def _of_pen(body: Body) -> Draft:
    return Draft(body, SESSION, PEN)


def _of_host(body: Body) -> Draft:
    return Draft(body)


def _started(rng: Random) -> Draft:
    return journals.pen_seen()[0]


def _enrolled(rng: Random) -> Draft:
    return journals.pen_seen()[1]


def _up(rng: Random) -> Draft:
    return journals.pen_seen()[2]


def _strokes(rng: Random) -> Draft:
    """A batch; now and then one that takes several pages."""
    number = rng.choice((0, 1, 4, 4, 8, 60))
    return journals.strokes(1, rng.randrange(1_000), number)


def _stop_id(rng: Random) -> str:
    return hex_id(rng.getrandbits(64))


MAKERS: dict[str, Maker] = {
    "service_started": _started,
    "service_stopped": lambda rng: _of_host(ServiceStopped(reason=f"signal {rng.random()}")),
    "pen_enrolled": _enrolled,
    "link_up": _up,
    "link_lost": lambda rng: _of_pen(LinkLost(pen_uid=PEN, reason="silence" * rng.randrange(9))),
    "session_opened": lambda _: journals.opened(),
    "state_changed": lambda rng: journals.changed("running", f"zone {rng.randrange(99)}"),
    "arm_opened": lambda rng: journals.armed(rng.randrange(1, 99)),
    "strokes": _strokes,
    "arm_closed": lambda rng: journals.closed_arm(1, rng.randrange(99)),
    "foreign_movement": lambda rng: _of_pen(
        ForeignMovement(
            pen_uid=PEN, before=journals.counters(), after=journals.counters(rng.randrange(9), 1)
        )
    ),
    "contradiction": lambda _: _of_pen(Contradiction(pen_uid=PEN, sentence="no " * 7)),
    "stop_sent": lambda rng: _of_pen(StopSent(stop_id=_stop_id(rng), reason="key", actor=ACTOR)),
    "stop_confirmed": lambda rng: _of_pen(
        StopConfirmed(stop_id=_stop_id(rng), latency_us=9, counters=journals.counters())
    ),
    "latch_cleared": lambda _: _of_pen(LatchCleared(stop_id=None, fault=3, actor=ACTOR)),
    "alarm_raised": lambda rng: journals.alarm(f"occlusion-{rng.randrange(99)}"),
    "alarm_cleared": lambda rng: journals.alarm_over(f"occlusion-{rng.randrange(99)}"),
    "syringe_loaded": lambda rng: _of_pen(
        SyringeLoaded(syringe=1, fill_nl=rng.randrange(10**6), lot="L1", actor=ACTOR)
    ),
    "syringe_removed": lambda rng: _of_pen(
        SyringeRemoved(
            syringe=1,
            discarded_nl_numerator=rng.randrange(10**6),
            discarded_nl_denominator=7,
            reason="empty",
            actor=ACTOR,
        )
    ),
    "health_seen": lambda _: journals.health(),
    "session_closed": lambda _: journals.closed(),
    **BENCH_MAKERS,
}
assert MAKERS.keys() == ALL_BODIES.keys() - {JournalOpened.kind}, "every kind but the journal's own"


def drawn(rng: Random, kinds: list[str]) -> Draft:
    """A draft of the next kind in the list, which is filled again when it is empty."""
    if not kinds:
        kinds.extend(sorted(MAKERS))
        rng.shuffle(kinds)
    return MAKERS[kinds.pop()](rng)
