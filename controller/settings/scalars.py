"""The few scalar types that files are made of. Pure; nothing here knows what a value is for.

Integers are strict, so that `dose_nl = "9200"`, `true` or `9200.0` is a mistake and not a dose.
Decimals of a file are kept exact: TOML decimals are read as `Decimal` and become fractions.
"""

import re
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

StrictInt = Annotated[int, Strict()]
StrictBool = Annotated[bool, Strict()]

_ID = r"^[a-z0-9][a-z0-9-]{0,39}$"
_FILE_NAME = r"^[a-z0-9][a-z0-9_-]{0,59}$"
_HEX_ID = r"^[0-9a-f]{16}$"
# What a person reads instead of the pattern.
PATTERN_WORDS = {
    _ID: "1 to 40 lower-case letters, digits and hyphens",
    _FILE_NAME: "a file's name without .toml: lower-case letters, digits, hyphens, underscores",
    _HEX_ID: "16 lower-case hexadecimal digits",
}

# Ids travel in MQTT topics and file names: the alphabet that Homie 5 prescribes for both.
Id = Annotated[str, Field(pattern=_ID)]
# The name of a file of a folder, without ".toml"; also the key of a region.
FileName = Annotated[str, Field(pattern=_FILE_NAME)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
# A source must say something: a clinician reads it before signing the limits.
Source = Annotated[str, Field(min_length=8, max_length=600)]
HexId = Annotated[str, Field(pattern=_HEX_ID)]


_PLACES = 30
_MOST: int = 10**_PLACES
"""No quantity of a treatment needs more digits; "1e999999999" would fill the memory."""
_EXPONENT = re.compile(r"[eE]([+-]?\d+)")


def to_fraction(value: object) -> Fraction:
    """An exact fraction from an integer, a decimal, or text such as "1.5" or "1/3".

    Refuses floats (not exact), truth values, anything not finite, and anything with more than 30
    digits before or behind the point.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise PydanticCustomError("exact", "must be a number, written exactly")
    if not _is_of_a_size(value):
        raise PydanticCustomError("exact", "must be a finite number of at most 30 digits")
    try:
        return Fraction(value)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise PydanticCustomError("exact", "must be a finite number, written exactly") from None


def _is_of_a_size(value: int | Decimal | str) -> bool:
    """Whether its fraction is small, told without making it."""
    if isinstance(value, int):
        return abs(value) < _MOST
    if isinstance(value, str):
        exponents: list[str] = (
            _EXPONENT.findall(value) if len(value) <= 2 * _PLACES + 4 else ["too long"]
        )
        return all(len(each) <= 3 and abs(int(each)) <= _PLACES for each in exponents)
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_PLACES and value.adjusted() < _PLACES


def exact_text(value: Fraction) -> str:
    """The shortest exact spelling: "24", "0.28", otherwise "1/3". `to_fraction` reads it back."""
    twos_and_fives = value.denominator
    for factor in (2, 5):
        while twos_and_fives % factor == 0:
            twos_and_fives //= factor
    if twos_and_fives != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = 0
    while 10**digits % value.denominator:
        digits += 1
    whole, rest = divmod(abs(value.numerator) * 10**digits // value.denominator, 10**digits)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"


Exact = Annotated[
    Fraction,
    BeforeValidator(to_fraction),
    PlainSerializer(exact_text, return_type=str),
    WithJsonSchema({"type": ["integer", "number", "string"], "description": "exact number"}),
]


def in_range(low: Fraction | int, high: Fraction | int) -> AfterValidator:
    """An inclusive range for `Exact`, with both ends in the complaint."""

    def check(value: Fraction) -> Fraction:
        if low <= value <= high:
            return value
        raise PydanticCustomError(
            "exact_range",
            "must be {low} to {high}",
            {"low": exact_text(Fraction(low)), "high": exact_text(Fraction(high))},
        )

    return AfterValidator(check)


def _of_our_time(value: datetime) -> datetime:
    # At the ends of the calendar neither UTC nor a sum can be computed.
    if 2000 <= value.year < 2200:
        return value
    raise PydanticCustomError("out_of_range", "must lie in the years 2000 to 2199")


Moment = Annotated[AwareDatetime, AfterValidator(_of_our_time)]
"""A time with its offset from UTC."""


def _path(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    if "\0" in value:
        raise PydanticCustomError("path", "must not hold a zero character")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise PydanticCustomError("path", "begins with a home folder that there is not") from None


FilePath = Annotated[Path, BeforeValidator(_path)]
