"""Random pens and benches, within the ranges of domain.md section 5; bad pens by kind.

Everything that a draw decides stands in `Drawn`, so that a result can be read without the seed.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from simulator.balance import BalanceSettings
from simulator.body import BodySettings, NoiseSettings
from simulator.depth_axis import DepthSettings
from simulator.plunger import PlungerSettings
from simulator.syringe import FluidSettings

NL_PER_MM = 17_350
"""A 1 mL syringe (domain.md 5.3)."""
GEOMETRY_PL = 2_711
"""A step of that syringe on a lead of 0.5 mm with 3,200 microsteps a turn (domain.md 5.3)."""


class Kind(StrEnum):
    """What a pen is drawn as. All but GOOD must be refused."""

    GOOD = "good"
    JUST_OVER = "CV just over the limit"
    SCATTERED = "scattered"
    BLOCKED = "blocked"
    SLIPPING = "slipping"
    STICKING = "sticking"
    LEAKING = "leaking"
    BEGINS_TO_LEAK = "begins to leak"
    DRIPPING = "dripping"
    AXIS_SCATTERED = "axis scattered"
    AXIS_OFF = "axis off"


BAD = tuple(kind for kind in Kind if kind is not Kind.GOOD)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One pen. gain: of the syringe against its nominal. lost_um: play that each dose opens again.

    For the bad kinds: leak_share of the plunger's displacement, from the beginning or from as left
    on; drip_nl_s out of the needle at rest; stick_um of wind-up at every third dose or so.
    """

    kind: Kind
    gain: float
    backlash_um: int
    lost_um: float
    compliance_nl_kpa: float
    resistance_kpa_s_ul: float
    share: float
    tip_nl: float
    axis_offset_um: int
    axis_home_um: float
    axis_repeat_um: float
    resolution_ug: int
    liquid_c: float
    air_c: float
    air_hpa: float
    air_humidity: float
    evaporation_ug_h: float
    leak_share: float = 0.0
    drip_nl_s: float = 0.0
    stick_um: int = 0

    @property
    def body(self) -> BodySettings:
        """As the simulator's mechanics take it."""
        return BodySettings(
            depth=DepthSettings(
                offset_um=self.axis_offset_um,
                home_error_um=self.axis_home_um,
                repeat_error_um=self.axis_repeat_um,
            ),
            plunger=PlungerSettings(
                nl_per_mm=round(NL_PER_MM * self.gain),
                backlash_um=self.backlash_um,
                stiction_um=self.stick_um,
                stiction_after_us=10**15,
            ),
            fluid=FluidSettings(
                compliance_nl_kpa=self.compliance_nl_kpa,
                resistance_kpa_s_ul=self.resistance_kpa_s_ul,
            ),
            noise=NoiseSettings(tip_nl=self.tip_nl, share=self.share, wear_per_stroke=1e-6),
        )

    @property
    def balance(self) -> BalanceSettings:
        """As the simulator's balance takes it. Noise of 0.4 digits, as it estimates itself."""
        return BalanceSettings(
            resolution_ug=self.resolution_ug,
            noise_ug=0.4 * self.resolution_ug,
            liquid_c=self.liquid_c,
            air_c=self.air_c,
            air_hpa=self.air_hpa,
            air_humidity=self.air_humidity,
            evaporation_ug_h=self.evaporation_ug_h,
        )


def drawn(kind: Kind, rng: Random) -> Drawn:
    """A pen and its bench.

    Ranges of domain.md: gain of the syringe +-10 % (section 2, a vendor on ISO 7886-1), backlash
    10-80 um, compliance 0.01-0.1 ul/kPa, resistance 0.8-3 kPa s/ul (30 to 34 G; more trips the
    pen's pressure at its flow of 50 ul/s), tip 50 nl and share 2 % of scatter at most, wear 1 % in
    10,000 doses (all 5.3), home 5-10 um (5.2). Rooms: 4.2. Estimates: play of up to 4 um that the
    plunger's rubber opens again, offset of the axis up to 150 um, repeats of the axis 2-10 um. A
    balance of 0.001 mg has an evaporation trap. A blocked drive's encoder stands, a slipping one's
    turns. The bad kinds' figures are far enough beyond the limits to be bad without doubt; only
    JUST_OVER begins at 1.1 times the 3 % of 20 and 50 ul.
    """
    resolution_ug = rng.choice((1, 10, 100))
    bad = _bad(kind, rng)
    return Drawn(
        kind=kind,
        gain=rng.uniform(0.9, 1.1),
        backlash_um=rng.randint(10, 80),
        lost_um=rng.uniform(0.0, 4.0),
        compliance_nl_kpa=rng.uniform(10.0, 100.0),
        resistance_kpa_s_ul=rng.uniform(0.8, 3.0),
        share=bad.pop("share", rng.uniform(0.002, 0.02)),
        tip_nl=rng.uniform(5.0, 50.0),
        axis_offset_um=round(bad.pop("axis_offset_um", rng.uniform(-150.0, 150.0))),
        axis_home_um=rng.uniform(5.0, 10.0),
        axis_repeat_um=bad.pop("axis_repeat_um", rng.uniform(2.0, 10.0)),
        resolution_ug=resolution_ug,
        liquid_c=rng.uniform(18.0, 25.0),
        air_c=rng.uniform(18.0, 25.0),
        air_hpa=rng.uniform(950.0, 1_040.0),
        air_humidity=rng.uniform(0.5, 0.8),
        evaporation_ug_h=rng.uniform(300.0, 1_000.0)
        if resolution_ug == 1
        else rng.uniform(5_000.0, 24_000.0),
        leak_share=bad.pop("leak_share", 0.0),
        drip_nl_s=bad.pop("drip_nl_s", 0.0),
        stick_um=round(bad.pop("stick_um", 0.0)),
    )


_BAD: dict[Kind, tuple[str, float, float]] = {
    Kind.JUST_OVER: ("share", 0.033, 0.06),
    Kind.SCATTERED: ("share", 0.07, 0.3),
    Kind.STICKING: ("stick_um", 60.0, 200.0),
    Kind.LEAKING: ("leak_share", 0.25, 0.5),
    Kind.BEGINS_TO_LEAK: ("leak_share", 0.1, 0.5),
    Kind.DRIPPING: ("drip_nl_s", 20.0, 100.0),
    Kind.AXIS_SCATTERED: ("axis_repeat_um", 60.0, 120.0),
    Kind.AXIS_OFF: ("axis_offset_um", 260.0, 600.0),
}
"""Which figure of a bad kind is drawn from where instead."""


def _bad(kind: Kind, rng: Random) -> dict[str, float]:
    if kind not in _BAD:
        return {}
    name, low, high = _BAD[kind]
    sign = rng.choice((-1, 1)) if kind is Kind.AXIS_OFF else 1
    return {name: sign * rng.uniform(low, high)}
