"""A raw host: the requests, grants and preparations of the tests. Independent of the controller.

It decides nothing: it sends what it is told, with the ids, counters and ceilings of this pen.
"""

import functools

from protocol.codec import settings_digest
from protocol.conformance.granting import Granting
from protocol.conformance.rig import Rig
from protocol.conformance.settings import fitted
from protocol.conformance.timing import Timing
from protocol.limits import HANDSHAKE_US, HELLO_REPEAT_US, HOSTS_KEPT, SLICE_US
from protocol.messages import (
    Arm,
    ArmRecord,
    ArmReply,
    Cartridge,
    Clear,
    Cleared,
    Configure,
    Configured,
    Disarm,
    Envelope,
    Hello,
    HelloReply,
    Identity,
    Query,
    Status,
    Stop,
    Stopped,
    StrokeSettings,
)
from protocol.words import Mode, QueryTopic, RecordState, Result, StatusFlag

DOSE = StrokeSettings(Mode.DOSE, 1_000, 300_000, 370, 80_000)
RUN = StrokeSettings(Mode.NO_DISPENSE, 1_000, 10_000, 0, 0)
PRIME = StrokeSettings(Mode.PRIME, 0, SLICE_US, 120, 0)
RELOAD = StrokeSettings(Mode.RELOAD, 0, SLICE_US, 30, 0)
BENCH = StrokeSettings(Mode.BENCH, 500, 200_000, 37, 0)
BOOT_US = 1_500_000
"""Within this a pen is back at rest after its supply came back. Engineering estimate."""


