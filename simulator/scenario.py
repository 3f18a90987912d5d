"""Scenario files: everything of a simulated pen and its bench that can be told, in TOML.

Strictly checked: a key that does not exist here is refused with file and key. `load` is the only
I/O.
"""

import tomllib
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec

from protocol.limits import EVENT_RING_MIN_RECORDS, SIMULATED_UID_MIN, is_simulated_uid
from protocol.messages import Counters
from simulator.balance import BalanceSettings
from simulator.body import BodySettings
from simulator.bounds import AtLeastOne, Count, NotNegative, Text16
from simulator.firmware.nvm import Memory, Nvm
from simulator.firmware.spec import PenSpec
from simulator.indicator import IndicatorSettings
from simulator.line import LineSettings
from simulator.misbehaviour import FaultSettings
from simulator.ports import Chip
from simulator.practitioner import HandSettings
from simulator.technician import TechnicianSettings

_DEFAULT = PenSpec()


class ScenarioError(Exception):
    """A scenario file cannot be read; the text names file, key and reason."""


class PenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this pen's firmware is told of itself; the stroke's times come from `body.needle`.

    Defaults and sources: `simulator/firmware/spec.py`. `uid` 0 = derived from the seed.
    `certificate_id` is what the maker's calibration stored in a new pen, `lifetime_counts` where
    all its counters stand (near 2^32 to see a wrap that must not happen, P12).
    """

    uid: Annotated[int, msgspec.Meta(ge=0)] = 0
    model: Text16 = "MICROPEN-SIM"
    firmware: Text16 = "1.0.0-SIM"
    max_protrusion_um: AtLeastOne = _DEFAULT.max_protrusion_um
    min_stroke_period_us: AtLeastOne = _DEFAULT.min_stroke_period_us
    max_steps: AtLeastOne = _DEFAULT.max_steps
    max_flow_steps_s: AtLeastOne = _DEFAULT.max_flow_steps_s
    preload_steps: AtLeastOne = _DEFAULT.preload_steps
    ring_depth: Annotated[int, msgspec.Meta(ge=EVENT_RING_MIN_RECORDS)] = _DEFAULT.ring_depth
    tick_at_boot: Count = 0
    tick_drift_ppm: int = 0
    certificate_id: Count = 0
    lifetime_counts: Count = 0


class CartridgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The cartridge fitted at the start (12 needles: domain.md 5.1).

    `uid` 0 = derived from the seed.
    """

    fitted: bool = True
    uid: int = 0
    type_code: int = 1
    needles: int = 12
    max_protrusion_um: int = 2_500
    used: bool = False


class CableSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a pulled cable stays out, in seconds."""

    replug_after_s: NotNegative = 3.0


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `seed` holds unless the command line gives another."""

    about: str = ""
    seed: int = 1
    pen: PenSettings = PenSettings()
    cartridge: CartridgeSettings = CartridgeSettings()
    body: BodySettings = BodySettings()
    hand: HandSettings = HandSettings()
    line: LineSettings = LineSettings()
    cable: CableSettings = CableSettings()
    balance: BalanceSettings = BalanceSettings()
    indicator: IndicatorSettings = IndicatorSettings()
    technician: TechnicianSettings = TechnicianSettings()
    fault: tuple[FaultSettings, ...] = ()

    def spec(self, seed: int) -> PenSpec:
        """The firmware's spec for the pen of this seed."""
        given = msgspec.structs.asdict(self.pen)
        del given["certificate_id"], given["lifetime_counts"]
        texts = {name: given.pop(name).encode("ascii") for name in ("model", "firmware")}
        given["uid"] = self.pen.uid or pen_uid(seed)
        needle = self.body.needle
        return PenSpec(
            insertion_us=needle.insertion_us, retraction_us=needle.retraction_us, **given, **texts
        )

    def new_memory(self) -> Nvm:
        """The memory chip of a new pen."""
        count = self.pen.lifetime_counts
        counters = Counters(count, count, count, count, count, count)
        certificate_id = self.pen.certificate_id
        return Nvm(Memory(certificate_id=certificate_id, proven=counters, reserved=counters))

    def chip(self, seed: int) -> Chip | None:
        """The chip of the cartridge fitted at the start."""
        settings = self.cartridge
        if not settings.fitted:
            return None
        uid = settings.uid or stream(seed, "cartridge").getrandbits(63) | 1
        return Chip(
            uid, settings.type_code, settings.needles, settings.max_protrusion_um, settings.used
        )


def stream(seed: int, name: str) -> Random:
    """An independent generator for one part; the same for the same seed on every machine."""
    return Random(f"micropen {seed} {name}")


def pen_uid(seed: int) -> int:
    """The simulated pen of this seed: a uid with its top four bits set."""
    return SIMULATED_UID_MIN | stream(seed, "uid").getrandbits(32)


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises ScenarioError naming file, key and reason."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: byte {error.start} is not UTF-8 text") from error


def parse(text: str, name: str) -> Scenario:
    """A scenario from TOML text; `name` stands in the error. Raises ScenarioError."""
    try:
        scenario = msgspec.convert(tomllib.loads(text), Scenario)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: {error}") from error
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{name}: {str(error).replace('`$.', '`')}") from error
    except (RecursionError, ValueError) as error:
        raise ScenarioError(f"{name}: brackets in brackets, or digits, without end") from error
    if scenario.pen.uid and not is_simulated_uid(scenario.pen.uid):
        raise ScenarioError(f"{name}: `pen.uid` is that of a real pen; the top four bits must be 1")
    return scenario
