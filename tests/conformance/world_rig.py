"""The whole simulated pen, physics included, in virtual time on a quiet wire."""

from simulator.misbehaviour import FaultSettings
from simulator.practitioner import HandSettings
from simulator.scenario import Scenario
from simulator.world import World
from tests.conformance.numbers import DrawnNumbers


def still_scenario(*faults: FaultSettings) -> Scenario:
    """A pen that nobody touches unless the test does."""
    return Scenario(hand=HandSettings(enabled=False), fault=faults)


class WorldHand:
    def __init__(self, rig: "WorldRig") -> None:
        self._rig = rig

    def press(self) -> None:
        self._rig.world.press(held=True)

    def release(self) -> None:
        self._rig.world.press(held=False)

    def touch(self) -> None:
        self._rig.world.touch(touching=True)

    def lift(self) -> None:
        self._rig.world.touch(touching=False)


class WorldRig:
    """Bytes that the wire's model holds back arrive when they are due."""

    is_quick = True
    latency_us = 0

    def __init__(self, scenario: Scenario | None = None) -> None:
        self.world = World(scenario or still_scenario())
        self.numbers = DrawnNumbers(0x5EED)
        self._now_us = 0
        self.world.advance(0)
        self.hand = WorldHand(self)

    def now_us(self) -> int:
        return self._now_us

    def write(self, data: bytes) -> None:
        self.world.host_sends(data, self._now_us)

    def read(self, until_us: int) -> bytes:
        while True:
            output = b"".join(self.world.take_for_host(self._now_us))
            if output or self._now_us >= until_us:
                return output
            wakes = (self.world.next_wake_us(), self.world.next_for_host_us(), until_us)
            due_us = min(wake for wake in wakes if wake is not None)
            self._now_us = min(max(due_us, self._now_us), until_us)
            self.world.advance(self._now_us)

    def power_cycle(self) -> None:
        self.world.cut_power(self._now_us)

    def close(self) -> None:
        """Nothing is held."""
