"""The simulated pen's body: puts needle, axis, plunger, fluid, skin, battery and heat together.

Event-driven: `advance` jumps from one instant at which something changes to the next; fluid
between them is solved in closed form. What firmware and hand may do with it is `mechanism.py`.
"""

from random import Random

import msgspec

from simulator.bounds import NotNegative, Share
from simulator.depth_axis import DepthAxis, DepthSettings
from simulator.motor import NeedleEvent, NeedleSettings
from simulator.needle import Needle
from simulator.oracle import Oracle, Totals
from simulator.plunger import Plunger, PlungerSettings
from simulator.ports import Chip
from simulator.power import Battery, PowerSettings
from simulator.skin import Skin, SkinSettings
from simulator.syringe import Fluid, FluidSettings, Outlet
from simulator.thermal import Grip, ThermalSettings


class NoiseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scatter of a dose: sigma = sqrt(tip^2 + (share x dose)^2), and wear (domain.md 5.3)."""

    tip_nl: NotNegative = 0.0
    share: Share = 0.0
    wear_per_stroke: Share = 0.0


class BodySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All numbers of a body, part by part."""

    needle: NeedleSettings = NeedleSettings()
    depth: DepthSettings = DepthSettings()
    plunger: PlungerSettings = PlungerSettings()
    fluid: FluidSettings = FluidSettings()
    noise: NoiseSettings = NoiseSettings()
    skin: SkinSettings = SkinSettings()
    power: PowerSettings = PowerSettings()
    thermal: ThermalSettings = ThermalSettings()


