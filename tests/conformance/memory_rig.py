"""The firmware alone, in virtual time, on an ideal body: the fast rig, and the one to break."""

from simulator.device import Memory, Nvm, PenDevice, PenSpec, PowerLostError, ResetCause
from tests.conformance.numbers import DrawnNumbers
from tests.support.ideal_mechanics import IdealMechanics


class MemoryHand:
    def __init__(self, rig: "MemoryRig") -> None:
        self._rig = rig

    def press(self) -> None:
        self._rig.body.held = True
        self._rig.inputs()

    def release(self) -> None:
        self._rig.body.held = False
        self._rig.inputs()

    def touch(self) -> None:
        self._rig.body.touching = True
        self._rig.inputs()

    def lift(self) -> None:
        self._rig.body.touching = False
        self._rig.inputs()


class MemoryRig:
    """`body`, `nvm` and `device` are open to white-box tests."""

    is_quick = True
    latency_us = 0

    def __init__(self, memory: Memory | None = None, spec: PenSpec | None = None) -> None:
        self.body = IdealMechanics()
        self.nvm = Nvm(memory)
        self.spec = spec or PenSpec()
        self.power_cuts = 0
        self.numbers = DrawnNumbers(0x5EED)
        self._now_us = 0
        self.device = PenDevice(self.body, self.nvm, self.spec)
        self.hand = MemoryHand(self)

    def now_us(self) -> int:
        return self._now_us

    def write(self, data: bytes) -> None:
        try:
            self.device.receive(data, self._now_us)
        except PowerLostError:
            self.power_cycle()

    def read(self, until_us: int) -> bytes:
        while True:
            output = self.device.take_output()
            if output or self._now_us >= until_us:
                return output
            self.step_to(min(max(self.device.next_wake_us(), self._now_us), until_us))

    def step_to(self, at_us: int) -> None:
        """Let the pen live until `at_us`."""
        self._now_us = at_us
        try:
            self.device.advance(at_us)
        except PowerLostError:
            self.power_cycle()

    def inputs(self) -> None:
        """Tell the firmware that an input changed now."""
        try:
            self.device.input_changed(self._now_us)
        except PowerLostError:
            self.power_cycle()

    def power_cycle(self, cause: ResetCause = ResetCause.POWER_ON) -> None:
        while True:
            self.power_cuts += 1
            self.body.lose_power()
            try:
                self.device = PenDevice(
                    self.body, self.nvm, self.spec, boot_at_us=self._now_us, cause=cause
                )
            except PowerLostError:
                continue
            return

    def close(self) -> None:
        """Nothing is held."""
