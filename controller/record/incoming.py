"""Reads what came over MQTT; anybody may have sent it.

Why apart: a message that cannot be read must cost a line in the log and nothing else, whatever is
wrong with it. Touches nothing.
"""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class NotAMessage(ValueError):
    """What came is not what its topic is for; the text says why."""


def read_message(payload: bytes | msgspec.Raw, kind: type[T]) -> T:
    """The message in `payload`.

    Raises:
        NotAMessage: no UTF-8, no JSON, nested beyond the stack, or not of this kind.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAMessage(str(error)) from error
