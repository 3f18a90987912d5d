"""Where each message goes: `micropen/v1/<site>/<room>/...`. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from controller.errors import TopicRefused

ROOT: Final = "micropen/v1"

_ID = re.compile(r"[a-z0-9-]{1,64}")
_FOREIGN = re.compile(r"[^a-z0-9-]+")


def topic_id(text: str) -> str:
    """Any text in the alphabet of topic ids; texts that are in it stay as they are."""
    return _FOREIGN.sub("-", text.lower())[:64].strip("-") or "unnamed"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one treatment room.

    Args:
        site, room: 1 to 64 characters out of a-z, 0-9 and the hyphen.

    Raises:
        TopicRefused: E6001.
    """

    site: str
    room: str

    def __post_init__(self) -> None:
        for name, value in (("site", self.site), ("room", self.room)):
            if not _ID.fullmatch(value):
                raise TopicRefused(f'The {name} "{value}" cannot stand in a topic.')

    @property
    def base(self) -> str:
        """What all topics of the room begin with."""
        return f"{ROOT}/{self.site}/{self.room}"

    @property
    def availability(self) -> str:
        """Retained; the will of the connection."""
        return f"{self.base}/availability"

    @property
    def info(self) -> str:
        """Retained."""
        return f"{self.base}/info"

    @property
    def state(self) -> str:
        """Retained."""
        return f"{self.base}/state"

    def events(self, session_id: str | None) -> str:
        """Never retained. Entries of no session go to the service's own topic."""
        if session_id is None:
            return f"{self.base}/service/events"
        return f"{self.base}/session/{topic_id(session_id)}/events"

    @property
    def all_events(self) -> tuple[str, str]:
        """The two filters that catch every entry."""
        return f"{self.base}/session/+/events", f"{self.base}/service/events"

    def alarm(self, alarm_id: str) -> str:
        """Retained until an empty payload."""
        return f"{self.base}/alarm/{topic_id(alarm_id)}"

    @property
    def receipt(self) -> str:
        """Retained; published by the archive."""
        return f"{self.base}/archive/receipt"
