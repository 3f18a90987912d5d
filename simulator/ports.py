"""The wall between the simulated firmware and the simulated mechanism.

`device.py` (firmware) may command and sense exactly what stands here, as a real microcontroller
could; the oracle truth of the mechanism is not reachable through it. All times are microseconds
of world time, never decreasing; the firmware derives its own ticks from them.
"""

from typing import Protocol

import msgspec

from protocol.words import Mode


class Chip(msgspec.Struct, frozen=True):
    """What the cartridge's chip says."""

    cartridge_uid: int
    type_code: int
    needles: int
    max_protrusion_um: int
    used: bool


class StrokeReading(msgspec.Struct, frozen=True):
    """What the sensors saw of the last stroke or slice."""

    protrusion_um: int
    peak_load_dn: int


class Indicator(msgspec.Struct, frozen=True):
    """What the pen shows to and lets feel the hand that holds it: all that a practitioner has.

    `mode` is that of the open arm, None when the armed light is off. `strokes_felt` counts every
    stroke and slice since power-on; it only ever rises.
    """

    mode: Mode | None
    holding: bool
    latched: bool
    strokes_felt: int
    moving: bool


class Mechanics(Protocol):
    """Actuators and sensors of a pen. Every command takes effect at `now_us`."""

    def advance(self, now_us: int) -> None:
        """Let the world run to `now_us`. Called before every command and reading."""
        ...

    # needle, one stroke at a time (DOSE, BENCH)
    def insert(self, now_us: int) -> int:
        """Send the needle out to the set offset; returns when it is at depth, in us."""
        ...

    def retract(self, now_us: int) -> int:
        """Pull the needle back; returns when it is at rest, in us."""
        ...

    # needle, running (NO_DISPENSE)
    def spin(self, now_us: int, period_us: int) -> None:
        """Ramp the needle motor towards one stroke each `period_us`."""
        ...

    def brake(self, now_us: int) -> None:
        """Ramp the needle motor down; the needle stops retracted."""
        ...

    def braking_strokes(self) -> int:
        """Strokes that would still begin if `brake` came now, or just as the next stroke begins.

        An upper bound for both, the next stroke itself not counted.
        """
        ...

    def next_stroke_us(self) -> int | None:
        """When the running needle next leaves rest; None when it will not."""
        ...

    def stroke_end_us(self) -> int | None:
        """When the stroke under way is back at rest; None when at rest."""
        ...

    # needle offset
    def set_protrusion(self, now_us: int, protrusion_um: int) -> int:
        """Move the depth axis, approaching from the retracted side; returns when it stands."""
        ...

    def home(self, now_us: int) -> int:
        """Retract fully and find home; returns when done. See `is_homed`."""
        ...

    def is_homed(self) -> bool:
        """Whether the home switch was found."""
        ...

    # pump
    def pump(self, now_us: int, steps: int, steps_s: int) -> int:
        """Run the plunger `steps` (negative = back) at `steps_s`; returns when it will be done."""
        ...

    def pump_stop(self, now_us: int) -> None:
        """Stop the plunger at once."""
        ...

    def pump_position_steps(self) -> int:
        """The plunger encoder: net steps really made since power-on; falls when it goes back."""
        ...

    # sensors
    def reading(self) -> StrokeReading:
        """Deepest protrusion and highest load since the last `insert` or stroke of `spin`."""
        ...

    def trigger(self) -> bool:
        """The trigger switch."""
        ...

    def contact(self) -> bool:
        """The raw contact sensor, bounce included."""
        ...

    def pressure_kpa(self) -> int:
        """Pressure in the line, as the pump's load shows it."""
        ...

    def plunger_at_end(self) -> bool:
        """Whether the plunger reached the end of the syringe."""
        ...

    def battery_mv(self) -> int:
        """Battery voltage under the present load."""
        ...

    def battery_percent(self) -> int:
        """State of charge, 0-100."""
        ...

    def grip_temperature_dc(self) -> int:
        """Grip temperature in tenths of a degree Celsius."""
        ...

    def motor_jammed(self) -> bool:
        """Current high and speed low for longer than the jam rule allows."""
        ...

    # cartridge
    def chip(self) -> Chip | None:
        """The fitted cartridge's chip; None when none is fitted."""
        ...

    def mark_cartridge_used(self) -> None:
        """Write the used flag into the chip."""
        ...
