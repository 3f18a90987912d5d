"""Does a certificate hold for this pen now, and for how long still (H25)? Pure checks.

A "block" says what to do; a "warn" tells of the end before it comes. Hours, doses and punctures end
a certificate besides its date, so a clock that was set back cannot make it last.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import msgspec

from controller.session.certificate import Certificate
from controller.session.findings import Finding, Findings
from controller.session.units import MICROSECONDS_A_SECOND
from controller.session.wear import NEW, Wear
from controller.settings import Realm

# Engineering estimates: a week to find an hour with the balance, or a tenth of what it holds for.
WARN_AHEAD = timedelta(days=7)
WARN_SHARE = Fraction(10, 100)
RECALIBRATE = (
    "Calibrate the pen (`micropen calibrate dose`), then `micropen calibrate certificate issue`."
)
_HOUR_US = 3_600 * MICROSECONDS_A_SECOND


class Built(msgspec.Struct, frozen=True):
    """What the pen is put together from now; None: not known here, so not compared."""

    firmware: str | None = None
    cartridge_type: int | None = None
    pump_head: str | None = None


UNKNOWN = Built()


class Left(msgspec.Struct, frozen=True):
    """One of the ends of a certificate: what it counts, and how much of it is left.

    left: below 0 when it is past. is_near: in the last tenth.
    """

    name: str
    until: int
    left: int
    unit_us: int = 0
    is_near: bool = False

    def shown(self, value: int) -> str:
        """A value as people read it."""
        return f"{value / self.unit_us:.1f} h" if self.unit_us else f"{value} {self.name}"


def check_certificate(
    certificate: Certificate,
    *,
    pen_uid: int,
    pen_punctures: int,
    now_wall: datetime,
    realm: Realm,
    accept_provisional: bool,
    wear: Wear = NEW,
    built: Built = UNKNOWN,
) -> Findings:
    """Whether the calibration is this pen's, in force, and good enough for the realm (H25, H26).

    wear: what the books have of the pen; pen_punctures: its own counter.
    """
    found = []
    if not certificate.is_for(pen_uid):
        sentence = (
            f"Certificate {certificate.certificate_id} belongs to another pen. "
            "Connect that pen, or store this pen's own one (`micropen pen certify`)."
        )
        limit, value = certificate.pen_uid, f"{pen_uid:016x}"
        found.append(Finding("CERTIFICATE_OF_ANOTHER_PEN", "block", sentence, limit, value))
    wear = msgspec.structs.replace(wear, punctures=max(wear.punctures, pen_punctures))
    found += check_in_force(certificate, now_wall, wear)
    found += check_built(certificate, built)
    if certificate.provisional and realm == "treatment":
        found.append(_provisional(accept_provisional))
    return tuple(found)


def check_in_force(certificate: Certificate, now_wall: datetime, wear: Wear = NEW) -> Findings:
    """Whether it holds by date, hours, doses and punctures; warns ahead of each."""
    return (*_by_date(certificate, now_wall), *_by_wear(certificate, wear))


def check_built(certificate: Certificate, built: Built) -> Findings:
    """Whether firmware, cartridge type and pump head are those that were measured."""
    measured = (
        ("FIRMWARE", "firmware", certificate.firmware, built.firmware),
        ("CARTRIDGE", "cartridge type", certificate.cartridge_type, built.cartridge_type),
        ("PUMP_HEAD", "pump head", certificate.pump_head, built.pump_head),
    )
    return tuple(
        Finding(
            f"CERTIFICATE_{code}_CHANGED",
            "block",
            f"The certificate was measured with {name} {was}; it is {now} now. "
            f"Put back what it was, or: {RECALIBRATE}",
            str(was),
            str(now),
        )
        for code, name, was, now in measured
        if was is not None and now is not None and was != now
    )


def ends_of(certificate: Certificate, wear: Wear) -> tuple[Left, ...]:
    """Every count that ends a certificate, with what is left of it."""
    first = {} if certificate.measured_at is None else dict(certificate.measured_at)
    of = certificate
    ends = (
        _left("doses", of.valid_until_doses, wear.doses, first.get("doses")),
        _left("hours", of.valid_until_running_us, wear.running_us, first.get("running_us")),
        _left("punctures", of.valid_until_punctures, wear.punctures, first.get("punctures")),
    )
    return tuple(one for one in ends if one is not None)


def _left(name: str, until: int | None, now: int, first: int | None) -> Left | None:
    if until is None:
        return None
    is_near = first is not None and until - now <= WARN_SHARE * (until - first)
    return Left(name, until, until - now, _HOUR_US if name == "hours" else 0, is_near)


def _by_date(certificate: Certificate, now_wall: datetime) -> Iterator[Finding]:
    end_wall = certificate.valid_until_wall.astimezone(UTC)
    now_wall = now_wall.astimezone(UTC)
    end, now = f"{end_wall:%F %R}", f"{now_wall:%F %R}"
    if now_wall < certificate.issued_wall:
        sentence = (
            f"The certificate does not hold at this time; it ends at {end} UTC, and this "
            f"computer's clock ({now}) stands before its issue. Set the clock."
        )
        yield Finding("CERTIFICATE_EXPIRED", "block", sentence, end, now)
    elif now_wall > end_wall:
        sentence = f"The certificate does not hold at this time; it ends at {end} UTC. "
        yield Finding("CERTIFICATE_EXPIRED", "block", sentence + RECALIBRATE, end, now)
    elif end_wall - now_wall <= WARN_AHEAD:
        sentence = f"The certificate ends at {end} UTC. Plan the next calibration."
        yield Finding("CERTIFICATE_NEAR_END", "warn", sentence, end, now)


def _by_wear(certificate: Certificate, wear: Wear) -> Iterator[Finding]:
    for one in ends_of(certificate, wear):
        until, now = one.shown(one.until), one.shown(one.until - one.left)
        if one.left < 0:
            sentence = f"The certificate holds until {_in_words(one)}; the pen has made more. "
            yield Finding("CERTIFICATE_WORN_OUT", "block", sentence + RECALIBRATE, until, now)
        elif one.is_near:
            sentence = (
                f"The certificate holds for {one.shown(one.left)} more. Plan the next calibration."
            )
            yield Finding("CERTIFICATE_NEAR_END", "warn", sentence, until, now)


def _in_words(one: Left) -> str:
    if one.unit_us:
        return f"{one.shown(one.until)} of the pen's running time"
    return f"{one.name.removesuffix('s')} {one.until}"


def _provisional(accepted: bool) -> Finding:
    sentence = "The certificate is provisional: it rests on geometry, not on weighings."
    if not accepted:
        sentence += " " + RECALIBRATE
    return Finding("CERTIFICATE_PROVISIONAL", "warn" if accepted else "block", sentence)
