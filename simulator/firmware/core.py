"""The heart of the firmware: state, the life of an arm, latches and the status (C4, C7, C10).

Every other part asks it; it asks nobody but the mechanics, the store and the drive of the open arm.
"""

from protocol.codec import settings_digest
from protocol.faults import fault_number
from protocol.messages import Arm, Status, StrokeSettings
from protocol.words import EndReason, Mode, PenState, StatusFlag
from simulator.firmware.configuring import SLICE_MODES
from simulator.firmware.diary import Diary
from simulator.firmware.drive import Drive, Rig, StrokeDrive
from simulator.firmware.lease import Lease
from simulator.firmware.nvm import ArmRow, Store
from simulator.firmware.odometer import Odometer
from simulator.firmware.records import ArmBook
from simulator.firmware.ring import Ring
from simulator.firmware.senses import Senses
from simulator.firmware.slice_drive import Preload, SliceDrive
from simulator.firmware.spec import PenSpec, TickClock
from simulator.firmware.spin_drive import SpinDrive
from simulator.firmware.states import Happening, next_state
from simulator.ports import Mechanics

# Plain numbers: an enumeration's members are slow to reach, and each event's frame has a status.
_TRIGGER = StatusFlag.TRIGGER.value
_CONTACT = StatusFlag.CONTACT.value
_AT_REST = StatusFlag.AT_REST.value
_HOMED = StatusFlag.HOMED.value
_PRELOADED = StatusFlag.PRELOADED.value
_HOLDING = StatusFlag.HOLDING.value
_STOP_LATCHED = StatusFlag.STOP_LATCHED.value


class OpenArm:
    """One arm from ARM to its final record. `end_reason` leaves OPEN before the record does.

    `lapse_us` is the world time at which the lease ends.
    """

    def __init__(self, order: Arm, mode: Mode, row: ArmRow, lease: Lease, drive: Drive) -> None:
        self.order = order
        self.mode = mode
        self.row = row
        self.lease = lease
        self.drive = drive
        self.end_reason = EndReason.OPEN
        self.is_open = True
        self.is_leased = True
        self.lapse_us = 0

    def end(self, reason: EndReason) -> None:
        """It has ended. After DISARM the lease still binds the stroke that finishes."""
        self.end_reason = reason
        self.is_open = False
        self.is_leased = reason is EndReason.DISARMED


