"""The skin and the pen's sense of it: contact with bounce, effective depth, load on the needles."""

from random import Random

import msgspec

from simulator.bounds import Count, NotNegative, Share


class SkinSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Contact and tissue. Sources: domain.md 5.1 (depth share, force a needle), 5.4 (bounce).

    `bounce_us` 5,000 to 20,000: how long the contact sensor chatters after each change; 0 = clean.
    """

    bounce_us: Count = 0
    bounces: Count = 2
    force_per_needle_dn: NotNegative = 1.0
    shallow_share: Share = 0.5
    deep_share: Share = 0.85


class Skin:
    """Whether the pen touches skin (`touching`, the truth) and what its sensor says."""

    def __init__(self, settings: SkinSettings, rng: Random) -> None:
        self.settings = settings
        self.touching = False
        self.sensor_stuck: bool | None = None
        self._rng = rng
        self._sensed = False
        self._flips_us: list[int] = []

    def set_touching(self, now_us: int, touching: bool) -> None:
        """The hand puts the pen on the skin or lifts it; the sensor follows with bounce."""
        if touching == self.touching:
            return
        self.touching = touching
        self.run_to(now_us)
        settle_us = self.settings.bounce_us
        # an odd number of flips ends on the new state, an even one when the sensor was still behind
        flips = 2 * self.settings.bounces + 1 if settle_us else 1
        flips -= self._sensed == touching
        later = [now_us + self._rng.randrange(1, settle_us) for _ in range(flips - 1) if settle_us]
        self._flips_us = [now_us, *sorted(set(later))] if flips else []
        if (len(self._flips_us) % 2 == 1) != (self._sensed != touching):
            self._flips_us.pop()

    def chatter(self, now_us: int, flips: int, over_us: int) -> None:
        """A film or a glove: `flips` pairs of false changes of the sensor within `over_us`."""
        times = sorted({now_us + self._rng.randrange(1, over_us) for _ in range(2 * flips)})
        self._flips_us = times[: len(times) // 2 * 2]

    def run_to(self, now_us: int) -> bool:
        """Let the sensor follow; returns whether it changed."""
        before = self._sensed
        while self._flips_us and self._flips_us[0] <= now_us:
            self._flips_us.pop(0)
            self._sensed = not self._sensed
        return before != self._sensed

    @property
    def is_bouncing(self) -> bool:
        """Whether the sensor still has changes ahead."""
        return bool(self._flips_us)

    def next_flip_us(self) -> int | None:
        """When the sensor next changes by itself."""
        return self._flips_us[0] if self._flips_us else None

    def sensed(self) -> bool:
        """The raw sensor."""
        return self._sensed if self.sensor_stuck is None else self.sensor_stuck

    def depth_um(self, protrusion_um: float) -> float:
        """Depth in tissue of a stroke on the skin: a share of the protrusion that grows with it."""
        if not self.touching:
            return 0.0
        low, high = self.settings.shallow_share, self.settings.deep_share
        part = min(1.0, max(0.0, (protrusion_um - 1_000.0) / 1_500.0))
        return protrusion_um * (low + (high - low) * part)

    def load_dn(self, needles: int, protrusion_um: float) -> int:
        """Peak force on the array in tenths of a newton, grown with depth up to 1 mm; capped."""
        if not self.touching or protrusion_um <= 0.0:
            return 0
        share = min(1.0, 0.5 + protrusion_um / 2_000.0)
        return min(255, round(needles * self.settings.force_per_needle_dn * share))
