"""Where a session stands against its plan and limits: pure questions to the books.

Every count that bounds a dose uses the upper end of the books (design section 2, idea 5).
"""

from datetime import datetime
from fractions import Fraction

import msgspec

from controller.session.account import (
    ZoneAccount,
    dose_span,
    syringe_account,
    zone_account,
)
from controller.session.allowance import (
    Allowance,
    Room,
    dose_allowance,
    prime_allowance,
    steps_within,
    stroke_allowance,
)
from controller.session.books import Books, SessionBook
from controller.session.course import course_of
from controller.session.interlocks import steps_for
from controller.session.ledger import Interval
from controller.session.plan import Zone
from controller.session.terms import Terms

MM2_A_CM2 = 100

# Without dispense a running needle brakes so as to rest at or below its ceiling: from 150 Hz within
# 120 ms it makes up to 9 strokes (domain.md 5.1), so a rest this small cannot be asked for.
BRAKING_STROKES = 10

# Slices are whole: a rest of the prime volume smaller than this share cannot be asked for.
PRIME_REST = Fraction(2, 100)


class Progress(msgspec.Struct, frozen=True):
    """One session's terms, its book and all books, asked together."""

    terms: Terms
    book: SessionBook
    books: Books

    def intervals(self, zone: str | None = None) -> list[Interval]:
        """The session's arms; of one zone when named."""
        arms = self.books.ledger.of_session(self.book.session_id)
        return [arm for arm in arms if zone is None or arm.opened.zone == zone]

    def where_lost(self) -> str | None:
        """When the pen was last lost and what is the last puncture on record; None if never."""
        book = self.book
        if book.lost_wall is None:
            return None
        sentence = f"The pen was lost at {book.lost_wall}."
        if book.last_stroke_arm is None:
            return sentence + " Nothing had been delivered."
        arm = self.books.ledger.intervals[book.last_stroke_arm]
        made = sum(each.certain.punctures for each in self.intervals(arm.opened.zone))
        where = f"zone '{arm.opened.zone}'" if arm.opened.zone else arm.opened.purpose
        return f"{sentence} Last on record: puncture {made} in {where}, {book.last_stroke_wall}."

    def punctures_left(self, zone: Zone) -> int:
        """Planned punctures minus those that may have been made.

        Without dispense, a rest below the braking distance counts as complete.
        """
        made = sum(arm.possible.punctures for arm in self.intervals(zone.name))
        left = max(0, zone.punctures - made)
        return 0 if made and not zone.dose_nl and left <= BRAKING_STROKES else left

    def account_of(self, zone: Zone) -> ZoneAccount:
        """What a zone has got so far."""
        return zone_account(zone.name, self.intervals())

    def next_zone(self) -> Zone | None:
        """The first zone of the plan that is not complete."""
        return next((zone for zone in self.terms.plan.zones if self.punctures_left(zone)), None)

    def zone_steps(self, zone: Zone) -> int:
        """Pump steps a puncture for a zone under the session's certificate."""
        if self.terms.certificate is None or not zone.dose_nl:
            return 0
        return steps_for(zone.dose_nl, self.picolitres(zone))

    def set_protrusion_um(self, zone: Zone) -> int:
        """What the pen must be set to so that the needle stands out as planned."""
        certificate = self.terms.certificate
        if certificate is None:
            return zone.protrusion_um
        return max(1, certificate.set_protrusion_um(zone.protrusion_um))

    def picolitres(self, zone: Zone) -> int:
        """Calibrated picolitres a step for a zone's dose and cadence."""
        if self.terms.certificate is None or not zone.dose_nl:
            return 0
        return self.terms.certificate.picolitres_for(zone.dose_nl, zone.stroke_period_us)

    def prime_picolitres(self) -> int:
        """Calibrated picolitres a step for priming; 0 without a certificate."""
        certificate = self.terms.certificate
        return 0 if certificate is None else certificate.prime_picolitres_a_step

    def syringe_left_nl(self) -> Fraction:
        """What must still be in the syringe; 0 without one."""
        syringe = self.book.syringe
        if syringe is None:
            return Fraction(0)
        return syringe_account(syringe, self.books.intervals_of(syringe)).left_nl

    def prime_steps_left(self) -> int:
        """Steps still to prime in the present syringe, at the plan's prime volume."""
        syringe = self.book.syringe
        if syringe is None or self.terms.certificate is None:
            return 0
        planned = steps_for(self.terms.plan.prime_nl, self.prime_picolitres())
        primes = [arm for arm in self.books.intervals_of(syringe) if arm.opened.purpose == "prime"]
        left = planned - sum(arm.possible.prime_steps for arm in primes)
        return left if left > planned * PRIME_REST else 0

    def syringe_steps(self) -> int:
        """Whole steps that must still be in the syringe, at the prime's picolitres a step."""
        return steps_within(self.syringe_left_nl(), self.prime_picolitres())

    def prime_allowance(self, preload_steps: int) -> Allowance:
        """Bounds of the next prime arm, the preload that the pen asks for included."""
        return prime_allowance(self.prime_steps_left() + preload_steps, self.syringe_steps())

    def purge_allowance(self, volume_nl: int) -> Allowance:
        """Bounds of an arm that discards a volume off the skin."""
        wanted = steps_for(volume_nl, self.prime_picolitres())
        return prime_allowance(wanted, self.syringe_steps())

    def zone_allowance(self, zone: Zone) -> Allowance:
        """Bounds of the next arm in a zone: plan, every limit, syringe and hole density."""
        if not zone.dose_nl:
            return stroke_allowance(self.punctures_left(zone), self._density_room(zone))
        return dose_allowance(
            punctures_left=self.punctures_left(zone),
            steps_a_puncture=self.zone_steps(zone),
            picolitres_a_step=self.picolitres(zone),
            rooms=self._volume_rooms(zone),
            units_a_nl=self.terms.product.units_a_nl if self.terms.product else None,
        )

    def _volume_rooms(self, zone: Zone) -> list[Room]:
        limits, product = self.terms.limits, self.terms.product
        in_zone = dose_span(self.intervals(zone.name)).possible_nl
        in_session = dose_span(self.intervals()).possible_nl
        course = course_of(
            self.books,
            self.book.opened.patient,
            datetime.fromisoformat(self.book.opened_wall),
            limits.course_window_days,
            product,
        )
        rooms = [
            Room("zone limit", Fraction(limits.max_zone_nl), in_zone),
            Room("session limit", Fraction(limits.max_session_nl), in_session),
            Room("course limit", Fraction(limits.max_course_nl), course.possible_nl),
            Room("syringe", self.syringe_left_nl(), Fraction(0)),
        ]
        if product is None or product.units_a_nl is None:
            return rooms
        a_nl = product.units_a_nl
        in_units = (
            ("zone limit in units", limits.max_zone_units, in_zone * a_nl),
            ("session limit in units", limits.max_session_units, in_session * a_nl),
            ("course limit in units", limits.max_course_units, course.possible_units),
        )
        return rooms + [
            Room(name, bound, used, "units") for name, bound, used in in_units if bound is not None
        ]

    def _density_room(self, zone: Zone) -> list[Room]:
        density = self.terms.limits.max_hole_density_per_cm2
        if zone.area_mm2 is None or density is None:
            return []
        holes = Fraction(density * zone.area_mm2, MM2_A_CM2)
        used = sum(arm.possible.punctures for arm in self.intervals(zone.name))
        needles = self.terms.cartridge.needles
        return [Room("hole density", holes / needles, Fraction(used), "punctures")]