class Core:
    """One boot of the pen. `now_us` is the world time up to which everything due was done."""

    def __init__(self, mechanics: Mechanics, store: Store, spec: PenSpec, now_us: int) -> None:
        self.mechanics = mechanics
        self.store = store
        self.memory = store.memory
        self.spec = spec
        self.now_us = now_us
        self.clock = TickClock(spec, now_us)
        self.odometer = Odometer(mechanics, store)
        self.senses = Senses(mechanics.trigger(), mechanics.contact(), now_us)
        self.ring = Ring(spec.ring_depth)
        self.diary = Diary(self.clock, self.ring, self.senses, spec.depth_tolerance_um)
        self.book = ArmBook(store.memory)
        self.preload = Preload(store.memory, spec.preload_steps)
        self.state = PenState.BOOT
        self.settings: StrokeSettings | None = None
        self.settings_digest = 0
        self.arm: OpenArm | None = None
        self.cut_by_boot = 0
        self.settling_until_us: int | None = None
        self.is_relieving = False
        self.is_holding = False
        self.host_id = 0
        self.needs_relief = False
        self._is_home_doubtful = False

    # --- what it is ------------------------------------------------------------------------

    @property
    def ticks(self) -> int:
        """The pen's tick now."""
        return self.clock.ticks(self.now_us)

    @property
    def is_moving(self) -> bool:
        """Whether needle or plunger move for the arm."""
        return self.arm is not None and self.arm.drive.is_moving

    @property
    def at_rest(self) -> bool:
        """Needle, plunger, depth axis and homing all stand."""
        if self.is_relieving or self.settling_until_us is not None:
            return False
        return self.arm is None or not self.arm.drive.is_moving

    @property
    def is_homed(self) -> bool:
        """Whether the needle's home is known; a jam puts it in doubt until the next homing."""
        return self.mechanics.is_homed() and not self._is_home_doubtful

    @property
    def is_latched(self) -> bool:
        """Whether a stop or a fault is latched."""
        return self.memory.stop_latched or self.memory.fault != 0

    @property
    def open_arm(self) -> OpenArm | None:
        """The arm that has not ended."""
        arm = self.arm
        return arm if arm is not None and arm.is_open else None

    def status(self) -> Status:
        """The status of this moment."""
        arm = self.open_arm
        return Status(
            self.ticks,
            self.memory.boot_id,
            arm.row.arm_id if arm else 0,
            self.state,
            self._flags(),
            self.memory.fault,
            self.odometer.exact(),
            self.ring.next_index,
        )

    def _flags(self) -> int:
        senses, memory = self.senses, self.memory
        return (
            _TRIGGER * senses.trigger
            | _CONTACT * senses.contact
            | _AT_REST * self.at_rest
            | _HOMED * self.is_homed
            | _PRELOADED * memory.preloaded
            | _HOLDING * self.is_holding
            | _STOP_LATCHED * memory.stop_latched
        )

    # --- the life of an arm ----------------------------------------------------------------

    def configure(self, settings: StrokeSettings | None) -> None:
        """Put settings into force and move the depth axis; None forgets them."""
        self.settings = settings
        self.settings_digest = settings_digest(settings) if settings else 0
        if settings and settings.mode not in SLICE_MODES:
            self.settling_until_us = self.mechanics.set_protrusion(
                self.now_us, settings.protrusion_um
            )

    def arm_with(self, order: Arm) -> bool:
        """Open the arm's record in NVM, then the arm. False when NVM failed; the fault latches."""
        assert self.settings is not None
        mode, counters = self.settings.mode, self.odometer.exact()
        undo = self.book.snapshot()
        row = self.book.open(order, self.host_id, mode, self.ring.next_index, counters)
        if not self.store.save():
            undo()
            self.raise_fault("NVM_FAULT")
            return False
        if mode in (Mode.DOSE, Mode.NO_DISPENSE):
            self.mechanics.mark_cartridge_used()
        lease = Lease(counters, mode, self.ticks)
        self.arm = OpenArm(order, mode, row, lease, self._drive_for(self.settings))
        self.arm.lapse_us = self.clock.world_us(lease.end_ticks)
        self.odometer.row = row
        self.diary.arm_id, self.diary.set_um = order.arm_id, self.settings.protrusion_um
        self.senses.void_press()
        self._happen(Happening.ARM)
        return True

    def _drive_for(self, settings: StrokeSettings) -> Drive:
        rig = Rig(self.mechanics, self.odometer, self.spec, self.diary)
        if settings.mode in SLICE_MODES:
            return SliceDrive(rig, settings, self.preload)
        if settings.mode is Mode.NO_DISPENSE:
            return SpinDrive(rig, settings)
        return StrokeDrive(rig, settings)

    def start_stroke(self) -> None:
        """Let the open arm's drive begin; its reservation is in NVM."""
        assert self.arm is not None
        self.diary.load_tripped = False
        self._happen(Happening.START)
        self.arm.drive.begin(self.now_us)

    def end_arm(self, reason: EndReason) -> None:
        """End the arm for good. Only a DISARM lets the stroke under way finish; the first reason
        stays.
        """
        arm = self.arm
        if arm is None:
            return
        self.is_holding = False
        if arm.is_open:
            arm.end(reason)
            self._happen(Happening.END)
        if reason is EndReason.DISARMED:
            arm.drive.ease(self.now_us)
        else:
            arm.is_leased = False  # also that of a DISARM which let the stroke under way finish
            arm.drive.cut(self.now_us)
        self.after_motion()

    def after_motion(self) -> None:
        """Latch what the drive found; at rest, bring NVM up to date and close an ended arm."""
        if self.diary.troubles:
            for name in self.diary.take_troubles():
                self.raise_fault(name)
        arm = self.arm
        if arm is None or arm.drive.is_moving:
            return
        if not arm.is_open:
            self._close(arm)
        elif self.state is PenState.RUNNING:
            self._happen(Happening.REST)
            if not self.odometer.withdraw():
                self.raise_fault("NVM_FAULT")

    def _close(self, arm: OpenArm) -> None:
        arm.row.end_reason = arm.end_reason
        is_saved = self.odometer.withdraw()
        self.arm = self.odometer.row = None
        self.diary.arm_id = 0
        self._happen(Happening.REST)
        if self.is_latched:
            self._happen(Happening.LATCH)
        if not is_saved:
            self.raise_fault("NVM_FAULT")

    def store_certificate(self, certificate_id: int) -> bool:
        """Write the id into NVM. False when NVM failed: the old id stays, the fault latches."""
        before, self.memory.certificate_id = self.memory.certificate_id, certificate_id
        if self.store.save():
            return True
        self.memory.certificate_id = before
        self.raise_fault("NVM_FAULT")
        return False

    # --- latches ---------------------------------------------------------------------------

    def raise_fault(self, name: str) -> None:
        """End the arm and latch the fault; while one is latched, others only end the arm."""
        is_first = self.memory.fault == 0
        if is_first:
            self.memory.fault = fault_number(name)
            self.needs_relief = name == "OCCLUSION"
        if name == "MOTOR_JAM":
            self.diary.load_tripped = self.is_moving
            self._is_home_doubtful = True
        self.end_arm(EndReason.FAULT)
        if is_first:
            self.store.save()
            self._happen(Happening.LATCH)

    def latch_stop(self, stop_id: int) -> None:
        """Stop the actuators, then latch the stop in NVM."""
        self.memory.last_stop_id = stop_id
        self.memory.stop_latched = True
        self.end_arm(EndReason.STOP)
        self._happen(Happening.LATCH)
        if not self.store.save():
            self.raise_fault("NVM_FAULT")

    def unlatch(self, *, stop_latched: bool, fault: int) -> bool:
        """Leave these latches only: in NVM first, then here. False when NVM failed; all stay.

        A write that ever failed in this boot latches once no earlier fault hides it.
        """
        memory = self.memory
        before = memory.stop_latched, memory.fault
        memory.stop_latched, memory.fault = stop_latched, fault
        is_saved = self.store.save()
        if not is_saved:
            memory.stop_latched, memory.fault = before
        elif not self.is_latched:
            self._happen(Happening.UNLATCH)
        if not self.store.is_sound:
            self.raise_fault("NVM_FAULT")
        return is_saved

    def home(self) -> None:
        """Find home again; not at rest until `settled`."""
        self._is_home_doubtful = False
        self.settling_until_us = self.mechanics.home(self.now_us)

    def settled(self) -> None:
        """Depth axis or homing stand."""
        self.settling_until_us = None
        is_boot = self.state is PenState.BOOT
        if is_boot:
            self.cut_by_boot = 0
            self._happen(Happening.READY)
            if self.is_latched:
                self._happen(Happening.LATCH)
        if not self.mechanics.is_homed():
            self.raise_fault("HOME_LOST")

    def _happen(self, happening: Happening) -> None:
        state = next_state(self.state, happening)
        if state is None:
            self.diary.trouble("FIRMWARE")
        else:
            self.state = state
