"""When the next stroke may start, when the pen holds, and what the hand ends (C6, C7, C12)."""

from protocol.words import Mode
from simulator.firmware.configuring import SLICE_MODES
from simulator.firmware.core import Core, OpenArm
from simulator.firmware.spin_drive import SpinDrive

_ON_SKIN = frozenset({Mode.DOSE, Mode.NO_DISPENSE})


class Motion:
    """Decides; the drive of the open arm acts. `due_us` is when a waiting stroke may start."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._next_start_us = core.now_us
        self.due_us: int | None = None

    def hand_moved(self) -> None:
        """Trigger or raw contact changed: end what they end at once."""
        core, arm = self._core, self._core.arm
        if arm is None:
            return
        senses = core.senses
        if arm.mode in SLICE_MODES and not senses.is_pressed:
            arm.drive.cut(core.now_us)
        if arm.mode not in _ON_SKIN and senses.raw_contact:
            senses.void_press()
            arm.drive.cut(core.now_us)

    def contact_settled(self) -> None:
        """The debounced contact changed: a dose stroke whose contact is lost is cut."""
        core, arm = self._core, self._core.arm
        if arm is None or core.senses.contact:
            return
        if arm.mode is Mode.DOSE and arm.drive.is_moving:
            core.senses.void_press()
            arm.drive.cut(core.now_us)

    def consider(self) -> None:
        """Start, go on, or hold, as grants, hand and time allow at this instant."""
        arm = self._core.open_arm
        self.due_us = None
        self._core.is_holding = False
        if arm is None or not arm.lease.is_granted:
            return
        if isinstance(arm.drive, SpinDrive) and arm.drive.is_moving:
            self._supervise(arm, arm.drive)
        elif not arm.drive.is_moving:
            self._consider_start(arm)

    def _consider_start(self, arm: OpenArm) -> None:
        core = self._core
        ready_us = self._ready_us(arm.mode)
        if ready_us is None:
            return
        if not self._has_room(arm):
            core.is_holding = True
        elif max(ready_us, self._next_start_us) > core.now_us:
            self.due_us = max(ready_us, self._next_start_us)
        elif self._is_provided(arm):
            assert core.settings is not None
            self._next_start_us = core.now_us + core.settings.stroke_period_us
            core.start_stroke()

    def _supervise(self, arm: OpenArm, drive: SpinDrive) -> None:
        core = self._core
        has_room = self._has_room(arm)
        wants = core.senses.is_pressed and core.senses.contact
        core.is_holding = wants and not has_room
        if drive.is_braking:
            self._space_next_start()
        elif not (wants and has_room):
            drive.ease(core.now_us)
            self._space_next_start()
        else:
            self._is_provided(arm)

    def _space_next_start(self) -> None:
        settings = self._core.settings
        if settings is not None:
            self._next_start_us = self._core.now_us + settings.stroke_period_us

    def _ready_us(self, mode: Mode) -> int | None:
        senses = self._core.senses
        if not senses.is_pressed:
            return None
        return senses.touching_from_us() if mode in _ON_SKIN else senses.clear_from_us()

    def _has_room(self, arm: OpenArm) -> bool:
        return arm.drive.has_room(arm.lease, self._core.odometer.exact())

    def _is_provided(self, arm: OpenArm) -> bool:
        """Room in the ring and a reservation in NVM; without them a fault ends the arm."""
        core = self._core
        if core.ring.free < arm.drive.events_needed():
            core.raise_fault("RING_FULL")
            return False
        if arm.drive.is_covered() or arm.drive.reserve(arm.lease, core.odometer.exact()):
            return True
        core.raise_fault("NVM_FAULT")
        return False
