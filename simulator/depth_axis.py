"""The depth axis: how far the needle goes beyond the cartridge face, and what the sensor says.

Always approaches from the retracted side, so that backlash falls out (domain.md 5.2).
"""

import math
from random import Random

import msgspec

from simulator.bounds import AtLeastOne, Count, NotNegative


class DepthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The axis in micrometres. Sources: domain.md 5.2 (backlash 20-60 um, optical home 5-10 um).

    `speed_um_s` 1,000 to 5,000; `offset_um` is a calibration error of this pen.
    """

    speed_um_s: AtLeastOne = 3_000
    backlash_um: Count = 40
    home_error_um: NotNegative = 0.0
    repeat_error_um: NotNegative = 0.0
    offset_um: int = 0
    home_us: Count = 600_000


class DepthAxis:
    """Moves between strokes only."""

    def __init__(self, settings: DepthSettings, rng: Random) -> None:
        self.settings = settings
        self.stuck = False
        self.home_switch_works = True
        self.sensor_reads_um: int | None = None
        self.backlash_um = settings.backlash_um
        self._rng = rng
        self._home_error_um = 0.0
        self._at_um = 0.0
        self._homed = False
        self._standing_us = 0

    def home(self, now_us: int) -> int:
        """Go fully back to the switch; returns when done."""
        self._standing_us = now_us + self.settings.home_us
        self._homed = self.home_switch_works and not self.stuck
        self._home_error_um = self._rng.gauss(0.0, self.settings.home_error_um)
        if not self.stuck:
            self._at_um = 0.0
        return self._standing_us

    def is_homed(self, now_us: int) -> bool:
        """Whether the switch was found."""
        return self._homed and now_us >= self._standing_us

    def lose_home(self) -> None:
        """Power was cut or steps were lost: the position is not known any more."""
        self._homed = False

    def move(self, now_us: int, protrusion_um: int) -> int:
        """Move to `protrusion_um`; returns when it stands."""
        way_um = abs(protrusion_um - self._at_um) + 2 * self.settings.backlash_um
        self._standing_us = now_us + math.ceil(way_um * 1e6 / self.settings.speed_um_s)
        if not self.stuck:
            error = self._rng.gauss(0.0, self.settings.repeat_error_um) if protrusion_um else 0.0
            # wear that the fixed take-up move does not cover stays as lost motion
            worn_um = max(0, self.backlash_um - 2 * self.settings.backlash_um)
            self._at_um = max(0.0, protrusion_um + error - (worn_um if protrusion_um else 0))
        return self._standing_us

    def protrusion_um(self) -> float:
        """Where the needle really ends at full stroke."""
        if self._at_um <= 0.0:
            return 0.0
        return max(0.0, self._at_um + self._home_error_um + self.settings.offset_um)

    def sensed_um(self, share: float) -> int:
        """What the pen's own sensor reads for a stroke that came `share` of its way."""
        if self.sensor_reads_um is not None:
            return self.sensor_reads_um
        return max(0, min(3_000, round(self._at_um * share)))
