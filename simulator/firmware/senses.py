"""Trigger and contact: edges, debouncing and the press that motion needs (C6, C12). Pure.

Fed by `sample` at every edge, as an interrupt would.
"""

from protocol.limits import CONTACT_LOST_US, CONTACT_STABLE_US

CHATTER_EDGES = 200
"""Contact edges within one second that no lift-off bounce (5-20 ms, domain 5.4) can make."""


class Senses:
    """What the hand does, as the firmware believes it."""

    def __init__(self, trigger: bool, contact: bool, now_us: int) -> None:
        self.trigger = trigger
        self.is_pressed = False
        self.raw_contact = contact
        self.contact = False
        self._since_us = now_us
        self._edges = 0
        self._window_us = now_us

    def sample(self, trigger: bool, contact: bool, now_us: int) -> None:
        """Take the inputs at `now_us`. A press is an edge; it ends with the release."""
        if trigger != self.trigger:
            self.trigger = trigger
            self.is_pressed = trigger
        if contact != self.raw_contact:
            self.raw_contact = contact
            self._since_us = now_us
            self._count_edge(now_us)

    def void_press(self) -> None:
        """The press under way no longer counts; a new one is needed."""
        self.is_pressed = False

    def due_us(self) -> int | None:
        """When the debounced contact changes if nothing else does."""
        if self.raw_contact == self.contact:
            return None
        return self._since_us + (CONTACT_STABLE_US if self.raw_contact else CONTACT_LOST_US)

    def settle(self, now_us: int) -> bool:
        """Let the debounced contact follow; True when it changed."""
        due_us = self.due_us()
        if due_us is None or now_us < due_us:
            return False
        self.contact = self.raw_contact
        return True

    def touching_from_us(self) -> int | None:
        """When contact will have been stable for 20 ms; None without contact."""
        return self._since_us + CONTACT_STABLE_US if self.raw_contact else None

    def clear_from_us(self) -> int | None:
        """When there will have been no contact for 50 ms; None with contact."""
        return None if self.raw_contact else self._since_us + CONTACT_LOST_US

    def is_chattering(self, now_us: int) -> bool:
        """Whether the contact sensor changed more often in a second than a hand can."""
        return self._edges > CHATTER_EDGES and now_us < self._window_us + 1_000_000

    def _count_edge(self, now_us: int) -> None:
        if now_us >= self._window_us + 1_000_000:
            self._window_us, self._edges = now_us, 0
        self._edges += 1
