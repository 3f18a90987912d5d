"""Who wrote a message: telemetry and archive share a key, and sign what the other relies on.

Why: anybody who may publish to the room's topics could else acknowledge entries that no archive
has, or put entries into an archive that no journal has. Pure but for the reading of the key's file.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Final, Self

from controller.errors import SigningKeyRefused

KEY_BYTES_MIN: Final = 32
"""As long as the hash: RFC 2104 section 3 advises against less."""

_FIELD: Final = b',"signature":"'
_END: Final = b'"}'
_LENGTH: Final = len(_FIELD) + 64 + len(_END)


class Signer:
    """HMAC-SHA256 over topic and message, as the message's last field, `signature`.

    Without a key nothing is signed, and everything counts as signed.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    @classmethod
    def from_file(cls, path: Path | None) -> Self:
        """The key is the whole file, at least 32 bytes; no path, no key.

        Raises:
            SigningKeyRefused: E6007.
        """
        if path is None:
            return cls()
        try:
            key = path.read_bytes()
        except OSError as error:
            raise SigningKeyRefused(f"{path} cannot be read: {error.strerror}.") from error
        if len(key) < KEY_BYTES_MIN:
            raise SigningKeyRefused(f"{path} holds {len(key)} bytes, fewer than {KEY_BYTES_MIN}.")
        return cls(key)

    def signed(self, topic: str, payload: bytes) -> bytes:
        """A JSON object of at least one field, with its signature for this topic."""
        if self._key is None:
            return payload
        return b"%s%s%s%s" % (payload[:-1], _FIELD, self._mac(topic, payload), _END)

    def is_signed(self, topic: str, payload: bytes) -> bool:
        """Whether somebody with the key wrote this for this topic."""
        if self._key is None:
            return True
        content, end = payload[:-_LENGTH] + b"}", payload[-_LENGTH:]
        expected = _FIELD + self._mac(topic, content) + _END
        return hmac.compare_digest(end, expected)

    def _mac(self, topic: str, payload: bytes) -> bytes:
        # A topic holds no zero byte: nothing can be moved from the topic into the message.
        said = topic.encode() + b"\0" + payload
        return hmac.digest(self._key or b"", said, hashlib.sha256).hex().encode()
