"""A pen's body without any physics: exact times, exact steps, no noise.

Fits `simulator.ports.Mechanics`. `truth_*` is the oracle that the firmware cannot see; plain
attributes are what a test breaks. Braking always adds the full bound of strokes, which is the
worst that a real motor may do.
"""

import msgspec

from simulator.ports import Chip, StrokeReading

STROKE_US = 2_500
HOME_US = 300_000
AXIS_US = 200_000
CHIP = Chip(cartridge_uid=0xC0FFEE, type_code=1, needles=12, max_protrusion_um=2_000, used=False)


class IdealMechanics:
    """See the port for the meaning of each method."""

    def __init__(self) -> None:
        self.now_us = 0
        self.truth_punctures = 0
        self.truth_forward_steps = 0
        self.truth_reverse_steps = 0
        self.truth_starts_us: list[int] = []
        self.held = False
        self.touching = False
        self.fitted: Chip | None = CHIP
        self.homes = True
        self.jammed = False
        self.kpa = 0
        self.mv = 4_000
        self.grip_dc = 300
        self.steps_left = 10**9
        self.pump_blocked = False
        self.senses_um: int | None = None
        self.brake_strokes = 3
        self.droop_percent = 0
        self._homed = False
        self._protrusion_um = 0
        self._out_from_us: int | None = None
        self._back_at_us: int | None = None
        self._period_us = 0
        self._next_start_us: int | None = None
        self._stroke_end_us: int | None = None
        self._strokes_left: int | None = None
        self._spun_strokes = 0
        self._position = 0
        self._pump: tuple[int, int, int, int] | None = None

    # --- time ---

    def advance(self, now_us: int) -> None:
        if now_us <= self.now_us:
            return
        while self._next_start_us is not None and self._next_start_us <= now_us:
            self._begin_spin_stroke(self._next_start_us)
        if self._stroke_end_us is not None and self._stroke_end_us <= now_us:
            self._stroke_end_us = None
        self.now_us = now_us
        self._move_pump(now_us)

    def _begin_spin_stroke(self, at_us: int) -> None:
        self._leave_rest(at_us)
        self._spun_strokes += 1
        self._stroke_end_us = at_us + 2 * STROKE_US
        if self._strokes_left is not None:
            self._strokes_left -= 1
        ended = self._strokes_left is not None and self._strokes_left <= 0
        self._next_start_us = None if ended else at_us + self._period_us

    def _leave_rest(self, at_us: int) -> None:
        self.truth_punctures += 1
        self.truth_starts_us.append(at_us)

    def _move_pump(self, now_us: int) -> None:
        if self._pump is None:
            return
        start_us, steps, steps_s, made = self._pump
        due = min(abs(steps), (now_us - start_us) * steps_s // 1_000_000)
        new = 0 if self.pump_blocked else due - made
        if steps > 0:
            new = min(new, self.steps_left)
            self.steps_left -= new
            self.truth_forward_steps += new
        else:
            self.truth_reverse_steps += new
        self._position += new if steps > 0 else -new
        self._pump = (start_us, steps, steps_s, made + new)

    # --- needle ---

    def insert(self, now_us: int) -> int:
        self.advance(now_us)
        self._leave_rest(now_us)
        self._out_from_us = now_us
        return now_us + STROKE_US

    def retract(self, now_us: int) -> int:
        self.advance(now_us)
        out_us = self._out_from_us
        self._out_from_us = None
        return now_us + (min(STROKE_US, now_us - out_us) if out_us is not None else 0)

    def spin(self, now_us: int, period_us: int) -> None:
        self.advance(now_us)
        self._period_us = period_us * (100 + self.droop_percent) // 100
        self._strokes_left = None
        self._spun_strokes = 0
        self._next_start_us = now_us + 1_000

    def brake(self, now_us: int) -> None:
        self.advance(now_us)
        if self._next_start_us is not None and self._strokes_left is None:
            self._strokes_left = min(max(0, self._spun_strokes - 1), self.brake_strokes)
            if self._strokes_left == 0:
                self._next_start_us = None

    def braking_strokes(self) -> int:
        if self._next_start_us is None:
            return 0
        if self._strokes_left is not None:
            return self._strokes_left
        return min(self._spun_strokes, self.brake_strokes)

    def next_stroke_us(self) -> int | None:
        return self._next_start_us

    def stroke_end_us(self) -> int | None:
        return self._stroke_end_us

    def set_protrusion(self, now_us: int, protrusion_um: int) -> int:
        self.advance(now_us)
        self._protrusion_um = protrusion_um
        return now_us + AXIS_US

    def home(self, now_us: int) -> int:
        self.advance(now_us)
        self._homed = self.homes
        self._protrusion_um = 0
        return now_us + HOME_US

    def is_homed(self) -> bool:
        return self._homed

    def lose_home(self) -> None:
        """Break: the home position is gone."""
        self._homed = False

    # --- pump ---

    def pump(self, now_us: int, steps: int, steps_s: int) -> int:
        self.advance(now_us)
        self._pump = (now_us, steps, steps_s, 0)
        return now_us - (-abs(steps) * 1_000_000 // steps_s)

    def pump_stop(self, now_us: int) -> None:
        self.advance(now_us)
        self._pump = None

    def pump_position_steps(self) -> int:
        return self._position

    def slip(self, steps: int) -> None:
        """Break: the plunger moves although nobody asked."""
        self._position += steps
        self.truth_forward_steps += max(0, steps)

    # --- sensors ---

    def reading(self) -> StrokeReading:
        seen_um = self._protrusion_um if self.senses_um is None else self.senses_um
        return StrokeReading(seen_um, 7)

    def trigger(self) -> bool:
        return self.held

    def contact(self) -> bool:
        return self.touching

    def pressure_kpa(self) -> int:
        return self.kpa

    def plunger_at_end(self) -> bool:
        return self.steps_left <= 0

    def battery_mv(self) -> int:
        return self.mv

    def battery_percent(self) -> int:
        return 80

    def grip_temperature_dc(self) -> int:
        return self.grip_dc

    def motor_jammed(self) -> bool:
        return self.jammed

    # --- cartridge ---

    def chip(self) -> Chip | None:
        return self.fitted

    def mark_cartridge_used(self) -> None:
        if self.fitted is not None:
            self.fitted = msgspec.structs.replace(self.fitted, used=True)

    # --- power ---

    def lose_power(self) -> None:
        """Everything stops where it is; a spring parks the needle."""
        self._pump = None
        self._next_start_us = self._stroke_end_us = self._out_from_us = None
        self._strokes_left = None
        self._homed = False
