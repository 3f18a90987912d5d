"""Nothing is dosed with contact under the suite, unless the pen is a simulated one.

In depth, not by a list of checks: a pen in DOSE mode moves on contact only, so on a real pen no
DOSE arm ever gets room for one stroke, nobody is asked to touch while such an arm is open, and a
pen that pumps with contact all the same is stopped and ends the run.
"""

from protocol.codec import settings_digest
from protocol.limits import is_simulated_uid
from protocol.messages import (
    Arm,
    Configure,
    Grant,
    HelloReply,
    Message,
    Status,
)
from protocol.words import Mode, StatusFlag


class WouldDose(AssertionError):
    """A check was about to let the pen dose with contact. Nothing was sent."""


class Dosed(Exception):
    """The pen pumped with contact though nothing allowed it: the run ends."""


class ContactGuard:
    """Knows what the wire shows: which arms are in DOSE mode, and what the pen counts."""

    def __init__(self) -> None:
        self.may_dose = False
        """Whether the pen has said that its uid is of the range of simulated pens."""
        self._is_ours = False
        """Before our own link, what the pen does is somebody else's, who must not be disturbed."""
        self._modes: dict[int, Mode] = {}
        self._harmless_arms: set[int] = set()
        self._status: Status | None = None

    def sending(self, message: Message) -> None:
        """Raises WouldDose for what must not reach the pen."""
        if isinstance(message, Configure):
            self._modes[settings_digest(message.settings)] = message.settings.mode
        elif isinstance(message, Arm):
            self._note_arm(message)
        elif isinstance(message, Grant):
            self._judge(message)

    def _note_arm(self, arm: Arm) -> None:
        if self._modes.get(arm.settings_digest, Mode.DOSE) is Mode.DOSE:
            self._harmless_arms.discard(arm.arm_id)
        else:
            self._harmless_arms.add(arm.arm_id)

    def _judge(self, grant: Grant) -> None:
        if self.may_dose or grant.arm_id in self._harmless_arms:
            return
        made = self._status.counters if self._status else None
        punctures, steps = (made.punctures, made.forward_steps) if made else (0, 0)
        if grant.puncture_ceiling > punctures and grant.step_ceiling > steps:
            raise WouldDose("a grant with room for an arm in DOSE mode, not a simulated pen")

    def touching(self) -> None:
        """Raises WouldDose when nobody may touch now."""
        arm_id = self._status.arm_id if self._status else 0
        if arm_id and arm_id not in self._harmless_arms and not self.may_dose:
            raise WouldDose("contact while an arm in DOSE mode is open, not a simulated pen")

    def heard(self, message: Message) -> None:
        """Raises Dosed when the pen did what nothing allowed."""
        if isinstance(message, HelloReply):
            self.may_dose = is_simulated_uid(message.uid)
            self._is_ours = True
        status = getattr(message, "status", None)
        if isinstance(status, Status):
            before, self._status = self._status, status
            self._watch(before, status)

    def _watch(self, before: Status | None, status: Status) -> None:
        if self.may_dose or not self._is_ours:
            return
        if before is None or before.boot_id != status.boot_id:
            return
        if status.counters.dose_steps > before.counters.dose_steps:
            raise Dosed("the pen counts dose steps, and no dose was ever granted")
        in_contact = before.flags & status.flags & StatusFlag.CONTACT
        if in_contact and status.counters.forward_steps > before.counters.forward_steps:
            raise Dosed("the pen pumped while it had contact, and no dose was ever granted")
