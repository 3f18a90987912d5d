"""The real link against a simulated pen, whatever happens to cable, line, pen and frames.

Rules are what can happen; after each one: one link at a time, no link id twice, an answer belongs
to its question, no push of an old link, a silent link is lost in time, attempts keep their pace.
"""

import asyncio
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from controller.errors import LinkError, LinkLost, PenError, PortMissing, RequestTimeout
from controller.link.backoff import FIRST_S, LONGEST_S
from controller.link.exchange import SILENCE_S, Exchange
from controller.link.handshake import HANDSHAKE_S
from controller.link.port import BytePort, OnBytes, OnLost
from controller.link.supervisor import LinkSupervisor
from protocol.framing import Decoder, Frame, encode_frame
from protocol.messages import HOST_KINDS, ArmRecord, Hello, Message, Query, Status, Stop
from protocol.words import QueryTopic
from simulator.attach import InProcessOpener, InProcessPort
from simulator.driver import Driver
from simulator.line import Window, WireSettings
from simulator.scenario import Scenario
from simulator.world import World
from tests.fuzz.digest import pen_digest
from tests.property.virtual_machine import VirtualMachine, budget
from tests.support.virtual import VirtualClock, advance

TURN_S = 0.002
"""Slack of timers that are set for the same instant."""
KEPT_FRAMES = 400
LINES = {
    "quiet": WireSettings(),
    "usb": WireSettings(baud=115_200, latency_us=1_000, latency_jitter_us=15_000),
    "bytes": WireSettings(baud=115_200, byte_at_a_time=True),
    "lossy": WireSettings(latency_us=1_000, lose_frame=0.3, duplicate_frame=0.3, flip_byte=0.001),
    "late": WireSettings(reorder_frame=0.3, delay_frame=0.2, delay_us=1_500_000),
    "dead": WireSettings(dead=(Window(0.0, 1e9),)),
}


class Tap:
    """A port that remembers the frames which passed it, both ways."""

    def __init__(self, port: InProcessPort, kept: list[Frame]) -> None:
        self._port = port
        self._kept = kept
        self._decoders = Decoder(), Decoder()
        self.on_bytes: OnBytes = lambda _: None

    def start(self, on_bytes: OnBytes, on_lost: OnLost) -> None:
        self.on_bytes = on_bytes
        self._port.start(self._deliver, on_lost)

    def _deliver(self, data: bytes) -> None:
        self._keep(self._decoders[0], data)
        self.on_bytes(data)

    def write(self, data: bytes) -> None:
        self._keep(self._decoders[1], data)
        self._port.write(data)

    def close(self) -> None:
        self._port.close()

    def _keep(self, decoder: Decoder, data: bytes) -> None:
        self._kept += [each for each in decoder.feed(data) if isinstance(each, Frame)]
        del self._kept[:-KEPT_FRAMES]


class Room:
    """Opener and listener of one supervisor; writes down what it is told and asserts its order."""

    def __init__(self, seed: int) -> None:
        self.clock = VirtualClock.running()
        self.world = World(Scenario(), seed)
        self.driver = Driver(self.world)
        self.opener = InProcessOpener(self.driver, lambda: PortMissing("The cable is out."))
        self.frames: list[Frame] = []
        self.tap: Tap | None = None
        self.links: list[Exchange] = []
        self.current: Exchange | None = None
        self.pushes = 0
        self.opened_mono_s: list[float] = []
        self.missed_mono_s: list[float] = []
        self.supervisor = LinkSupervisor(self, self.clock, 77, self, Random(seed))
        self.work = asyncio.create_task(self.supervisor.run(), name="link")

    async def open(self) -> BytePort:
        self.opened_mono_s.append(self.clock.mono_s())
        if self.opener.unplugged:
            self.missed_mono_s.append(self.clock.mono_s())
        self.tap = Tap(await self.opener.open(), self.frames)
        return self.tap

    async def link_up(self, link: Exchange) -> None:
        assert self.current is None, "two links at a time"
        assert link.link_id not in {each.link_id for each in self.links}, "a link id again"
        self.links.append(link)
        self.current = link
        link.subscribe(lambda message, newest: self._on_push(link, message, newest))
        await asyncio.wait((link.lost,))

    def link_lost(self, link: Exchange, reason: str) -> None:
        assert link is self.current, "lost a link that is not up"
        assert reason
        self.current = None

    def link_failed(self, error: LinkError | PenError) -> None:
        assert self.current is None
        assert error.number

    def _on_push(self, link: Exchange, message: Message, newest: bool) -> None:
        assert link is self.current, "a push of a link that is over"
        status = getattr(message, "status", None)
        assert status is None or not newest or status == link.heard.status
        self.pushes += 1


