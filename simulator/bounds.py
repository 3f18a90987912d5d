"""Number types that scenario files share, with their ranges."""

from typing import Annotated

from msgspec import Meta

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
"""A probability or a part of a whole, 0 to 1."""
NotNegative = Annotated[float, Meta(ge=0.0)]
Positive = Annotated[float, Meta(gt=0.0)]
Count = Annotated[int, Meta(ge=0)]
"""A number of things, micrometres, nanolitres or microseconds, not negative."""
AtLeastOne = Annotated[int, Meta(ge=1)]
Text16 = Annotated[str, Meta(max_length=16, pattern=r"^[ -~]*$")]
"""Printable ASCII that fits a text16 field of the wire."""
