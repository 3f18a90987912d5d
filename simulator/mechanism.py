"""What can be done with the body: the firmware's port, and the world's side of it.

`Mechanism` fits `simulator.ports.Mechanics` structurally. The second half (hand, power cut) is for
the world alone; the firmware is typed against the port and cannot reach it.
"""

import msgspec

from simulator.body import Body
from simulator.ports import Chip, StrokeReading


class Mechanism(Body):
    """A pen's actuators and sensors; commands take effect at `now_us` after advancing to it."""

    trigger_stuck: bool | None = None
    chip_taken: Chip | None = None
    _trigger = False
    _encoder_zero_steps = 0

    # --- needle ---

    def insert(self, now_us: int) -> int:
        """Send the needle out; returns when it is at depth."""
        self.advance(now_us)
        self._deepest_share = 0.0
        end_us = self.needle.insert(now_us, self._face_share())
        self.advance(now_us)
        self._book_energy()
        return end_us

    def retract(self, now_us: int) -> int:
        """Pull the needle back; returns when it is at rest."""
        self.advance(now_us)
        self._note_depth()
        end_us = self.needle.retract(now_us, self._face_share())
        self._book_energy()
        return end_us

    def _face_share(self) -> float:
        stroke_um = self.settings.needle.stroke_um
        return min(max(1.0 - self.depth.protrusion_um() / stroke_um, 0.01), 1.0)

    def spin(self, now_us: int, period_us: int) -> None:
        """Ramp the motor towards one stroke each `period_us`."""
        self.advance(now_us)
        self.needle.spin(now_us, period_us)
        self._book_energy()

    def brake(self, now_us: int) -> None:
        """Ramp the motor down to a retracted stop."""
        self.advance(now_us)
        self.needle.motor.brake(now_us)
        self._book_energy()

    def braking_strokes(self) -> int:
        """Upper bound of strokes that would still begin."""
        return self.needle.motor.braking_strokes()

    def next_stroke_us(self) -> int | None:
        """When the running needle next leaves rest."""
        return self.needle.motor.next_start_us()

    def stroke_end_us(self) -> int | None:
        """When the stroke under way is back at rest; None at rest or before `retract`."""
        return self.needle.end_us()

    # --- needle offset ---

    def set_protrusion(self, now_us: int, protrusion_um: int) -> int:
        """Move the depth axis; returns when it stands."""
        self.advance(now_us)
        return self.depth.move(now_us, protrusion_um)

    def home(self, now_us: int) -> int:
        """Find home; returns when done."""
        self.advance(now_us)
        return self.depth.home(now_us)

    def is_homed(self) -> bool:
        """Whether the home switch was found."""
        return self.depth.is_homed(self._now_us)

    # --- pump ---

    def pump(self, now_us: int, steps: int, steps_s: int) -> int:
        """Run the plunger `steps` (negative = back); returns when it will be done."""
        self.advance(now_us)
        self.oracle.slice_began()
        self._scatter_pump()
        return self.plunger.command(now_us, steps, steps_s)

    def pump_stop(self, now_us: int) -> None:
        """Stop the plunger at once."""
        self.advance(now_us)
        self.plunger.stop()

    def pump_position_steps(self) -> int:
        """The encoder: net steps since power-on."""
        return self.plunger.encoder_steps() - self._encoder_zero_steps

    # --- sensors ---

    def reading(self) -> StrokeReading:
        """Deepest protrusion and highest load of the last stroke, as the pen's sensors saw it."""
        share = max(self._deepest_share, self.needle.out_share(self._now_us))
        return StrokeReading(self.depth.sensed_um(share), self._peak_load_dn)

    def trigger(self) -> bool:
        """The trigger switch."""
        return self._trigger if self.trigger_stuck is None else self.trigger_stuck

    def contact(self) -> bool:
        """The raw contact sensor."""
        return self.skin.sensed()

    def pressure_kpa(self) -> int:
        """Pressure in the line, not under 0."""
        return max(0, round(self.fluid.pressure_kpa()))

    def plunger_at_end(self) -> bool:
        """Whether the plunger reached the end of the syringe."""
        return self.plunger.at_end()

    def battery_mv(self) -> int:
        """Voltage under the present load."""
        self._book_energy()
        return self.battery.millivolts()

    def battery_percent(self) -> int:
        """State of charge."""
        return self.battery.percent()

    def grip_temperature_dc(self) -> int:
        """Grip temperature in 0.1 degrees Celsius."""
        self._book_energy()
        return self.grip.decicelsius()

    def motor_jammed(self) -> bool:
        """Whether the jam rule holds."""
        return self.needle.is_jammed(self._now_us)

    # --- cartridge ---

    def chip(self) -> Chip | None:
        """The fitted cartridge's chip."""
        return self.chip_fitted

    def mark_cartridge_used(self) -> None:
        """Write the used flag into the chip."""
        if self.chip_fitted is not None:
            self.chip_fitted = msgspec.structs.replace(self.chip_fitted, used=True)

    # --- the world's side ---

    def press(self, now_us: int, *, held: bool) -> None:
        """The hand presses or lets go of the trigger."""
        self.advance(now_us)
        self._trigger = held

    def touch(self, now_us: int, *, touching: bool) -> None:
        """The hand puts the pen on the skin or lifts it."""
        self.advance(now_us)
        self.skin.set_touching(now_us, touching)

    def inputs(self) -> tuple[bool, bool, Chip | None]:
        """What the firmware is to be told of as soon as it changes."""
        return self.trigger(), self.contact(), self.chip_fitted

    def next_input_us(self) -> int | None:
        """When an input changes by itself (contact bounce)."""
        return self.skin.next_flip_us()

    def cut_power(self, now_us: int) -> int:
        """Power fails: pump stands, a spring parks the needle, home is lost; returns when parked.

        The encoder starts again at 0.
        """
        self.advance(now_us)
        self.plunger.stop()
        self.needle.motor.brake(now_us)
        parked_us = self.retract(now_us)
        self.depth.lose_home()
        self.zero_encoder()
        return max(parked_us, self.needle.end_us() or parked_us)

    def zero_encoder(self) -> None:
        """Power came: the encoder counts from 0."""
        self._encoder_zero_steps = self.plunger.encoder_steps()