class Asked:
    """One request on its way; its arm id is used by no other."""

    def __init__(self, link: Exchange, token: int, now_s: float, deadline_s: float) -> None:
        self.link = link
        self.token = token
        self.due_s = now_s + deadline_s
        query = Query(0, QueryTopic.ARM_RECORD, token)
        self.work = asyncio.create_task(link.request(query, deadline_s, ArmRecord))


class LinkMachine(VirtualMachine):
    """See the module."""

    room: Room

    @initialize(seed=st.integers(1, 10_000))
    def begin(self, seed: int) -> None:
        self.rng = Random(seed)
        self.asked: list[Asked] = []
        self.newest: dict[int, Status] = {}
        self.tokens = 1_000
        self.stop_ids = {0}
        self.unplugged_since_s: float | None = None
        self.play(self._set_up(seed))

    async def _set_up(self, seed: int) -> None:
        self.room = Room(seed)
        await advance(1.0)

    async def end(self) -> None:
        if not hasattr(self, "room"):
            return
        self.room.work.cancel()
        await asyncio.gather(self.room.work, *(e.work for e in self.asked), return_exceptions=True)
        self.room.driver.stop()

    # --- time, cable, line, pen ------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.0, 0.005, 0.05, 0.3, 1.2, 3.5)))
    def wait(self, seconds: float) -> None:
        self.play(advance(seconds))

    @rule()
    def pull_the_cable(self) -> None:
        self.room.opener.unplug()
        self.unplugged_since_s = self.unplugged_since_s or self.now_s
        self.settle()

    @rule()
    def put_it_back(self) -> None:
        self.room.opener.replug()
        self.unplugged_since_s = None

    @rule()
    def another_program_opens_the_port(self) -> None:
        self.play(self._steal())

    async def _steal(self) -> None:
        if not self.room.opener.unplugged:
            (await self.room.opener.open()).close()

    @rule(to_pen=st.sampled_from(sorted(LINES)), to_host=st.sampled_from(sorted(LINES)))
    def line_changes(self, to_pen: str, to_host: str) -> None:
        self.room.world.line.to_pen.settings = LINES[to_pen]
        self.room.world.line.to_host.settings = LINES[to_host]

    @rule()
    def pen_resets(self) -> None:
        self.play(self._reset())

    async def _reset(self) -> None:
        now_us = self.room.driver.now_us()
        self.room.world.advance(now_us)
        self.room.world.cut_power(now_us)
        self.room.driver.run()

    # --- requests and stops ----------------------------------------------------------------

    @precondition(lambda self: self.room.current is not None)
    @rule(deadlines_s=st.lists(st.sampled_from((0.05, 0.3, 1.0)), min_size=1, max_size=3))
    def ask(self, deadlines_s: list[float]) -> None:
        self.play(self._ask(deadlines_s))

    async def _ask(self, deadlines_s: list[float]) -> None:
        assert self.room.current is not None
        for deadline_s in deadlines_s:
            self.tokens += 1
            self.asked.append(Asked(self.room.current, self.tokens, self.now_s, deadline_s))
        await asyncio.sleep(0)

    @rule()
    def stop(self) -> None:
        stop_id = self.play(self._stop())
        self.stop_ids.add(stop_id)
        active = self.room.supervisor.stop_line.active
        confirmed = self.room.supervisor.stop_line.last_confirmed
        assert (active and active.stop_id == stop_id) or (
            confirmed and confirmed.stop_id == stop_id
        )

    async def _stop(self) -> int:
        return self.room.supervisor.stop_line.trigger("a rule")

    # --- frames that nobody may act on -----------------------------------------------------

    def _old(self, *, of_host: bool) -> list[Frame]:
        assert self.room.current is not None
        present = self.room.current.link_id
        return [
            each
            for each in self.room.frames
            if each.link_id != present
            and each.kind not in {Hello.KIND, Stop.KIND}
            and (each.kind in HOST_KINDS) == of_host
        ]

    @precondition(lambda self: self.room.current is not None)
    @rule()
    def old_frames_come_to_the_host(self) -> None:
        self.play(self._old_to_host())

    async def _old_to_host(self) -> None:
        link, old = self.room.current, self._old(of_host=False)
        if link is None or self.room.tap is None:
            return
        before = (self.room.pushes, link.heard.status, link.heard.age_s(), self._strange())
        self.room.tap.on_bytes(b"\x00" + b"".join(map(encode_frame, old)))
        others = self._strange() - len(old)
        assert (self.room.pushes, link.heard.status, link.heard.age_s(), others) == before

    def _strange(self) -> int:
        assert self.room.current is not None
        return self.room.current.counts.get("other_link", 0)

    @precondition(lambda self: self.room.world.device is not None and self.room.current)
    @rule()
    def old_frames_come_to_the_pen(self) -> None:
        self.play(self._to_pen(self._old(of_host=True)))

    async def _to_pen(self, old: list[Frame]) -> None:
        world, now_us = self.room.world, self.room.driver.now_us()
        self.room.driver.run()
        device = world.device
        if device is None:
            return
        device.advance(now_us)
        before = pen_digest(device, world.mechanism, world.nvm.slots)
        discarded = device._inbox.discarded
        in_force = device._inbox.link_id
        strange = [each for each in old if each.link_id != in_force]
        device.receive(b"\x00" + b"".join(map(encode_frame, strange)), now_us)
        broken = device._inbox.discarded - discarded - len(strange)
        assert broken in {0, 1}, "none was taken; the frame under way may be broken"
        assert pen_digest(device, world.mechanism, world.nvm.slots) == before

    @precondition(lambda self: self.room.current is not None)
    @rule(noise=st.binary(max_size=300))
    def noise_comes_to_the_host(self, noise: bytes) -> None:
        self.play(self._noise(noise))

    async def _noise(self, noise: bytes) -> None:
        pushes = self.room.pushes
        assert self.room.tap is not None
        self.room.tap.on_bytes(b"\x00" + noise + b"\x00")
        assert self.room.pushes == pushes

    @precondition(lambda self: self.room.current is not None)
    @rule(count=st.integers(1, 40))
    def own_frames_come_again(self, count: int) -> None:
        own = [each for each in self.room.frames if each.kind not in HOST_KINDS][-count:]
        self.play(self._deliver(b"".join(map(encode_frame, own))))

    async def _deliver(self, data: bytes) -> None:
        assert self.room.tap is not None
        self.room.tap.on_bytes(b"\x00" + data + b"\x00")

    # --- it heals --------------------------------------------------------------------------

    @rule()
    def everything_is_well_again(self) -> None:
        self.put_it_back()
        self.line_changes("usb", "usb")
        self.play(advance(HANDSHAKE_S + LONGEST_S + SILENCE_S + 1.5))
        assert self.room.current is not None, "no link after all was well"
        assert self.room.supervisor.stop_line.active is None
        device = self.room.world.device
        assert device is not None
        # not always the newest: a STOP that lingered on the line stops once more
        assert device._core.memory.last_stop_id in self.stop_ids

    # --- what holds after each rule ----------------------------------------------------------

    @invariant()
    def all_holds(self) -> None:
        self._requests_end_in_time_with_their_own_answer()
        self._a_link_that_is_up_is_heard()
        self._what_was_heard_never_goes_back()
        self._attempts_keep_their_pace()
        self._the_supervisor_lives()

    def _requests_end_in_time_with_their_own_answer(self) -> None:
        for each in self.asked:
            if not each.work.done():
                assert self.now_s <= each.due_s + TURN_S, "a request outlives its deadline"
                continue
            error = each.work.exception()
            assert isinstance(error, LinkLost | RequestTimeout | None)
            if error is None:
                assert each.work.result().arm_id == each.token, "the answer to another question"
        self.asked = [each for each in self.asked if not each.work.done()]

    def _a_link_that_is_up_is_heard(self) -> None:
        link = self.room.current
        if link is not None and link.is_up:
            assert link.heard.age_s() <= SILENCE_S + TURN_S

    def _what_was_heard_never_goes_back(self) -> None:
        link = self.room.current
        if link is None:
            return
        before = self.newest.get(link.link_id)
        now = self.newest[link.link_id] = link.heard.status
        assert now.boot_id == link.hello.boot_id
        assert before is None or now.pen_ticks >= before.pen_ticks
        assert before is None or now.counters.punctures >= before.counters.punctures

    def _attempts_keep_their_pace(self) -> None:
        opened, missed = self.room.opened_mono_s, self.room.missed_mono_s
        gaps = [late - early for early, late in pairwise(opened)]
        assert all(gap >= FIRST_S - TURN_S for gap in gaps), "attempts without a pause"
        since_s = self.unplugged_since_s
        if since_s is not None and self.now_s - since_s > HANDSHAKE_S + LONGEST_S:
            assert self.now_s - missed[-1] <= LONGEST_S + TURN_S
        if self.room.current is None:
            longest_s = HANDSHAKE_S + LONGEST_S + TURN_S
            lost_s = [each.heard.age_s() for each in self.room.links[-1:]]
            idle_s = min([self.now_s - opened[-1], *lost_s])
            assert idle_s <= longest_s, "nobody tries any more"

    def _the_supervisor_lives(self) -> None:
        assert not self.room.work.done(), self._why()
        assert self.problems == []

    def _why(self) -> Any:
        return self.room.work.exception() if not self.room.work.cancelled() else "cancelled"


TestLink = LinkMachine.TestCase
TestLink.settings = budget(100, 40)
