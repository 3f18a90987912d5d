"""A person's hand in virtual time: asked for an act, it does it seconds later."""

from collections.abc import Callable

from tests.conformance.memory_rig import MemoryHand, MemoryRig


class SlowHand:
    """Asks nobody; each act is due `after_us` later. `asked` keeps what was asked for."""

    def __init__(self, rig: "SlowRig", after_us: int) -> None:
        self._quick = MemoryHand(rig)
        self._rig = rig
        self._after_us = after_us
        self.asked: list[str] = []
        self.due: list[tuple[int, Callable[[], None]]] = []

    def later(self, word: str, act: Callable[[], None]) -> None:
        """Note what is asked for."""
        self.asked.append(word)
        self.due.append((self._rig.now_us() + self._after_us, act))

    def press(self) -> None:
        self.later("press", self._quick.press)

    def release(self) -> None:
        self.later("release", self._quick.release)

    def touch(self) -> None:
        self.later("touch", self._quick.touch)

    def lift(self) -> None:
        self.later("lift", self._quick.lift)


class SlowRig(MemoryRig):
    """The memory rig in the hands of a person."""

    is_quick = False

    def person(self, after_us: int) -> SlowHand:
        """Give the pen to a person who takes so long for every act."""
        self.slow = SlowHand(self, after_us)
        self.hand = self.slow  # type: ignore[assignment]  # a hand all the same
        return self.slow

    def read(self, until_us: int) -> bytes:
        """As the memory rig, with the acts that fall due meanwhile."""
        while self.slow.due and self.slow.due[0][0] <= until_us:
            at_us, act = self.slow.due[0]
            found = super().read(at_us)
            if found:
                return found
            self.slow.due.pop(0)
            act()
        return super().read(until_us)

    def power_cycle(self, *args: object) -> None:
        """The switch is the person's too."""
        self.slow.later("power", super().power_cycle)
