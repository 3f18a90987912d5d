"""The simulated pen's firmware: bytes and edges in, bytes and motor commands out (C1-C13).

It has no clock: the owner tells it the world time with every call and asks `next_wake_us` when it
must be called next. It reaches the world only through `Mechanics` and its memory only through
`Nvm`; dropping it and constructing it anew on both is a power cut.
"""

from functools import partial

from protocol.limits import PROTOCOL_VERSION
from protocol.messages import (
    Ack,
    Arm,
    Clear,
    Configure,
    Disarm,
    Grant,
    Hello,
    HelloReply,
    Message,
    Query,
    Replay,
    Stop,
    Stopped,
    StoreCertificate,
)
from protocol.words import EndReason, Mode, PenState
from simulator.firmware.boot import ResetCause, start_up
from simulator.firmware.core import Core
from simulator.firmware.desk import Desk
from simulator.firmware.enquiries import Enquiries
from simulator.firmware.granting import GrantDesk
from simulator.firmware.guard import Guard
from simulator.firmware.linking import LINK_MASK, ForeignHello, Handshake, Inbox
from simulator.firmware.motion import Motion
from simulator.firmware.nvm import Memory, Nvm, PowerLostError, Store
from simulator.firmware.outbox import Outbox, Urgency
from simulator.firmware.pushes import Pushes
from simulator.firmware.relief import Relief
from simulator.firmware.spec import PenSpec
from simulator.ports import Indicator, Mechanics

__all__ = [
    "Indicator",
    "Memory",
    "Nvm",
    "PenDevice",
    "PenSpec",
    "PowerLostError",
    "ResetCause",
]


