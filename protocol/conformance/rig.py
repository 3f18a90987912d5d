"""What the conformance suite needs of a pen under test, whatever carries its bytes.

A rig is a wire, a hand and a clock. All checks speak to it; none knows what is behind it.
"""

from typing import Protocol


class Numbers(Protocol):
    """Ids that a pen has not heard before: those of one run."""

    @property
    def host_id(self) -> int:
        """The id of the host that runs the checks."""
        ...

    def fresh_id(self) -> int:
        """64 bits whose lower half is not 0: fit for a nonce, a stop or a host."""
        ...


class Hand(Protocol):
    """The physical acts on a pen."""

    def press(self) -> None:
        """Press and hold the trigger."""
        ...

    def release(self) -> None:
        """Let go of the trigger."""
        ...

    def touch(self) -> None:
        """Put the pen on the skin (or on its dummy)."""
        ...

    def lift(self) -> None:
        """Take it off."""
        ...


class Rig(Protocol):
    """One pen. Times are microseconds of the rig's clock.

    `write` and `read` raise OSError when the line is lost.
    """

    @property
    def hand(self) -> Hand:
        """The one who presses and touches."""
        ...

    @property
    def numbers(self) -> Numbers:
        """The ids of the run."""
        ...

    @property
    def is_quick(self) -> bool:
        """Whether an act of hand or power switch is done, within 10 ms, when its call returns.

        Of a slow rig the call only asks for the act.
        """
        ...

    @property
    def latency_us(self) -> int:
        """What line and computer may take beyond what the suite allows anyway."""
        ...

    def now_us(self) -> int:
        """The rig's time."""
        ...

    def write(self, data: bytes) -> None:
        """Bytes to the pen, now."""
        ...

    def read(self, until_us: int) -> bytes:
        """Wait for bytes from the pen, at most until `until_us`; empty when none came."""
        ...

    def power_cycle(self) -> None:
        """Cut the pen's supply and give it back."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