class Body:
    """One body with its cartridge and syringe. World time in microseconds, from 0.

    The parts are public: an injected fault turns the knob of the part that it breaks.
    """

    def __init__(
        self, settings: BodySettings, chip: Chip | None, rng: Random, totals: Totals | None = None
    ) -> None:
        self.settings = settings
        self.needle = Needle(settings.needle, rng)
        self.depth = DepthAxis(settings.depth, rng)
        self.plunger = Plunger(settings.plunger)
        self.fluid = Fluid(settings.fluid)
        self.skin = Skin(settings.skin, rng)
        self.battery = Battery(settings.power)
        self.grip = Grip(settings.thermal)
        self.oracle = Oracle(totals)
        self.chip_fitted = chip
        self._rng = rng
        self._now_us = 0
        self._flowed_us = 0
        self._step_nl = settings.plunger.nl_per_step
        self._tip_nl = 0.0
        self._beyond_face = False
        self._deepest_share = 0.0
        self._peak_load_dn = 0

    # --- time ---

    def advance(self, now_us: int) -> None:
        """Let the world run to `now_us`; an earlier time than the last changes nothing."""
        plunger, needle = self.plunger, self.needle
        if plunger.is_moving or self.skin.is_bouncing or not self.fluid.is_still():
            self._advance_fluid(now_us)
            return
        while (at_us := needle.next_event_us()) is not None and at_us <= now_us:
            self._now_us = max(self._now_us, at_us)
            self._on_needle(at_us, needle.take())
        self._now_us = self._flowed_us = max(self._now_us, now_us)

    def _advance_fluid(self, now_us: int) -> None:
        at_us = self._next_change_us()
        while at_us is not None and at_us <= now_us:
            self._run_to(at_us)
            if self.needle.next_event_us() == at_us:
                self._on_needle(at_us, self.needle.take())
            at_us = self._next_change_us()
        self._run_to(now_us)

    def _next_change_us(self) -> int | None:
        needle_us, pump_us = self.needle.next_event_us(), self.plunger.end_us()
        if needle_us is None or pump_us is None:
            return pump_us if needle_us is None else needle_us
        return min(needle_us, pump_us)

    def _run_to(self, now_us: int) -> None:
        self._now_us = max(self._now_us, now_us)
        if self.skin.is_bouncing:
            self.skin.run_to(self._now_us)
        steps = self.plunger.run_to(self._now_us) if self.plunger.is_moving else 0
        if steps:
            self.oracle.stepped(steps, self._now_us)
        if steps or not self.fluid.is_still():
            self._flow(self._now_us - self._flowed_us, steps)
        self._flowed_us = self._now_us

    def _flow(self, dt_us: int, steps: int) -> None:
        in_skin = self._beyond_face and self.skin.touching
        outlet = Outlet.SKIN if in_skin else Outlet.AIR
        idle_share, moved_nl = self.plunger.take_up(steps * self._step_nl)
        leaked_nl = self.fluid.leaked_nl
        out_nl = self.fluid.flow(dt_us * idle_share, 0.0, outlet)
        out_nl += self.fluid.flow(dt_us * (1.0 - idle_share), moved_nl, outlet)
        self.oracle.totals.leaked_nl += self.fluid.leaked_nl - leaked_nl
        if out_nl:
            self.oracle.left_needle(out_nl, in_skin=in_skin)

    def _on_needle(self, now_us: int, event: NeedleEvent) -> None:
        if event is NeedleEvent.STARTED:
            self._start_stroke(now_us)
        elif event is NeedleEvent.PASSED_FACE:
            self._pass_face()
        elif event is NeedleEvent.BEHIND_FACE:
            self._leave_skin()
        else:
            self.oracle.rested(now_us)
            if not self.needle.motor.running:
                self._book_energy()

    def _start_stroke(self, now_us: int) -> None:
        self.oracle.started(now_us)
        self._deepest_share, self._peak_load_dn = 0.0, 0
        self.fluid.deposit_nl = 0.0
        if self.needle.motor.running:
            protrusion_um = self.depth.protrusion_um()
            self._deepest_share = 1.0
            self.needle.motor.loaded = self.skin.touching
            self._peak_load_dn = self._load_dn(protrusion_um)
            self.oracle.reached(self.skin.depth_um(protrusion_um))

    def _pass_face(self) -> None:
        protrusion_um = self.depth.protrusion_um()
        self._beyond_face = True
        self._peak_load_dn = self._load_dn(protrusion_um)

    def _leave_skin(self) -> None:
        self._note_depth()
        if self.fluid.deposit_nl and self.settings.noise.tip_nl:
            self._scatter_tip()
        self._beyond_face = False

    def _scatter_tip(self) -> None:
        """A droplet stays on the tip, or the last one comes off: moves volume between doses."""
        tip_nl = self._rng.gauss(0.0, self.settings.noise.tip_nl)
        change = max(self._tip_nl - tip_nl, -self.fluid.deposit_nl)
        self._tip_nl -= change
        self.oracle.left_needle(change, in_skin=self.skin.touching)

    def _note_depth(self) -> None:
        share = self.needle.out_share(self._now_us)
        self._deepest_share = max(self._deepest_share, share)
        beyond_um = self.depth.protrusion_um() - (1.0 - share) * self.settings.needle.stroke_um
        if self._beyond_face and self.skin.touching and beyond_um > 0.0:
            self.oracle.reached(self.skin.depth_um(beyond_um))

    def _load_dn(self, protrusion_um: float) -> int:
        needles = self.chip_fitted.needles if self.chip_fitted else 0
        return self.skin.load_dn(needles, protrusion_um)

    def _scatter_pump(self) -> None:
        noise = self.settings.noise
        worn = 1.0 - noise.wear_per_stroke * self.oracle.totals.punctures
        scatter = self._rng.gauss(1.0, noise.share) if noise.share else 1.0
        self._step_nl = self.settings.plunger.nl_per_step * worn * max(0.0, scatter)

    def _book_energy(self) -> None:
        motor = self.needle.is_driven(self._now_us)
        self.battery.load(self._now_us, motor=motor)
        self.grip.heat(self._now_us, self.needle.motor.cadence_hz())
