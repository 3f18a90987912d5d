"""The last minute of frames both ways, for the trace that goes with a fault report.

On the hot path a frame costs one tuple; decoding waits until somebody asks. The STOP's thread
writes here too, so only operations that are atomic in CPython touch the ring.
"""

from collections import deque
from typing import Any, Final

import msgspec

from protocol.codec import decode_payload
from protocol.framing import Discard, Frame
from protocol.messages import Message

SPAN_S: Final = 60.0
ENTRIES_MAX: Final = 6_000
"""60 s at 40 batches and 40 grants a second, with statuses and housekeeping."""


class Wiretap:
    """A ring bounded by entries and, when read, by age."""

    def __init__(self, entries_max: int = ENTRIES_MAX, span_s: float = SPAN_S) -> None:
        self._ring: deque[tuple[float, bool, Frame | Discard | str]] = deque(maxlen=entries_max)
        self._span_s = span_s

    def sent(self, mono_s: float, frame: Frame) -> None:
        """Note a frame to the pen."""
        self._ring.append((mono_s, True, frame))

    def received(self, mono_s: float, found: Frame | Discard) -> None:
        """Note what the decoder made of bytes from the pen."""
        self._ring.append((mono_s, False, found))

    def mark(self, mono_s: float, text: str) -> None:
        """Note something that is no frame: a port opened, a link lost."""
        self._ring.append((mono_s, False, text))

    def dump(self, now_mono_s: float | None = None) -> list[dict[str, Any]]:
        """All of the last 60 s, oldest first, as JSON-ready lines.

        Each line has `mono_s` and either `note`, or `way` ("to_pen", "from_pen") with the decoded
        frame or the discard. Without `now_mono_s` the newest entry stands for now.
        """
        entries = self._ring.copy()
        if not entries:
            return []
        now_s = entries[-1][0] if now_mono_s is None else now_mono_s
        return [_line(*entry) for entry in entries if entry[0] >= now_s - self._span_s]


def _line(mono_s: float, sent: bool, seen: Frame | Discard | str) -> dict[str, Any]:
    if isinstance(seen, str):
        return {"mono_s": mono_s, "note": seen}
    head: dict[str, Any] = {"mono_s": mono_s, "way": "to_pen" if sent else "from_pen"}
    if isinstance(seen, Discard):
        return head | _discard(seen)
    head |= {"link_id": seen.link_id, "sequence": seen.sequence}
    message = decode_payload(seen)
    return head | (_discard(message) if isinstance(message, Discard) else _fields(message))


def _discard(discard: Discard) -> dict[str, Any]:
    return {"discard": discard.reason.value, "detail": discard.detail}


def _fields(message: Message) -> dict[str, Any]:
    plain = msgspec.to_builtins(message, builtin_types=(bytes,))
    fields = {name: _text(value) for name, value in plain.items()}
    return {"message": type(message).__name__, "fields": fields}


def _text(value: Any) -> Any:
    return value.rstrip(b"\x00").decode("ascii") if isinstance(value, bytes) else value
