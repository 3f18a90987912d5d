"""What happened in a trial, in order, as one digest: two runs of a seed are the same, or differ.

Every byte each way, every journal entry, every change of state and every fault that took effect,
each with its virtual time. Nothing here asks the system for time or order.
"""

import hashlib
from collections.abc import Callable, Sequence

from controller.record.entry import Entry
from tests.soak.catalogue import FaultId


class Trace:
    """A running sha256; the lines themselves go to `tell` when somebody wants to read them."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._sha = hashlib.sha256()
        self._tell = tell
        self._states = ("", "")

    @property
    def digest(self) -> str:
        """sha256 of all that was noted, in hex."""
        return self._sha.hexdigest()

    def bytes(self, now_mono_s: float, way: str, data: bytes) -> None:
        """Bytes on the cable; `way` is `to_pen` or `to_host`."""
        self._note(now_mono_s, way, data.hex())

    def entries(self, now_mono_s: float, entries: Sequence[Entry]) -> None:
        """Entries that are durable now; their hash covers every byte of them."""
        for entry in entries:
            self._note(now_mono_s, "entry", f"{entry.seq} {entry.kind} {entry.hash}")

    def states(self, now_mono_s: float, states: tuple[str, str]) -> bool:
        """Where host and pen are; noted when it changed, and whether it did."""
        if states == self._states:
            return False
        self._states = states
        self._note(now_mono_s, "states", " ".join(states))
        return True

    def fault(self, now_mono_s: float, fault: FaultId) -> None:
        """A fault took effect."""
        self._note(now_mono_s, "fault", fault.value)

    def say(self, now_mono_s: float, text: str) -> None:
        """What the trial itself did: a phase began, a person acted."""
        self._note(now_mono_s, "trial", text)

    def _note(self, now_mono_s: float, kind: str, text: str) -> None:
        line = f"{now_mono_s:.6f} {kind} {text}"
        self._sha.update(line.encode())
        self._sha.update(b"\n")
        if self._tell is not None:
            self._tell(line)
