"""Journals and bodies for tests: small, repeatable, without a pen or a session engine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from controller.record.entry import Draft
from controller.record.events import (
    Actor,
    AlarmCleared,
    AlarmRaised,
    ArmClosed,
    ArmOpened,
    Body,
    CounterSet,
    HealthSeen,
    LinkUp,
    PenEnrolled,
    ServiceStarted,
    SessionClosed,
    SessionOpened,
    StateChanged,
    Stroke,
    Strokes,
)
from controller.record.journal import Journal
from controller.record.reader import Realm
from controller.record.stamp import Stamper

PEN = "f000000000000001"
SESSION = "s-1"
ACTOR = Actor(name="test", role="program")
PICOLITRES_A_STEP = 2_500


class TickingClock:
    """A clock that goes on by a millisecond each time it is read."""

    def __init__(self) -> None:
        self._reads = 0

    def mono_s(self) -> float:
        self._reads += 1
        return 100.0 + self._reads / 1000

    def now_wall(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self._reads)


def open_journal(
    folder: Path, *, realm: Realm = "training", vfs: str | None = None, seed: int = 1
) -> Journal:
    """A journal whose every byte is the same at each run. `seed` numbers the service's start."""
    ids = (f"{n:016x}" for n in count(seed * 1_000))
    clock = TickingClock()
    stamper = Stamper(clock, boot_id=f"boot-{seed}", synced=lambda: True)
    return Journal.open(
        folder,
        clock,
        realm=realm,
        vfs=vfs,
        stamper=stamper,
        new_id=lambda: next(ids),
        min_free_bytes=0,
    )


def counters(punctures: int = 0, dose_steps: int = 0) -> CounterSet:
    return CounterSet(
        punctures=punctures,
        dose_steps=dose_steps,
        prime_steps=0,
        bench_steps=0,
        preload_steps=0,
        reverse_steps=0,
    )


def stroke(index: int, steps: int = 4) -> Stroke:
    return Stroke(
        index=index,
        pen_ticks=1_000_000 + index * 100_000,
        kind="puncture",
        steps=steps,
        protrusion_um=800,
        contact=True,
        partial=False,
        load_trip=False,
        depth_miss=False,
        peak_load_dn=12,
    )


def opened(session_id: str = SESSION) -> Draft:
    return Draft(
        SessionOpened(
            plan_name="forehead",
            plan_digest="ab" * 8,
            patient="P-0001",
            operator=ACTOR,
            plan={"name": "forehead"},
            product=None,
            limits={},
            certificate=None,
            cartridge={},
            config_digest="cd" * 8,
            accept_provisional=False,
        ),
        session_id,
        PEN,
    )


def changed(after: str, zone: str | None = None, session_id: str = SESSION) -> Draft:
    body = StateChanged(before="x", act="y", after=after, zone=zone, actor=ACTOR)
    return Draft(body, session_id, PEN)


def armed(arm_id: int, zone: str = "forehead", session_id: str | None = SESSION) -> Draft:
    body = ArmOpened(
        arm_id=arm_id,
        pen_uid=PEN,
        pen_boot_id=1,
        mode="dose",
        purpose="zone",
        zone=zone,
        protrusion_um=800,
        stroke_period_us=200_000,
        steps=4,
        dwell_us=0,
        settings_digest=1,
        cartridge_uid="00000000000000c1",
        certificate_id="00000000000000ce",
        picolitres_a_step=PICOLITRES_A_STEP,
        needles=12,
        first=counters(),
        first_index=0,
        actor=ACTOR,
    )
    return Draft(body, session_id, PEN)


def strokes(
    arm_id: int, first: int, number: int, ahead: int = 2, session_id: str | None = SESSION
) -> Draft:
    """`number` strokes of 4 steps from index `first` on; ceilings `ahead` strokes further."""
    done = first + number
    body = Strokes(
        arm_id=arm_id,
        pen_uid=PEN,
        pen_boot_id=1,
        strokes=tuple(stroke(i) for i in range(first, done)),
        puncture_ceiling=done + ahead,
        step_ceiling=4 * (done + ahead),
    )
    return Draft(body, session_id, PEN)


def closed_arm(arm_id: int, punctures: int, session_id: str | None = SESSION) -> Draft:
    final = counters(punctures, 4 * punctures)
    body = ArmClosed(
        arm_id=arm_id,
        pen_uid=PEN,
        how="final",
        end_reason="DISARM",
        first=counters(),
        certain=final,
        possible=final,
    )
    return Draft(body, session_id, PEN)


def alarm(alarm_id: str) -> Draft:
    body = AlarmRaised(
        alarm_id=alarm_id, name="occlusion", priority="high", sentence="s", cause="c", action="a"
    )
    return Draft(body, SESSION, PEN)


def alarm_over(alarm_id: str) -> Draft:
    return Draft(AlarmCleared(alarm_id=alarm_id), SESSION, PEN)


def closed(session_id: str = SESSION) -> Draft:
    return Draft(SessionClosed(outcome="complete", account={}, actor=ACTOR), session_id, PEN)


def health() -> Draft:
    body = HealthSeen(
        pen_uid=PEN,
        battery_mv=3_900,
        battery_percent=80,
        grip_temperature_dc=310,
        ring_used=3,
        link_discards=0,
    )
    return Draft(body, None, PEN)


def pen_seen() -> list[Draft]:
    enrolled = PenEnrolled(
        pen_uid=PEN, simulated=True, model="sim", firmware="1.0", counters=counters()
    )
    up = LinkUp(pen_uid=PEN, pen_boot_id=1, link_id=7, firmware="1.1", counters=counters())
    started: Body = ServiceStarted(software_version="0.1.0", config_digest="cd" * 8)
    return [Draft(started), Draft(enrolled, None, PEN), Draft(up, None, PEN)]


def whole_session(session_id: str = SESSION, batches: int = 20) -> Iterator[list[Draft]]:
    """The commits of a short session, in order."""
    yield pen_seen()
    yield [opened(session_id)]
    yield [changed("running", "forehead", session_id), armed(1, session_id=session_id)]
    for batch in range(batches):
        yield [strokes(1, 4 * batch, 4, session_id=session_id)]
        if batch == batches // 2:
            yield [alarm("occlusion-1"), health()]
            yield [alarm_over("occlusion-1")]
    yield [closed_arm(1, 4 * batches, session_id), closed(session_id)]
