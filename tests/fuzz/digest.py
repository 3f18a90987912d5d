"""Everything that either end holds, as one number: equal before and after, or something was done.

Walks plain objects by their attributes. Left out is only what is no state: counts of discarded
frames, the receiver's buffer, what waits for the line, and when a refusal was last answered.
"""

from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from random import Random
from typing import Any

import msgspec

from controller.session.books import Books
from controller.session.engine import Engine
from simulator.device import PenDevice
from simulator.mechanism import Mechanism

_LEFT_OUT = frozenset(
    {
        "_decoder",
        "discarded",
        "_outbox",
        "_handlers",
        "_quiet_until_us",
        "_last_configure",  # the memory by which a copy of a request is known
        "_next_start_us",  # judged by itself: see `puts_off`
        "_clock",
        "_recorder",
        "_on_complete",
        "_on_committed",
        "_link",
        "pen",
        "_timer",
    }
)
_PLAIN = (int, float, str, bytes, bool, type(None))


def _walk(value: Any, seen: set[int], into: list[str], *, shared: bool = True) -> None:
    """`shared` False: what is met twice is written twice, whether one object or two equal ones."""
    if isinstance(value, _PLAIN):
        into.append(repr(value))
    elif isinstance(value, Random):
        into.append(str(hash(value.getstate())))
    elif id(value) in seen or callable(value):
        into.append("-")
    else:
        seen.add(id(value))
        into.append(type(value).__name__)
        for part in _parts(value):
            _walk(part, seen, into, shared=shared)
        if not shared:
            seen.discard(id(value))


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | deque):
        return value
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, msgspec.Struct):
        names: Iterable[str] = value.__struct_fields__
    else:
        names = getattr(value, "__dict__", {})
    return [getattr(value, name) for name in names if name not in _LEFT_OUT]


def _digest(*values: Any) -> str:
    found: list[str] = []
    _walk(values, set(), found)
    return sha256("\n".join(found).encode()).hexdigest()


def pen_digest(device: PenDevice, body: Mechanism, slots: list[bytes]) -> str:
    """Firmware, memory chip and body of a pen at one instant."""
    return _digest(device, body, slots)


def host_digest(engine: Engine) -> str:
    """The session, its books, the drive and the link of a controller at one instant."""
    pen = engine.pen
    assert pen is not None, "no pen is linked"
    link = pen._link
    pending = link._pending
    return _digest(
        (engine.state, engine.reconciled, engine.session_id, link.link_id, link.is_up),
        (link._request_id, link.last_stop_id, link._told_stop_id, link._stop_ticks),
        (pending.request_id, pending.answer.done()) if pending else (),
        (link.heard.status, link.heard._receipt_mono_s, link.stop_line.active),
        (engine.books.ledger, engine.books.alarms),
        (engine.stops.under_way, bool(engine.works.under_way)),
        (pen._follower._stream, pen._follower._tail_index, pen._follower._tail_ticks),
        (engine.drive._granted, engine.drive._running, engine.drive._easing)
        if engine.drive
        else (),
        (engine.intake.acked_index, engine.intake._waiting) if engine.intake else (),
    )


def puts_off(before_us: int, after_us: int, *, braking: bool) -> bool:
    """Whether the next stroke's earliest start may have changed so.

    While a needle brakes, each look at the rules puts the start after the rest off, by less than
    one period after the last look; no frame may ever bring it forward.
    """
    return after_us == before_us or (braking and after_us > before_us)


def books_text(books: Books) -> str:
    """All that the books of a journal say, a line for each fact."""
    found: list[str] = []
    _walk(books, set(), found, shared=False)
    return "\n".join(found)
