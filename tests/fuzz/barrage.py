"""Hostile frames for both ends of a running session, and the judge of what became of them.

Time stands still while a volley is fed, so that nothing but the frames can change anything. Spies
sit where a frame would begin to act: the pen's handlers, the host's dispatch, its port and its
journal. The real decoders count what they threw away; that count is the figure.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

import msgspec

from controller.errors import LinkError
from protocol.framing import Frame
from protocol.messages import HOST_KINDS, PEN_KINDS, Hello
from simulator.device import PenDevice
from simulator.firmware.outbox import Outbox, Urgency
from simulator.firmware.spin_drive import SpinDrive
from tests.fuzz.digest import host_digest, pen_digest, puts_off
from tests.fuzz.facts import Facts, block_of, device_of, facts_of, sources
from tests.fuzz.forgery import FORGERIES
from tests.fuzz.noise import DAMAGE, DELIMITER, frames_in
from tests.fuzz.rules import RULES, TO_PEN
from tests.fuzz.spies import Spies
from tests.support.theatre import Theatre

READ_BYTES = 4_096
"""What one read of a serial port gives at most (controller/link/port.py)."""
_HOST_DOOR = ("other_link", "echo")
"""Counted by the exchange besides the decoder's and codec's own reasons."""
_TOO_LATE = ("old_status", "late_reply", "reply_of_wrong_kind")


class Volley(msgspec.Struct):
    """Frames of one class, for each end. `to_pen` and `to_host` may be the same list."""

    name: str
    to_pen: list[bytes]
    to_host: list[bytes]


class Score(msgspec.Struct):
    """What became of the frames: per class, how many each end threw away or refused."""

    frames: Counter[str] = msgspec.field(default_factory=Counter)
    pen_discarded: Counter[str] = msgspec.field(default_factory=Counter)
    pen_refused: Counter[str] = msgspec.field(default_factory=Counter)
    host_discarded: Counter[str] = msgspec.field(default_factory=Counter)
    host_refused: Counter[str] = msgspec.field(default_factory=Counter)
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    moments: Counter[str] = msgspec.field(default_factory=Counter)
    volleys: int = 0
    bytes_fed: int = 0
    problems: list[str] = msgspec.field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.frames.values())


class Barrage:
    """Feeds volleys into the theatre's present link. `said` grows with the link's real traffic."""

    def __init__(self, theatre: Theatre, rng: Random, score: Score) -> None:
        self._theatre = theatre
        self._rng = rng
        self.score = score
        self.old_link: list[Frame] = []
        self._names = [*DAMAGE, *FORGERIES, "old_link", *RULES]
        weights = [DAMAGE[name][0] for name in DAMAGE] + [FORGERIES[name][0] for name in FORGERIES]
        self._weights = [*weights, 3, *(RULES[name][0] for name in RULES)]
        self._not_yet = rng.sample(self._names, len(self._names))

    def ready(self) -> bool:
        """Whether a link stands, is reconciled and holds no half frame."""
        engine = self._theatre.engine
        device = self._theatre.stage.world.device
        if device is None or engine.pen is None or not engine.reconciled:
            return False
        wire = engine.pen._link._wire
        return not (device._inbox._decoder.held_bytes or wire._decoder.held_bytes)

    def heard_until(self, before_mono_s: float) -> tuple[Frame, ...]:
        """The real frames of this link that are older than that."""
        assert self._theatre.engine.pen is not None
        link = self._theatre.engine.pen._link
        ring = link._wire._wiretap._ring
        return tuple(
            seen
            for mono_s, _, seen in ring
            if isinstance(seen, Frame) and mono_s < before_mono_s and seen.link_id == link.link_id
        )

    def volley(self, name: str, facts: Facts, count: int) -> Volley:
        """Frames of a class; possibly none when the moment does not fit."""
        rng = self._rng
        if name in RULES:
            blocks = RULES[name][1](rng, facts, count)
            return Volley(name, blocks, blocks)
        valid = sources(facts, rng)
        if name in FORGERIES:
            return Volley(name, *FORGERIES[name][1](rng, facts, valid, count))
        if name == "old_link":
            picks = [rng.choice(self.old_link) for _ in range(count)] if self.old_link else []
            blocks = [block_of(frame) for frame in picks]
            return Volley(name, blocks, blocks)
        originals = [block_of(frame) for frame in valid]
        damaged = frames_in(DAMAGE[name][1](rng, originals, count))
        if not (intact := set(originals)).isdisjoint(damaged):
            damaged = [block for block in damaged if block not in intact]
        return Volley(name, damaged, damaged)

    async def fire(self, count: int) -> None:
        """Feed one volley of about `count` frames and judge it.

        Each class has its turn once; from then on they are drawn by weight.
        """
        theatre = self._theatre
        theatre.stage.driver.run()
        await _settle()
        if not self.ready():
            return
        name = self._next_class()
        async with self._request_in_flight(wanted=name == "wrong_reply"):
            mono_s = theatre.clock.mono_s()
            # The firmware's own time stands at its last event until it is told of this one.
            device_of(theatre).advance(theatre.stage.driver.now_us())
            facts = facts_of(theatre, self.heard_until(mono_s - 0.1))
            volley = self.volley(name, facts, count)
            if volley.to_pen:
                await self._feed(volley, facts, mono_s)
                return
        self._not_yet.insert(0, name)  # the moment did not fit

    def _next_class(self) -> str:
        if self._not_yet:
            return self._not_yet.pop()
        return self._rng.choices(self._names, self._weights)[0]

    @asynccontextmanager
    async def _request_in_flight(self, *, wanted: bool) -> AsyncIterator[None]:
        """A query that changes nothing, asked by the host; its answer comes after the volley."""
        pen = self._theatre.engine.pen
        if not wanted or pen is None:
            yield
            return
        asking = asyncio.create_task(pen.arm_record(0))
        await _settle()
        yield
        try:
            await asking
        except LinkError as error:
            self.score.problems.append(f"the query in flight failed: {error}")

    async def _feed(self, volley: Volley, facts: Facts, mono_s: float) -> None:
        theatre, score, spies = self._theatre, self.score, Spies()
        assert theatre.engine.pen is not None
        link = theatre.engine.pen._link
        port = theatre.opener._port
        assert port is not None
        assert port._on_bytes is not None
        device, now_us = device_of(theatre), theatre.stage.driver.now_us()
        before, start_us = self._digests(), device._motion._next_start_us
        discarded, counts = device._inbox.discarded, Counter(link._wire.counts)
        tap = link._wire._wiretap._ring
        traffic = tap.copy()
        with spies.watching(theatre, link, port):
            for chunk in _chunks(volley.to_pen):
                device.receive(chunk, now_us)
            answers = _drop_output(device._outbox)
            for chunk in _chunks(volley.to_host):
                port._on_bytes(chunk)
            await _settle()
        tap.clear()
        tap.extend(traffic)
        if theatre.clock.mono_s() != mono_s:
            score.problems.append("time ran on while a volley was fed")
        seen = Counter(link._wire.counts) - counts
        self._book(volley, spies, (device._inbox.discarded - discarded) & 0xFFFF, seen)
        self._judge(volley.name, spies, answers, before)
        if not puts_off(start_us, device._motion._next_start_us, braking=_is_braking(device)):
            score.problems.append(f"{volley.name}: the next stroke may start at another time")
        score.moments[f"{theatre.engine.state}, pen {facts.status.state.name}"] += len(
            volley.to_pen
        )

    def _digests(self) -> tuple[str, str]:
        theatre = self._theatre
        world = theatre.stage.world
        body = world.mechanism
        body.battery_mv(), body.grip_temperature_dc()  # both count up to now when looked at
        pen = pen_digest(device_of(theatre), world.mechanism, world.nvm.slots)
        return pen, host_digest(theatre.engine)

    def _book(self, volley: Volley, spies: Spies, discarded: int, seen: Counter[str]) -> None:
        score, name = self.score, volley.name
        late = sum(seen.pop(each, 0) for each in _TOO_LATE)
        handled, dispatched = spies.pen_handled.total(), spies.host_dispatched.total()
        greetings = spies.pen_handled["Hello"] + spies.pen_handled["ForeignHello"]
        pen_total = discarded + handled - greetings  # the handler counts these as thrown away
        if pen_total != len(volley.to_pen) or seen.total() + dispatched != len(volley.to_host):
            score.problems.append(
                f"{name}: {len(volley.to_pen)} frames, pen {discarded}+{handled}, "
                f"host {seen.total()}+{dispatched}"
            )
        score.volleys += 1
        score.frames[name] += len(volley.to_pen)
        score.bytes_fed += sum(map(len, volley.to_pen)) + len(volley.to_pen)
        score.pen_discarded[name] += len(volley.to_pen) - handled
        score.pen_refused[name] += handled
        score.host_discarded[name] += seen.total()
        score.host_refused[name] += dispatched
        score.reasons += seen
        score.reasons["too_late"] += late

    def _judge(
        self, name: str, spies: Spies, answers: Counter[str], before: tuple[str, str]
    ) -> None:
        found: list[str] = []
        if spies.pen_handled and name not in TO_PEN | {"old_link"}:
            found.append(f"the pen handled {dict(spies.pen_handled)}")
        if spies.host_dispatched and (name not in RULES or name in TO_PEN):
            found.append(f"the host handled {dict(spies.host_dispatched)}")
        if answers and name not in TO_PEN | {"old_link"}:
            found.append(f"the pen answered {dict(answers)}")
        if spies.host_wrote or spies.submitted:
            found.append(f"the host wrote {spies.host_wrote} bytes, {spies.submitted} entries")
        after = self._digests()
        found += [
            f"the {end} is another"
            for end, old, new in zip(("pen", "host"), before, after, strict=True)
            if old != new
        ]
        self.score.problems += [f"{name}: {each}" for each in found]


def _is_braking(device: PenDevice) -> bool:
    arm = device._core.arm
    return arm is not None and isinstance(arm.drive, SpinDrive) and arm.drive.is_braking


def link_frames(theatre: Theatre) -> list[Frame]:
    """Frames of the present link, for replay on a later one. STOP is taken on any link: left out.

    HELLO was sent under link id 0, like STOP; the pen knows it by its nonce.
    """
    assert theatre.engine.pen is not None
    link = theatre.engine.pen._link
    seen = [entry[2] for entry in link._wire._wiretap._ring]
    known = HOST_KINDS | PEN_KINDS
    return [
        each
        for each in seen
        if isinstance(each, Frame)
        and each.kind in known
        and (each.link_id == link.link_id or each.kind == Hello.KIND)
    ]


def _chunks(blocks: list[bytes]) -> Iterator[bytes]:
    stream = DELIMITER + DELIMITER.join(blocks) + DELIMITER
    for at in range(0, len(stream), READ_BYTES):
        yield stream[at : at + READ_BYTES]


def _drop_output(outbox: Outbox) -> Counter[str]:
    """Take away what the pen would answer; the line is not part of the trial."""
    waiting = {urgency.name: len(outbox._waiting[urgency]) for urgency in Urgency}
    for queue in outbox._waiting:
        queue.clear()
    return Counter({name: size for name, size in waiting.items() if size})


async def _settle() -> None:
    """Let everything run that is due at this instant."""
    for _ in range(6):
        await asyncio.sleep(0)
