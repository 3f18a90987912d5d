"""Ready-made pens for white-box tests: the firmware on an ideal body, and a raw host on it."""

import msgspec

from protocol.conformance.host import RawHost
from protocol.messages import Counters, StrokeSettings
from simulator.device import Memory, PenSpec
from tests.conformance.memory_rig import MemoryRig


class Bench:
    """One pen, its host, and short names for what tests do all the time."""

    def __init__(
        self,
        memory: Memory | None = None,
        spec: PenSpec | None = None,
        rig: MemoryRig | None = None,
    ) -> None:
        self.rig = rig or MemoryRig(memory or Memory(preloaded=True), spec)
        self.body = self.rig.body
        self.nvm = self.rig.nvm
        self.hand = self.rig.hand
        self.host = RawHost(self.rig)
        self.host.listen(500_000)
        self.host.hello()

    def run(
        self, settings: StrokeSettings, strokes: int, for_us: int, *, on_skin: bool = True
    ) -> int:
        """Arm, grant `strokes` more, touch if wanted, press, and go on granting; the arm id."""
        before = self.host.counters()
        arm_id = self.host.arm(settings)
        self.ceilings = self.room(before, settings, strokes)
        if on_skin:
            self.hand.touch()
        self.host.drive(arm_id, 60_000, *self.ceilings)
        self.hand.press()
        self.go_on(arm_id, for_us)
        return arm_id

    def run_again(self, settings: StrokeSettings, strokes: int, for_us: int) -> int:
        """Hands off, end the present arm, and `run` another on the skin."""
        self.hand.release()
        self.hand.lift()
        self.host.disarm(self.host.fresh_status().arm_id)
        return self.run(settings, strokes, for_us)

    def go_on(self, arm_id: int, for_us: int) -> None:
        """Keep granting the same ceilings."""
        self.host.drive(arm_id, for_us, *self.ceilings)

    @staticmethod
    def room(before: Counters, settings: StrokeSettings, strokes: int) -> tuple[int, int]:
        """Ceilings that leave room for so many strokes."""
        base = max(before.forward_steps, before.reverse_steps)
        return before.punctures + strokes, base + strokes * settings.steps

    def fault(self) -> int:
        """The fault that the pen shows now."""
        return self.host.fresh_status().fault

    def reboot(self) -> None:
        """Hands off, power off and on, new link."""
        self.hand.release()
        self.hand.lift()
        self.rig.power_cycle()
        self.host.listen(500_000)
        self.host.hello()


def with_counters(**values: int) -> Memory:
    """A pen with a past."""
    zero = Counters(0, 0, 0, 0, 0, 0)
    counters = msgspec.structs.replace(zero, **values)
    return Memory(preloaded=True, proven=counters, reserved=counters)
