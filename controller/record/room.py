"""The room as retained topics show it: the newest session, the pen, the alarms. Fed by entries.

Touches nothing; `catch_up` reads the journal.
"""

import json
from collections.abc import Callable, Iterator
from enum import Flag, auto
from typing import Any, Final

from controller.record.entry import SCHEMA_VERSION, Entry
from controller.record.messages import (
    AlarmMessage,
    Info,
    PenHealth,
    PenInfo,
    RoomState,
    SessionState,
    ZoneState,
)
from controller.record.reader import JournalReader
from controller.record.tally import SessionTally, figures
from protocol.limits import PROTOCOL_VERSION, is_simulated_uid

_INFO_KINDS: Final = ("service_started", "pen_enrolled", "link_up", "arm_opened")
_ALARM_KINDS: Final = ("alarm_raised", "alarm_cleared")


class Changed(Flag):
    """What an entry changed."""

    NOTHING = 0
    FIGURES = auto()
    STATE = auto()
    INFO = auto()


def is_simulated(pen_uid: str | None) -> bool:
    """Whether an entry's pen is a simulated one."""
    return pen_uid is not None and is_simulated_uid(int(pen_uid, 16))


class Room:
    """What is true of the room up to entry `seq`."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self.seq = 0
        self.wall = ""
        self.simulated = False
        self.alarms: dict[str, AlarmMessage] = {}
        self.session: SessionTally | None = None
        self.health: PenHealth | None = None
        self._software_version = "unknown"
        self._config_digest: str | None = None
        self._certificate_id: str | None = None
        self._models: dict[str, str] = {}
        self._pen: tuple[str, str] | None = None

    @property
    def pen_uid(self) -> str | None:
        """The pen that was linked last."""
        return None if self._pen is None else self._pen[0]

    def start(self) -> None:
        """Take what is rare from the whole journal, and go on from the newest session's begin.

        Raises:
            JournalCorrupt: E5004.
        """
        for entry in self._reader.of_kinds(*_INFO_KINDS, *_ALARM_KINDS):
            self._feed_rare(entry, json.loads(entry.body_json))
        opened = self._reader.newest("session_opened")
        self.seq = (opened.seq if opened else self._reader.head()[0]) - 1

    def catch_up(self, chunk: int) -> Iterator[Changed]:
        """Feed all entries up to the head, `chunk` at a time; the caller may breathe between."""
        while entries := self._reader.chunk(self.seq + 1, chunk):
            changed = Changed.NOTHING
            for entry in entries:
                changed |= self.feed(entry)
            yield changed

    def feed(self, entry: Entry) -> Changed:
        """Take the next entry; one that was taken already changes nothing."""
        if entry.seq <= self.seq:
            return Changed.NOTHING
        self.seq, self.wall = entry.seq, entry.wall
        self.simulated |= is_simulated(entry.pen_uid)
        if entry.kind == "session_opened" and entry.session_id is not None:
            self.session = SessionTally(entry.session_id)
        if self.session is not None:
            self.session.feed(entry)
        if entry.kind in {*_INFO_KINDS, *_ALARM_KINDS, "health_seen"}:
            self._feed_rare(entry, json.loads(entry.body_json))
        if entry.kind in _INFO_KINDS:
            return Changed.INFO | Changed.STATE
        return Changed.FIGURES if entry.kind in {"strokes", "health_seen"} else Changed.STATE

    def _feed_rare(self, entry: Entry, body: dict[str, Any]) -> None:
        takers: dict[str, Callable[[Entry, dict[str, Any]], None]] = {
            "service_started": self._service,
            "pen_enrolled": self._enrolled,
            "link_up": self._linked,
            "arm_opened": self._armed,
            "alarm_raised": self._raised,
            "alarm_cleared": self._cleared,
            "health_seen": self._healthy,
        }
        takers[entry.kind](entry, body)

    def _service(self, _: Entry, body: dict[str, Any]) -> None:
        self._software_version, self._config_digest = (
            body["software_version"],
            body["config_digest"],
        )

    def _enrolled(self, _: Entry, body: dict[str, Any]) -> None:
        self._models[body["pen_uid"]] = body["model"]
        self._pen = (body["pen_uid"], body["firmware"])

    def _linked(self, _: Entry, body: dict[str, Any]) -> None:
        self._pen = (body["pen_uid"], body["firmware"])

    def _armed(self, _: Entry, body: dict[str, Any]) -> None:
        self._certificate_id = body["certificate_id"]

    def _raised(self, entry: Entry, body: dict[str, Any]) -> None:
        self.alarms[body["alarm_id"]] = AlarmMessage(
            alarm_id=body["alarm_id"],
            name=body["name"],
            priority=body["priority"],
            sentence=body["sentence"],
            cause=body["cause"],
            action=body["action"],
            raised_wall=entry.wall,
            session_id=entry.session_id,
            pen_uid=entry.pen_uid,
        )

    def _cleared(self, _: Entry, body: dict[str, Any]) -> None:
        self.alarms.pop(body["alarm_id"], None)

    def _healthy(self, entry: Entry, body: dict[str, Any]) -> None:
        self.health = PenHealth(
            wall=entry.wall,
            battery_mv=body["battery_mv"],
            battery_percent=body["battery_percent"],
            grip_temperature_dc=body["grip_temperature_dc"],
        )

    def info(self, schemas: dict[str, Any]) -> Info:
        """The `info` message."""
        pen = None
        if self._pen is not None:
            uid, firmware = self._pen
            pen = PenInfo(
                pen_uid=uid,
                simulated=is_simulated(uid),
                model=self._models.get(uid),
                firmware=firmware,
            )
        return Info(
            software_version=self._software_version,
            protocol_version=PROTOCOL_VERSION,
            journal_schema_version=SCHEMA_VERSION,
            chain_id=self._reader.chain_id,
            realm=self._reader.realm,
            host_id=self._reader.host_id,
            config_digest=self._config_digest,
            pen=pen,
            certificate_id=self._certificate_id,
            json_schemas=schemas,
        )

    def state(self) -> RoomState:
        """The `state` message."""
        return RoomState(
            chain_id=self._reader.chain_id,
            realm=self._reader.realm,
            simulated=self.simulated,
            seq=self.seq,
            wall=self.wall,
            session=None if self.session is None else _session_state(self.session),
            health=self.health,
            alarms=len(self.alarms),
        )


def _session_state(tally: SessionTally) -> SessionState:
    zones = [ZoneState(zone=zone, **figures(amount)) for zone, amount in tally.zones.items()]
    return SessionState(
        session_id=tally.session_id,
        state=tally.state,
        zone=tally.zone,
        plan_name=tally.plan_name,
        zones=zones,
        **figures(tally.total),
    )
