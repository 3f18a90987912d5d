"""What one trial does: plan, seed and faults, as a TOML file that a person can write and shrink.

A script and its seed are everything: played twice they give the same trace, byte for byte.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tests.soak.catalogue import FaultId, HostState, PenPhase

NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Times = Annotated[int, msgspec.Meta(ge=1)]


class ScriptError(Exception):
    """A script cannot be read; the text names file, key and reason."""


class FaultRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault and its trigger.

    It waits until `at_s` (virtual seconds since the session was opened), then for the states that
    are named and `after_s` more, then strikes `times` in all, at least `every_s` apart. `rate` is a
    share a frame, byte or operation for faults that have one, `lasts_s` how long until it is taken
    back, `value` what the fault's class says.
    """

    fault: FaultId
    at_s: NotNegative = 0.0
    host: HostState | None = None
    pen: PenPhase | None = None
    after_s: NotNegative = 0.0
    times: Times = 1
    every_s: NotNegative = 0.5
    lasts_s: NotNegative = 0.1
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    value: float = 0.0


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One trial. `punctures` are those of its plan, by zone; `cadence_hz` as the plan's.

    `safety_s` is the longest time for which faults are allowed; then they all end, and the system
    must be back (see `tests.soak.liveness`). Somebody presses STOP about each `stop_every_s`, and
    pauses about each `pause_every_s`; 0 = nobody does. The line is later by `late_ms` each way
    than a good one, to the pen and to the host. A hand glides for `glide_ms` before
    it is lifted, 0 = as hands do. With `is_tidy` somebody clears latches outside of
    a session, and brings another pen when one cannot be used any more. Sessions after the first
    one are opened whenever the service was started anew, and closed again. Whenever
    host and pen are as `host` and `pen` say, and have been for `after_s`, telemetry and archive are
    started anew with `restarts_post`, somebody presses STOP with `stops_there`, pauses with
    `pauses_there`, and ends the service in order and starts it again with `restarts_there`.
    """

    seed: int = 1
    about: str = ""
    plan: Literal["dosing", "stamping"] = "dosing"
    punctures: tuple[Times, ...] = (6, 4)
    cadence_hz: Times = 5
    dose_nl: Times = 2_000
    baud: Annotated[int, msgspec.Meta(ge=9_600)] = 115_200
    disk_ms: tuple[NotNegative, NotNegative] = (1.0, 20.0)
    safety_s: NotNegative = 120.0
    stop_every_s: NotNegative = 0.0
    pause_every_s: NotNegative = 0.0
    late_ms: tuple[NotNegative, NotNegative] = (0.0, 0.0)
    is_tidy: bool = False
    glide_ms: Annotated[int, msgspec.Meta(ge=0)] = 0
    sessions: Times = 1
    host: HostState | None = None
    pen: PenPhase | None = None
    after_s: NotNegative = 0.0
    restarts_post: bool = False
    stops_there: bool = False
    pauses_there: bool = False
    restarts_there: bool = False
    fault: tuple[FaultRow, ...] = ()

    @property
    def acts_there(self) -> bool:
        """Whether somebody does something whenever host and pen are so."""
        there = (self.restarts_post, self.stops_there, self.pauses_there, self.restarts_there)
        return any(there)


def parse(text: str, name: str) -> Script:
    """A script from TOML text; `name` stands in the error. Raises ScriptError."""
    try:
        return msgspec.convert(tomllib.loads(text), Script)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ScriptError(f"{name}: {str(error).replace('`$.', '`')}") from error


def load(path: Path) -> Script:
    """Read a script's file. Raises ScriptError."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from error


def toml(script: Script) -> str:
    """The script as TOML that `parse` reads back to an equal one."""
    given = msgspec.to_builtins(script)
    rows = given.pop("fault")
    lines = [_line(key, value) for key, value in given.items() if value is not None]
    for row in rows:
        lines += ["", "[[fault]]"]
        lines += [_line(key, value) for key, value in row.items() if value is not None]
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    return f"{key} = {msgspec.json.encode(value).decode()}"
