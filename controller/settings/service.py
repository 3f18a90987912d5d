"""`controller.toml`: which pen port, which room, which folder, which files of the config folder.

Technical settings may have defaults; nothing here can authorise a treatment (hazard H41).
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from controller.settings.loading import Written, load_as
from controller.settings.scalars import FileName, FilePath, Id, StrictBool, StrictInt, Text

Realm = Literal["treatment", "training"]
TcpPort = Annotated[StrictInt, Field(ge=1, le=65_535)]
HostName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]


class Table(BaseModel):
    """Base of the tables inside a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PortSettings(Table):
    """Where the pen is plugged in. `baud` is a rate that the pen's firmware knows."""

    path: Text
    baud: Literal[115_200, 230_400, 460_800, 921_600] = 115_200

    @model_validator(mode="after")
    def _by_id(self) -> Self:
        # ttyUSB0 is whatever was plugged in first: after a re-plug, perhaps another pen (L18, L19).
        if Path(self.path).name.startswith(("ttyUSB", "ttyACM")):
            raise PydanticCustomError(
                "unstable_port",
                "{given} changes with every plug; use the pen's name under /dev/serial/by-id/",
                {"given": self.path, "path": ("path",)},
            )
        return self


class BrokerSettings(Table):
    """Where the record is streamed to (MQTT). The password is a file, never a value."""

    host: Text
    port: TcpPort = 1883
    tls: StrictBool = False
    ca_file: FilePath | None = None
    username: Text | None = None
    password_file: FilePath | None = None
    # With an archive named, the cursor moves on its receipts: a PUBACK is not durability.
    archive: Id | None = None
    # What telemetry and archive sign with; a file, the same at both.
    signing_key_file: FilePath | None = None


class ConsoleSettings(Table):
    """The treatment-room screen: on loopback. Another address is typed, with TLS and a token.

    socket: a Unix socket that is listened on beside the port, for user and group only.
    names: other names under which a browser reaches the screen, such as "room-1.local".
    """

    host: Text = "127.0.0.1"
    port: TcpPort = 8080
    socket: FilePath | None = None
    names: tuple[HostName, ...] = ()

    @model_validator(mode="after")
    def _loopback(self) -> Self:
        if not _is_loopback(self.host):
            raise PydanticCustomError(
                "not_loopback",
                "{given} is reachable from the network; it must be a loopback address",
                {"given": self.host, "path": ("host",)},
            )
        return self


class LimitsChoice(Table):
    """Which file of `limits/` holds for which way of working. There is no default (H41)."""

    micro_dosing: FileName
    collagen_induction: FileName


class PlanningChoice(Table):
    """The pen and certificate that `plan check` reckons with when no pen is attached."""

    pen: FileName
    certificate: FileName


class Policy(Table):
    """What the site allows. Both are off unless somebody switches them on in the file.

    accept_provisional: whether a certificate without weighings may be used in the treatment realm
    (the training realm always accepts one).
    """

    accept_provisional: StrictBool = False


class ControllerSettings(Written):
    """The whole of `controller.toml`. Realm, port, ids, folder and files have no default."""

    realm: Realm
    site: Id
    room: Id
    state_folder: FilePath
    pen_port: PortSettings
    limits: LimitsChoice
    planning: PlanningChoice
    policy: Policy = Field(default_factory=Policy)
    console: ConsoleSettings = Field(default_factory=ConsoleSettings)
    broker: BrokerSettings | None = None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(path: Path) -> ControllerSettings:
    """Read `controller.toml`. Raises E1001 unreadable, E1002 not TOML, E1003 with all mistakes."""
    return load_as(ControllerSettings, path)
