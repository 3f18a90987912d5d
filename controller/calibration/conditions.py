"""Whether room and vessel were fit to weigh in, from what was read before and after a series.

The method's own conditions, by `calibration.toml`; `density` refuses what its formulas cannot do.
"""

import math
from dataclasses import replace

from controller.calibration.acceptance import Method
from controller.calibration.density import Air, Surroundings
from controller.calibration.errors import NeedleDrips, OutsideMethod
from controller.calibration.uncertainty import Balance
from controller.calibration.weighing import Blank

GAIN_SDS = 3
"""So many standard deviations of a difference of two readings are no gain of mass."""


def midway(start: Surroundings, end: Surroundings) -> Surroundings:
    """The surroundings to compute a series with: halfway between its start and its end."""
    air = Air(
        (start.air.temperature_mdegc + end.air.temperature_mdegc) // 2,
        (start.air.pressure_pa + end.air.pressure_pa) // 2,
        (start.air.humidity_permille + end.air.humidity_permille) // 2,
    )
    return replace(start, liquid_mdegc=(start.liquid_mdegc + end.liquid_mdegc) // 2, air=air)


def check_conditions(start: Surroundings, end: Surroundings, method: Method) -> None:
    """Refuse a series that was weighed outside of the method's conditions.

    Raises OutsideMethod (E7001) for another liquid, its temperature, its drift, or dry air.
    """
    if start.liquid != end.liquid:
        raise OutsideMethod(f"Begun with {start.liquid.name}, ended with {end.liquid.name}.")
    coolest, warmest = sorted((start.liquid_mdegc, end.liquid_mdegc))
    low, high = method.liquid_from_mdegc.value, method.liquid_to_mdegc.value
    if not low <= coolest <= warmest <= high:
        raise OutsideMethod(
            f"The liquid had {coolest / 1000:.2f} to {warmest / 1000:.2f} C; "
            f"the method allows {low / 1000:g} to {high / 1000:g} C."
        )
    drift = method.liquid_drift_mdegc.value
    if warmest - coolest > drift:
        raise OutsideMethod(
            f"The liquid's temperature moved by {(warmest - coolest) / 1000:.2f} C during the "
            f"series; {drift / 1000:g} C are allowed."
        )
    driest = min(start.air.humidity_permille, end.air.humidity_permille)
    least = method.humidity_from_permille.value
    if driest < least:
        raise OutsideMethod(
            f"The air had {driest / 10:g} % humidity; below {least / 10:g} % drops dry too fast."
        )


def check_blank(blank: Blank, balance: Balance) -> None:
    """Refuse a dry cycle in which the vessel gained more than its balance scatters.

    A needle that drips does so in every cycle alike: the blanks would take it off each dose, and
    nothing else would show it. Raises NeedleDrips (E7073).
    """
    explained_ug = GAIN_SDS * math.sqrt(2) * balance.repeatability_ug + balance.resolution_ug
    if -blank.loss_ug > explained_ug:
        raise NeedleDrips(
            f"The vessel gained {-blank.loss_ug} ug in a cycle without a dose; "
            f"up to {explained_ug:.0f} ug are the balance's own scatter."
        )
