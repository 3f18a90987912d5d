"""The simulated dial indicator on the needle's tip: how far the needle stands out, as it is read.

It reads the depth axis' truth, never the pen's own sensor, and has no port: a person types it in.
"""

from random import Random

import msgspec

from simulator.bounds import AtLeastOne, NotNegative
from simulator.depth_axis import DepthAxis


class IndicatorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Micrometres. A digital indicator of 1 um with an error of 4 um and 1 um of scatter.

    All are estimates after what such indicators usually state. `error_um` is this one's error over
    `travel_um`, in proportion; `zero_um` what it was set to zero wrongly by.
    """

    resolution_um: AtLeastOne = 1
    error_um: float = 4.0
    travel_um: AtLeastOne = 12_700
    repeat_um: NotNegative = 1.0
    zero_um: float = 0.0


def indicated_um(axis: DepthAxis, settings: IndicatorSettings, rng: Random) -> int:
    """What the indicator shows for the needle fully out, in um; a multiple of its resolution."""
    true_um = axis.protrusion_um()
    error_um = settings.error_um * true_um / settings.travel_um + settings.zero_um
    shown_um = true_um + error_um + rng.gauss(0.0, settings.repeat_um)
    return round(shown_um / settings.resolution_um) * settings.resolution_um
