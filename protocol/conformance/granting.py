"""Grants of a raw host, and the hand that must not outlast their lease.

A machine's hand has acted when its call returns. A person takes seconds, so the host goes on
granting what it granted last until the pen itself shows that it was touched or pressed.
"""

from collections.abc import Callable, Iterator

from protocol.conformance.rig import Rig
from protocol.conformance.wire import Wire
from protocol.limits import EVENT_RING_MIN_RECORDS, GRANT_PERIOD_US, LEASE_HOST_MAX_US
from protocol.messages import Ack, Grant, Status
from protocol.words import StatusFlag

HAND_WITHIN_US = 60_000_000
"""How long a person has for one act. Engineering estimate."""

HELD_EVENTS = EVENT_RING_MIN_RECORDS // 2
"""So many events may wait while a person is waited for; no check looks at more."""


class NobodyActed(Exception):
    """An act was asked for, and the pen has not shown it: no verdict on the pen."""


class Granting(Wire):
    """Frames of one link, with grants and the acts of a hand."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self._granted: tuple[int, int, int] | None = None
        self._acked = 0
        self._grants_no_more = False

    def grant_message(
        self, arm_id: int, punctures: int, steps: int, ahead_us: int = LEASE_HOST_MAX_US
    ) -> Grant:
        """A grant of absolute ceilings that is valid for `ahead_us` from now."""
        valid_until = max(0, self.estimated_ticks() + ahead_us)
        return Grant(self.status.boot_id, arm_id, punctures, steps, valid_until, 0)

    def drive(self, arm_id: int, for_us: int, punctures: int, steps: int) -> None:
        """Grant these absolute ceilings each 25 ms for a time."""
        for _ in self.driving(arm_id, for_us, punctures, steps):
            pass

    def driving(self, arm_id: int, for_us: int, punctures: int, steps: int) -> Iterator[int]:
        """The same, with the floor to the caller after each grant."""
        self._granted = (arm_id, punctures, steps)
        until_us = self.rig.now_us() + for_us
        while self.rig.now_us() < until_us:
            self.send(self.grant_message(arm_id, punctures, steps))
            self.listen(min(GRANT_PERIOD_US, until_us - self.rig.now_us()))
            yield self.rig.now_us()

    def ack(self, acked_index: int) -> None:
        """Acknowledge the events under this index."""
        self._acked = acked_index
        self.send(Ack(self.status.boot_id, acked_index))

    def grant_no_more(self) -> None:
        """From now on let a lease lapse while somebody is waited for: the check is over."""
        self._grants_no_more = True

    # --- the hand ---

    def press(self) -> None:
        """Press and hold the trigger."""
        self._act(self.rig.hand.press, lambda status: bool(status.flags & StatusFlag.TRIGGER))

    def release(self) -> None:
        """Let go of the trigger."""
        self._act(self.rig.hand.release, lambda status: not status.flags & StatusFlag.TRIGGER)

    def touch(self) -> None:
        """Put the pen on the dummy skin."""
        self._act(self.rig.hand.touch, lambda status: bool(status.flags & StatusFlag.CONTACT))

    def lift(self) -> None:
        """Take it off."""
        self._act(self.rig.hand.lift, lambda status: not status.flags & StatusFlag.CONTACT)

    def hands_off(self) -> None:
        """Trigger let go, off the dummy skin."""
        self.release()
        self.lift()

    def cut_power(self) -> None:
        """Take the pen's supply away, at this instant if the rig can, and give it back."""
        self._granted = None
        boot_id = self.status.boot_id
        self._act(self.rig.power_cycle, lambda status: status.boot_id != boot_id)

    def _act(self, act: Callable[[], None], is_done: Callable[[Status], bool]) -> None:
        if self.rig.is_quick:
            act()
            return
        self._keep_alive()
        if not is_done(self.fresh_status()):
            act()
            self._wait_for_hand(is_done)

    def _wait_for_hand(self, is_done: Callable[[Status], bool]) -> None:
        until_us = self.rig.now_us() + HAND_WITHIN_US
        while self.rig.now_us() < until_us:
            self._keep_alive()
            self.listen(GRANT_PERIOD_US)
            if is_done(self.status):
                return
        raise NobodyActed(
            f"the pen has not shown it for {HAND_WITHIN_US // 1_000_000} s: nobody acted, "
            "or it does not notice"
        )

    def _keep_alive(self) -> None:
        """Grant the open arm what it has: as last granted, or a lease without any room.

        A needle that runs until somebody lets go must not fill the ring.
        """
        if self._grants_no_more:
            return
        if self.status.next_index - self._acked > HELD_EVENTS:
            self.ack(self.status.next_index)
        arm_id = self.status.arm_id
        if self._granted and arm_id == self._granted[0]:
            self.send(self.grant_message(*self._granted))
        elif arm_id:
            self.send(self.grant_message(arm_id, 0, 0))
