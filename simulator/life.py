"""What outlives the simulator's process: the pen's memory chip, its body's state, the oracle.

Files are replaced atomically, so a process killed at any instant leaves the last complete state.
"""

import os
from pathlib import Path

import msgspec

from simulator.firmware.nvm import Nvm
from simulator.mechanism import Mechanism
from simulator.oracle import Report, Totals
from simulator.ports import Chip
from simulator.scenario import Scenario
from simulator.world import World, new_mechanism


class LifeError(Exception):
    """A life file is of another pen or cannot be read; the text names the file."""


class Life(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pen between two processes. `slots` are the raw bytes of its memory chip."""

    uid: int
    slots: list[bytes]
    totals: Totals
    carriage_steps: int
    travel_left_steps: int
    slack_nl: float
    stored_nl: float
    gap_nl: float
    charge_percent: float
    chip: Chip | None


def life_of(world: World) -> Life:
    """The present state of a world's pen."""
    body = world.mechanism
    return Life(
        world.spec.uid,
        list(world.nvm.slots),
        msgspec.structs.replace(body.oracle.totals),
        body.plunger.carriage_steps,
        body.plunger.travel_left_steps,
        body.plunger.slack_nl,
        body.fluid.stored_nl,
        body.fluid.gap_nl,
        body.battery.charge_percent,
        body.chip_fitted,
    )


def revive(scenario: Scenario, seed: int, life: Life) -> World:
    """A world in which the pen of `life` is switched on. Raises LifeError for another pen's."""
    uid = scenario.spec(seed).uid
    if life.uid != uid:
        raise LifeError(f"the state is that of pen {life.uid:016x}; this scenario is {uid:016x}")
    nvm = Nvm()
    nvm.slots = list(life.slots)
    return World(scenario, seed, nvm=nvm, mechanism=_restored(scenario, seed, life))


def _restored(scenario: Scenario, seed: int, life: Life) -> Mechanism:
    body = new_mechanism(scenario, seed)
    body.oracle.totals = msgspec.structs.replace(life.totals)
    body.plunger.carriage_steps = life.carriage_steps
    body.plunger.travel_left_steps = life.travel_left_steps
    body.plunger.slack_nl = life.slack_nl
    body.fluid.stored_nl, body.fluid.gap_nl = life.stored_nl, life.gap_nl
    body.battery.charge_percent = life.charge_percent
    body.chip_fitted = life.chip
    body.zero_encoder()
    return body


def load_life(path: Path) -> Life | None:
    """The life in a file; None when there is no file. Raises LifeError when it is no life."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Life)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise LifeError(f"{path}: {error}") from error


def save_life(path: Path, world: World) -> None:
    """Replace the life file."""
    replace_file(path, msgspec.json.encode(life_of(world)))


def save_oracle(path: Path, report: Report) -> None:
    """Replace the oracle file."""
    replace_file(path, msgspec.json.encode(report))


def load_oracle(path: Path) -> Report:
    """The oracle of a pen, as a running or ended simulator wrote it."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def replace_file(path: Path, data: bytes) -> None:
    """Write beside and rename: a reader sees the old file or the new one, never a part."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    beside.write_bytes(data)
    beside.replace(path)


class Keeper:
    """Saves a life whenever the pen changed in a way that must survive a kill."""

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._world = world
        self._seen: tuple[int, int, int, int] | None = None

    def keep(self) -> None:
        """Save if memory chip, needle or plunger moved on since the last time."""
        totals = self._world.mechanism.oracle.totals
        seen = (
            self._world.nvm.writes,
            totals.punctures,
            totals.forward_steps,
            totals.backward_steps,
        )
        if seen != self._seen:
            self._seen = seen
            save_life(self._path, self._world)
