"""What is screwed on, and what it is screwed to: cartridge types and pen models, as files.

A pen model stands in for the attached pen's own envelope when a plan is checked without a pen.
"""

from typing import Annotated

from pydantic import Field

from controller.settings import Written
from controller.settings.scalars import FileName, Source, StrictBool, StrictInt, Text
from protocol.messages import Envelope


class CartridgeType(Written):
    """One type of cartridge. `type_code` is what its chip says.

    dispenses: whether it is hollow and can give a dose. dead_volume_nl: what priming must fill.
    max_flow_nl_s: what its needles let through without tripping the pressure limit.
    """

    name: FileName
    title: Text
    source: Source
    type_code: Annotated[StrictInt, Field(ge=1, le=65_535)]
    needles: Annotated[StrictInt, Field(ge=1, le=255)]
    max_protrusion_um: Annotated[StrictInt, Field(ge=1, le=3_000)]
    dispenses: StrictBool
    dead_volume_nl: Annotated[StrictInt, Field(ge=0, le=200_000)]
    max_flow_nl_s: Annotated[StrictInt, Field(ge=0, le=1_000_000)]


class PenModel(Written):
    """The hard ceilings (C11) and stroke timings that a pen of this model reports.

    pump_head: what is built into the site's pen now. Whoever changes it writes that here; a
    certificate holds for one pump head only.
    """

    name: FileName
    title: Text
    source: Source
    max_protrusion_um: Annotated[StrictInt, Field(ge=1, le=3_000)]
    min_stroke_period_us: Annotated[StrictInt, Field(ge=1_000, le=10_000_000)]
    max_steps: Annotated[StrictInt, Field(ge=1, le=65_535)]
    max_flow_steps_s: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    insertion_us: Annotated[StrictInt, Field(ge=0, le=1_000_000)]
    retraction_us: Annotated[StrictInt, Field(ge=0, le=1_000_000)]
    preload_steps: Annotated[StrictInt, Field(ge=0, le=100_000)]
    ring_depth: Annotated[StrictInt, Field(ge=1_024, le=65_535)]
    arm_battery_mv: Annotated[StrictInt, Field(ge=1, le=65_535)]
    pump_head: Text | None = None

    def envelope(self) -> Envelope:
        """The same facts as an attached pen would send them."""
        written = {"name", "title", "source", "pump_head"}
        return Envelope(request_id=0, **self.model_dump(exclude=written))