class RawHost(Granting):
    """One host on one rig."""

    def __init__(self, rig: Rig, host_id: int | None = None) -> None:
        super().__init__(rig)
        self.host_id = rig.numbers.host_id if host_id is None else host_id
        self.nonce = 0
        self.next_arm_id = 0

    # --- handshake and requests ---

    def hello(self, nonce: int | None = None) -> HelloReply:
        """Open a link, as a host does: HELLO each 100 ms until the reply with that nonce."""
        self.nonce = self.fresh_id() if nonce is None else nonce
        self._granted = None
        for _ in range(HANDSHAKE_US // HELLO_REPEAT_US):
            self.send(Hello(self.nonce, self.host_id), link_id=0)
            sent_us, at = self.rig.now_us(), len(self.heard)
            for place, message in enumerate(self.listen(HELLO_REPEAT_US), at):
                if isinstance(message, HelloReply) and message.nonce == self.nonce:
                    self.timings.note(Timing.HANDSHAKE, self.heard_us[place] - sent_us)
                    self.link_id = self.nonce & 0xFFFF_FFFF
                    self.next_arm_id = max(self.next_arm_id, message.highest_arm_id + 1)
                    return message
        raise AssertionError("no HELLO_REPLY for 3 s")

    def identity(self) -> Identity:
        """Ask for IDENTITY."""
        return self.ask(Query(self.request_id(), QueryTopic.IDENTITY, 0), Identity)

    def envelope(self) -> Envelope:
        """Ask for ENVELOPE."""
        return self.ask(Query(self.request_id(), QueryTopic.ENVELOPE, 0), Envelope)

    def cartridge(self) -> Cartridge:
        """Ask for CARTRIDGE."""
        return self.ask(Query(self.request_id(), QueryTopic.CARTRIDGE, 0), Cartridge)

    def record(self, arm_id: int) -> ArmRecord:
        """Ask for an arm's record."""
        return self.ask(Query(self.request_id(), QueryTopic.ARM_RECORD, arm_id), ArmRecord)

    def last_arm(self) -> ArmRecord:
        """Ask for the record of the last arm of this host."""
        return self.ask(Query(self.request_id(), QueryTopic.LAST_ARM_OF_HOST, 0), ArmRecord)

    def configure(self, settings: StrokeSettings) -> Configured:
        """Send the settings and wait for the answer."""
        return self.ask(Configure(self.request_id(), settings), Configured)

    def wait_at_rest(self, within_us: int = 3_000_000) -> Status:
        """The first fresh status at rest. Fails when there is none in time."""
        until_us = self.rig.now_us() + within_us
        while self.rig.now_us() < until_us:
            status = self.fresh_status()
            if status.flags & StatusFlag.AT_REST:
                return status
        raise AssertionError(f"not at rest after {within_us} us")

    def arm_order(self, settings: StrokeSettings, arm_id: int | None = None) -> Arm:
        """An ARM that a pen at rest with these settings accepts."""
        status, identity = self.wait_at_rest(), self.identity()
        if arm_id is None:
            arm_id = max(self.next_arm_id, identity.highest_arm_id + 1)
            self.next_arm_id = arm_id + 1
        return Arm(
            self.request_id(),
            arm_id,
            settings_digest(settings),
            self.cartridge().cartridge_uid,
            identity.certificate_id,
            identity.last_stop_id,
            status.counters,
        )

    def arm(self, settings: StrokeSettings) -> int:
        """Configure and arm; returns the arm id. Fails when the pen refuses."""
        assert self.configure(settings).result is Result.OK
        order = self.arm_order(settings)
        reply = self.ask(order, ArmReply)
        assert reply.result is Result.OK, reply
        return order.arm_id

    def disarm(self, arm_id: int, within_us: int = 2_000_000) -> ArmRecord:
        """End the arm and wait for its final record."""
        self._granted = None
        return self.ask(Disarm(self.request_id(), arm_id), ArmRecord, within_us)

    def fresh_id(self) -> int:
        """A nonce or stop id that the pen has not heard."""
        return self.rig.numbers.fresh_id()

    def stop(self, stop_id: int, link_id: int | None = None) -> Stopped:
        """Send STOP, under any link id, and wait for the echo."""
        self._granted = None
        self.send(Stop(stop_id), link_id)
        sent_us = self.rig.now_us()
        echo = self.await_message(Stopped)
        self.timings.note(Timing.ECHO, self.rig.now_us() - sent_us)
        return echo

    def clear_stop(self, stop_id: int) -> Cleared:
        """Take the latch of a stop away."""
        return self.ask(Clear(self.request_id(), stop_id, 0), Cleared)

    def clear_fault(self, fault: int) -> Cleared:
        """Take a latched fault away."""
        return self.ask(Clear(self.request_id(), 0, fault), Cleared)

    def settle(self) -> None:
        """A new link to a pen at rest, nothing armed or latched, and every event acknowledged."""
        self.hello()
        status = self.wait_at_rest()
        self.ack(status.next_index)
        if status.flags & StatusFlag.STOP_LATCHED:
            assert self.clear_stop(self.identity().last_stop_id).result is Result.OK
        if status.fault:
            assert self.clear_fault(status.fault).result is Result.OK
        self.ack(self.wait_at_rest().next_index)

    def reboot(self) -> None:
        """Cut the power as everything is, hands off, and a new link to the pen at rest."""
        self.cut_power()
        self.hands_off()
        self.listen(BOOT_US)
        self.settle()

    def hands_off(self) -> None:
        """Trigger let go, off the dummy skin."""
        self.release()
        self.lift()

    def is_unseen(self) -> bool:
        """Whether the pen says that this host never armed, as a pen with its past has to say it."""
        last = self.last_arm()
        answers = {RecordState.NEVER}
        if self.identity().highest_arm_id > HOSTS_KEPT:
            answers.add(RecordState.NOT_KEPT)
        return last.arm_id == 0 and last.record_state in answers

    # --- settings that this pen accepts ---

    @functools.cached_property
    def limits(self) -> tuple[Envelope, Cartridge]:
        """What the pen said of itself when it was first asked."""
        return self.envelope(), self.cartridge()

    def fit(self, nominal: StrokeSettings) -> StrokeSettings:
        """The nominal settings, cut to what this pen accepts."""
        return fitted(nominal, *self.limits)

    @property
    def dose(self) -> StrokeSettings:
        """One metered dose on contact."""
        return self.fit(DOSE)

    @property
    def run(self) -> StrokeSettings:
        """The running needle, without dispense."""
        return self.fit(RUN)

    @property
    def prime(self) -> StrokeSettings:
        """Slices forward."""
        return self.fit(PRIME)

    @property
    def reload(self) -> StrokeSettings:
        """Slices backward."""
        return self.fit(RELOAD)

    @property
    def bench(self) -> StrokeSettings:
        """Strokes with a dose, off contact."""
        return self.fit(BENCH)

    # --- preparations ---

    def preload(self) -> None:
        """Prime until dose arms are allowed."""
        self.hands_off()
        before = self.fresh_status()
        if before.flags & StatusFlag.PRELOADED:
            return
        slices = -(-self.limits[0].preload_steps // self.prime.steps)
        self._slices(self.prime, before.counters.forward_steps, slices)
        assert self.fresh_status().flags & StatusFlag.PRELOADED

    def unload(self) -> None:
        """Pull the plunger back by a slice: the next prime starts with the whole preload.

        Preloads first, for the plunger of a new pen may have no way back.
        """
        self.preload()
        self._slices(self.reload, self.counters().reverse_steps, 1)
        assert not self.fresh_status().flags & StatusFlag.PRELOADED

    def _slices(self, settings: StrokeSettings, from_steps: int, slices: int) -> None:
        punctures, steps = self.counters().punctures, from_steps + slices * settings.steps
        arm_id = self.arm(settings)
        self.drive(arm_id, 60_000, punctures, steps)
        self.press()
        self.drive(arm_id, 200_000 + slices * SLICE_US, punctures, steps)
        self.release()
        self.disarm(arm_id)


def enter(rig: Rig) -> RawHost:
    """A host with a link to the pen at rest, which nobody touches and which has nothing open."""
    host = RawHost(rig)
    host.settle()
    host.events.clear()
    return host


def leave(host: RawHost, *, in_contact: bool = False) -> None:
    """Leave the pen as `enter` finds one, whatever the check did.

    With `in_contact` it may stay on the dummy skin, so that a person need not lift it in between.
    """
    host.grant_no_more()
    host.release()
    if not in_contact:
        host.lift()
    host.settle()
