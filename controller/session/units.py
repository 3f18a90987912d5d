"""The one place where units are converted. Integers and exact fractions only; no floats.

Device units are micrometres, nanolitres, pump steps and microseconds. Rounding happens where a
device unit is an integer, and its direction is said here.
"""

from fractions import Fraction

MICROSECONDS_A_SECOND = 1_000_000
PICOLITRES_A_NANOLITRE = 1_000
NANOLITRES_A_MILLILITRE = 1_000_000
MM2_A_CM2 = 100


def period_us(cadence_hz: Fraction) -> int:
    """The stroke period of a cadence, rounded up: the pen never runs faster than written."""
    return -(-MICROSECONDS_A_SECOND * cadence_hz.denominator // cadence_hz.numerator)


def steps_for(dose_nl: int, picolitres_a_step: int) -> int:
    """The whole number of pump steps nearest to a dose; of two equally near, the lower."""
    wanted_pl = dose_nl * PICOLITRES_A_NANOLITRE
    return (2 * wanted_pl + picolitres_a_step - 1) // (2 * picolitres_a_step)


def nl_of(steps: int, picolitres_a_step: int) -> Fraction:
    """The exact volume of a number of steps, in nanolitres."""
    return Fraction(steps * picolitres_a_step, PICOLITRES_A_NANOLITRE)


def pumping_us(steps: int, max_flow_steps_s: int) -> int:
    """How long the pump needs for its steps, rounded up as in C3."""
    return -(-steps * MICROSECONDS_A_SECOND // max_flow_steps_s)


def rounded(value: Fraction | int, digits: int) -> str:
    """A value for display with `digits` decimals, ties to even; computed without floats."""
    scaled = round(Fraction(value) * 10**digits)
    sign = "-" if scaled < 0 else ""
    whole, rest = divmod(abs(scaled), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


def microlitres(nl: Fraction | int, digits: int = 2) -> str:
    """A volume for display, in microlitres."""
    return rounded(Fraction(nl) / 1_000, digits)
