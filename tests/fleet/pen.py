"""One pen, stroke by stroke: the simulator's mechanics driven as its firmware drives them.

Needle out, steps, dwell, needle back, as in `simulator/firmware/drive.py`; no wire, no lease, no
memory chip. What it counts is the encoder's, what came out is the oracle's.
"""

from random import Random

import msgspec

from protocol.messages import StrokeSettings
from simulator.body import NoiseSettings
from simulator.firmware.spec import PenSpec
from simulator.mechanism import Mechanism
from tests.fleet.draw import Drawn, Kind

SPEC = PenSpec(max_steps=21_000)
"""50 ul a puncture with the syringe that has the thinnest barrel of the draw, with some room."""
STICKS_ONE_IN = 3
_DRIP_US = 100_000


class FleetPen:
    """A pen whose needle is over the vessel, or over the waste."""

    def __init__(self, drawn: Drawn, rng: Random) -> None:
        self.drawn = drawn
        self.mechanism = Mechanism(drawn.body, None, rng)
        self.now_us = self.mechanism.home(0)
        self.wasted_nl = 0.0
        self._rng = rng
        self._dripped_us = self.now_us
        plunger, fluid = self.mechanism.plunger, self.mechanism.fluid
        plunger.blocked = drawn.kind is Kind.BLOCKED
        fluid.leak_share = drawn.leak_share if drawn.kind is Kind.LEAKING else 0.0
        if drawn.kind is Kind.SLIPPING:
            plunger.set_backlash_um(10**9)
            plunger.slack_nl = 1e15

    @property
    def volume_nl(self) -> float:
        """What went into the vessel: all that left the tip, without what was wasted."""
        return self.mechanism.oracle.volume_nl() - self.wasted_nl

    def wait_until(self, now_us: int) -> None:
        """Let the pen rest; what is under pressure comes out, and a leaking needle drips."""
        self.now_us = max(self.now_us, now_us)
        self.mechanism.advance(self.now_us)
        dripped_nl = self.drawn.drip_nl_s * (self.now_us - self._dripped_us) / 1e6
        self.mechanism.oracle.left_needle(dripped_nl, in_skin=False)
        self._dripped_us = self.now_us

    def adopt_as_left(self) -> None:
        """What begins between the two stages."""
        if self.drawn.kind is Kind.BEGINS_TO_LEAK:
            self.mechanism.fluid.leak_share = self.drawn.leak_share

    def fill(self) -> None:
        """A full syringe; the drive went back for it, so its play is open."""
        plunger = self.mechanism.plunger
        plunger.travel_left_steps = plunger.settings.capacity_steps
        if self.drawn.kind is not Kind.SLIPPING:
            plunger.slack_nl = plunger.settings.backlash_um * plunger.settings.nl_per_mm / 1_000

    def prime(self, steps: int) -> int:
        """Prime over the waste, after the preload; returns what the pen counted."""
        before_nl = self.mechanism.oracle.volume_nl()
        made = self._pump(steps + SPEC.preload_steps)
        self.wait_until(self.now_us + 5_000_000)
        self.wasted_nl += self.mechanism.oracle.volume_nl() - before_nl
        return made

    def burst(self, settings: StrokeSettings, doses: int) -> int:
        """So many doses, the tip touching the vessel's wall; returns what the pen counted.

        A dose without its steps ends the burst, as the pen's own fault would.
        """
        self.mechanism.set_protrusion(self.now_us, settings.protrusion_um)
        self.wait_until(self.now_us + 1_500_000)
        self.mechanism.touch(self.now_us, touching=True)
        counted = 0
        for _ in range(doses):
            begun_us = self.now_us
            made = self._stroke(settings)
            counted += made
            if made != settings.steps:
                break
            self.wait_until(begun_us + settings.stroke_period_us)
        self.mechanism.touch(self.now_us, touching=False)
        return counted

    def _stroke(self, settings: StrokeSettings) -> int:
        mechanism, plunger = self.mechanism, self.mechanism.plunger
        if self.drawn.kind is not Kind.SLIPPING:
            lost_nl = self.drawn.lost_um * plunger.settings.nl_per_mm / 1_000
            plunger.slack_nl += lost_nl
        if self.drawn.stick_um and self._rng.randrange(STICKS_ONE_IN) == 0:
            plunger.stick()
        self.wait_until(mechanism.insert(self.now_us))
        made = self._pump(settings.steps)
        self.wait_until(self.now_us + settings.dwell_us)
        self.wait_until(mechanism.retract(self.now_us))
        return made

    def _pump(self, steps: int) -> int:
        before = self.mechanism.pump_position_steps()
        self.wait_until(self.mechanism.pump(self.now_us, steps, SPEC.max_flow_steps_s))
        made = self.mechanism.pump_position_steps() - before
        if made != steps:
            self.mechanism.pump_stop(self.now_us)
        return made

    # --- the axis ---

    def place(self, protrusion_um: int) -> None:
        """Let the axis come to a protrusion."""
        self.wait_until(self.mechanism.set_protrusion(self.now_us, protrusion_um))

    # --- the oracle's truth ---

    def without_scatter(self) -> None:
        """From now on the pen gives its mean: what 'true mean' is measured with."""
        mechanism = self.mechanism
        quiet = msgspec.structs.replace(mechanism.settings, noise=NoiseSettings())
        mechanism.settings = quiet

    def true_mean_nl(self, settings: StrokeSettings, doses: int) -> float:
        """The mean of so many doses, once the pen runs evenly."""
        self.burst(settings, 3)
        self.wait_until(self.now_us + 10_000_000)
        before_nl, drip_nl = self.volume_nl, self.drawn.drip_nl_s
        begun_us = self.now_us
        self.burst(settings, doses)
        self.wait_until(self.now_us + 10_000_000)
        dripped_nl = drip_nl * (self.now_us - begun_us) / 1e6
        return (self.volume_nl - before_nl - dripped_nl) / doses
