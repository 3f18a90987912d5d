"""Who hears that something happened: a stack of listeners for each thing that can happen.

Only the newest listener of a thing is told, so that one happening is never counted twice.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Ears(Generic[K]):
    """Costs one look into an empty table while nobody listens."""

    def __init__(self) -> None:
        self._listeners: dict[K, list[tuple[Callable[[], None]]]] = {}

    def listen(self, what: K, on_happened: Callable[[], None]) -> Callable[[], None]:
        """Call `on_happened` at each `what`, until the returned function is called."""
        entry = (on_happened,)
        self._listeners[what] = [*self._listeners.get(what, []), entry]

        def forget() -> None:
            left = [each for each in self._listeners.get(what, []) if each is not entry]
            self._listeners[what] = left

        return forget

    def tell(self, what: K) -> None:
        """It happens now."""
        listeners = self._listeners.get(what)
        if listeners:
            listeners[-1][0]()
