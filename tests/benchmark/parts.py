"""Where a profile's time went, by part of the system. Built-in calls count for who called them."""

import cProfile
import pstats
from collections.abc import Iterable
from typing import Any, cast

PARTS = (
    ("session", ("controller/",)),
    ("journal", ("controller/record/", "tests/support/desk", "tests/support/seeded_journal")),
    ("link and codec", ("controller/link/", "protocol/", "simulator/line", "simulator/attach")),
    ("pen's firmware", ("simulator/firmware/", "simulator/device")),
    ("pen's world", ("simulator/",)),
    ("loop", ("asyncio/", "selectors", "tests/support/lean_loop", "tests/support/virtual")),
    ("theatre", ("tests/",)),
)
"""The longest folder that fits a file's path decides."""
OTHER = "other libraries"

_Place = tuple[str, int, str]
_Row = tuple[int, int, float, float, dict[_Place, tuple[int, int, float, float]]]


def by_part(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds in each part, the largest first; libraries count for the part that called them."""
    stats = cast(Any, pstats.Stats(profile)).stats
    seconds: dict[str, float] = {}
    for part, spent_s in _spent(stats):
        seconds[part] = seconds.get(part, 0.0) + spent_s
    return dict(sorted(seconds.items(), key=lambda each: -each[1]))


def _spent(stats: dict[_Place, _Row]) -> Iterable[tuple[str, float]]:
    for place, (_, _, own_s, _, callers) in stats.items():
        part = part_of(place[0])
        if part is not None or not callers:
            yield part or OTHER, own_s
            continue
        for caller, (_, _, of_caller_s, _) in callers.items():
            yield part_of(caller[0]) or OTHER, of_caller_s


def part_of(path: str) -> str | None:
    """The part that a source file belongs to; None for a library or a built-in."""
    if "site-packages" in path:
        return None
    fits = [
        (len(folder), part) for part, folders in PARTS for folder in folders if f"/{folder}" in path
    ]
    return max(fits)[1] if fits else None
