"""Who may open files in this process: the controller loses that by H12, the room around it never.

The limit is one of the whole process, so what the other faults do to the room lends it back.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

_LIMIT = resource.RLIMIT_NOFILE


class Descriptors:
    """One trial's; `keep` puts back what was before it, whatever happens."""

    def __init__(self) -> None:
        self._before = resource.getrlimit(_LIMIT)
        self._taken = 0
        self._lent = 0

    def take(self) -> None:
        """From now on nothing can be opened; each call needs a `give_back`."""
        self._taken += 1
        self._apply()

    def give_back(self) -> None:
        """Take one `take` back."""
        self._taken -= 1
        self._apply()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The room opens its files, whatever the controller may."""
        self._lent += 1
        self._apply()
        try:
            yield
        finally:
            self._lent -= 1
            self._apply()

    def keep(self) -> None:
        """As before the trial."""
        self._taken = self._lent = 0
        self._apply()

    def _apply(self) -> None:
        none = self._taken > 0 and self._lent == 0
        resource.setrlimit(_LIMIT, (0, self._before[1]) if none else self._before)


@contextmanager
def kept() -> Iterator[Descriptors]:
    """A trial may take all descriptors away, and fail before it gives them back."""
    global _current  # noqa: PLW0603 - the limit is one of the process, and so is this
    before, _current = _current, Descriptors()
    try:
        yield _current
    finally:
        _current.keep()
        _current = before


def current() -> Descriptors:
    """Those of the trial that runs in this process."""
    return _current


_current = Descriptors()
