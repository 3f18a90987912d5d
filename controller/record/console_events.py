"""What the journal says of the screen: who logged in and out, who was refused, what was seen.

No PIN and nothing that is derived from one ever comes here. A name that nobody has is not repeated
either: people type their PIN into the wrong field.
"""

from typing import Literal

from controller.record.events import Actor, Body, Count


class LoggedIn(Body):
    """A person has shown a PIN; acts from that screen are this person's from now on."""

    kind = "logged_in"
    actor: Actor


class LoggedOut(Body):
    """A person's login on a screen has ended."""

    kind = "logged_out"
    actor: Actor
    reason: Literal["logout", "time_out", "replaced"]


class LoginRefused(Body):
    """A login was refused; `person` is null when nobody of that name is known."""

    kind = "login_refused"
    person: str | None
    reason: Literal["wrong_pin", "locked", "unknown"]


class LockedOut(Body):
    """Too many wrong PINs: this person may not log in for a while."""

    kind = "locked_out"
    person: str
    seconds: Count


class AlarmAcknowledged(Body):
    """Somebody has seen an alarm. It stays active until its cause is gone."""

    kind = "alarm_acknowledged"
    alarm_id: str
    actor: Actor


class AudioPaused(Body):
    """The alarms' sound was switched off for a while; a new alarm sounds again."""

    kind = "audio_paused"
    seconds: Count
    actor: Actor


class StopTested(Body):
    """The self-test of STOP. latency_us: from request to the pen's echo; null without one."""

    kind = "stop_tested"
    latency_us: Count | None
    actor: Actor


CONSOLE_BODIES: dict[str, type[Body]] = {
    body.kind: body
    for body in (
        LoggedIn,
        LoggedOut,
        LoginRefused,
        LockedOut,
        AlarmAcknowledged,
        AudioPaused,
        StopTested,
    )
}