class PenDevice:
    """One boot of the pen; constructing it is switching on.

    Methods that take `now_us` must be called with world times that never fall. Any of them may
    raise PowerLostError when the memory was told to lose its supply: the object is then dead.
    """

    def __init__(
        self,
        mechanics: Mechanics,
        nvm: Nvm,
        spec: PenSpec,
        *,
        boot_at_us: int = 0,
        cause: ResetCause = ResetCause.POWER_ON,
    ) -> None:
        mechanics.advance(boot_at_us)
        core = Core(mechanics, Store(nvm), spec, boot_at_us)
        self._core = core
        self._guard = Guard(core)
        self._relief = Relief(core)
        self._motion = Motion(core)
        self._inbox, self._outbox = Inbox(), Outbox()
        self._handshake = Handshake()
        enquiries = Enquiries(core, self._outbox)
        self._desk = Desk(core, self._guard, enquiries, self._outbox)
        self._grants = GrantDesk(core, self._outbox)
        self._pushes = Pushes(core, self._inbox, self._outbox)
        self._chip_uid = self._fitted()
        self._handlers = {
            Hello: self._hello,
            ForeignHello: self._foreign_hello,
            Stop: self._stop,
            Grant: self._grants.grant,
            Ack: self._grants.ack,
            Query: enquiries.query,
            Replay: enquiries.replay,
            Configure: self._desk.configure,
            Arm: self._desk.arm,
            Disarm: self._desk.disarm,
            Clear: self._desk.clear,
            StoreCertificate: self._desk.store_certificate,
        }
        start_up(core, cause)
        self._due_us = self._earliest_us()

    # --- for the owner ---------------------------------------------------------------------

    def receive(self, data: bytes, now_us: int) -> None:
        """Take bytes from the wire. What was due before, a lapse above all, is done first."""
        self.advance(now_us)
        for message in self._inbox.feed(data):
            self._handle(message)
            self._follow_up()
        self._due_us = self._earliest_us()

    def advance(self, now_us: int) -> None:
        """Do everything due until `now_us`, each thing at its own time."""
        core = self._core
        while self._due_us <= now_us:
            self._at(max(self._due_us, core.now_us))
            self._due_us = self._earliest_us()
        if now_us > core.now_us:
            core.mechanics.advance(now_us)
            core.now_us = now_us

    def next_wake_us(self) -> int:
        """The earliest world time at which something is due."""
        return self._due_us

    def _earliest_us(self) -> int:
        core, arm = self._core, self._core.arm
        due_us = min(self._pushes.due_us, self._guard.due_us)
        if arm is not None and arm.is_leased and arm.lapse_us < due_us:
            due_us = arm.lapse_us
        for other_us in (
            arm.drive.due_us if arm is not None else None,
            self._motion.due_us,
            core.senses.due_us(),
            core.settling_until_us,
            self._relief.due_us if core.needs_relief or core.is_relieving else None,
        ):
            if other_us is not None and other_us < due_us:
                due_us = other_us
        return due_us

    def take_output(self) -> bytes:
        """All bytes for the wire, STOPPED before anything else."""
        return self._outbox.take_all()

    def take_frame(self) -> bytes:
        """The most urgent frame only, for an owner that models a slow wire; empty when none."""
        return self._outbox.take_frame()

    def input_changed(self, now_us: int) -> None:
        """Trigger, contact or cartridge changed; an edge that is not told is not seen."""
        self.advance(now_us)
        core = self._core
        if not self._inputs_differ():
            return
        core.senses.sample(core.mechanics.trigger(), core.mechanics.contact(), now_us)
        if core.senses.raw_contact:
            self._relief.cut()
        self._motion.hand_moved()
        self._check_cartridge()
        self._follow_up()
        self._due_us = self._earliest_us()

    @property
    def state(self) -> PenState:
        """The state machine's state, as a status would tell it now."""
        return self._core.state

    def indicator(self) -> Indicator:
        """The lamp, the display and the feel of the pen."""
        core = self._core
        arm, memory = core.arm, core.memory
        return Indicator(
            arm.mode if arm is not None and arm.is_open else None,
            core.is_holding,
            memory.stop_latched or memory.fault != 0,
            core.diary.strokes_felt,
            not core.at_rest,
        )

    # --- time ------------------------------------------------------------------------------

    def _at(self, now_us: int) -> None:
        core = self._core
        core.now_us = now_us
        core.mechanics.advance(now_us)
        self._judge_lapse()
        if core.settling_until_us is not None and now_us >= core.settling_until_us:
            core.settled()
        arm = core.arm
        if arm is not None and arm.drive.due_us is not None and now_us >= arm.drive.due_us:
            arm.drive.run(now_us)
            core.after_motion()
        if core.senses.settle(now_us):
            self._motion.contact_settled()
        if now_us >= self._guard.due_us:
            self._guard.poll()
        relief_us = self._relief.due_us
        if relief_us is not None and now_us >= relief_us:
            self._relief.run()
        self._follow_up()
        if now_us >= self._pushes.due_us:
            self._pushes.run(now_us)

    def _judge_lapse(self) -> None:
        core, arm = self._core, self._core.arm
        if arm is not None and arm.is_leased and core.now_us >= arm.lapse_us:
            core.end_arm(arm.lease.end_reason)

    def _follow_up(self) -> None:
        self._core.after_motion()
        self._motion.consider()
        self._core.after_motion()
        self._desk.settle()

    def _inputs_differ(self) -> bool:
        senses, mechanics = self._core.senses, self._core.mechanics
        return (
            mechanics.trigger() != senses.trigger
            or mechanics.contact() != senses.raw_contact
            or self._fitted() != self._chip_uid
        )

    def _check_cartridge(self) -> None:
        core, fitted = self._core, self._fitted()
        if fitted == self._chip_uid:
            return
        self._chip_uid = fitted
        if core.settings is not None and core.settings.mode is Mode.RELOAD:
            return
        if core.open_arm is not None:
            core.raise_fault("CARTRIDGE_REMOVED")
        core.configure(None)

    def _fitted(self) -> int | None:
        chip = self._core.mechanics.chip()
        return chip.cartridge_uid if chip else None

    # --- handshake and stop ----------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        handler = self._handlers[type(message)]
        handler(message)  # type: ignore[operator]  # the table pairs each class with its handler

    def _hello(self, hello: Hello) -> None:
        if not self._handshake.is_repeat(hello):
            if not self._handshake.accepts(hello):
                self._inbox.discarded = (self._inbox.discarded + 1) & 0xFFFF
                return
            self._replace_link(hello)
        self._outbox.put(Urgency.HELLO, partial(self._build_hello_reply, hello.nonce))

    def _replace_link(self, hello: Hello) -> None:
        core = self._core
        core.end_arm(EndReason.NEW_LINK)
        self._handshake.replace(hello)
        core.host_id = hello.host_id
        core.diary.is_linked = True
        core.ring.new_link()
        self._desk.new_link()
        self._inbox.link_id = hello.nonce & LINK_MASK
        self._outbox.new_link(self._inbox.link_id)
        self._pushes.new_link()

    def _foreign_hello(self, hello: ForeignHello) -> None:
        self._inbox.discarded = (self._inbox.discarded + 1) & 0xFFFF
        self._outbox.put(Urgency.HELLO, partial(self._build_hello_reply, hello.nonce))

    def _build_hello_reply(self, nonce: int) -> HelloReply:
        core, memory = self._core, self._core.memory
        return HelloReply(
            nonce,
            core.spec.uid,
            PROTOCOL_VERSION,
            memory.boot_id,
            core.state,
            memory.highest_arm_id,
            memory.last_stop_id,
        )

    def _stop(self, stop: Stop) -> None:
        if stop.stop_id != self._core.memory.last_stop_id:
            self._relief.cut()
            self._core.latch_stop(stop.stop_id)
        self._outbox.put(Urgency.STOPPED, lambda: Stopped(stop.stop_id, self._core.status()))
