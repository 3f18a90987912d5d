"""What the grants of one arm allow, and until when (C5). Pure; all times are pen ticks."""

from protocol.limits import ARM_WITHOUT_GRANT_US, LEASE_PEN_MAX_US
from protocol.messages import Counters, Grant
from protocol.words import EndReason, Mode, Result


class Lease:
    """Each field is the maximum of the accepted grants; the ceilings begin at the counters."""

    def __init__(self, counters: Counters, mode: Mode, opened_ticks: int) -> None:
        self._counts_reverse = mode is Mode.RELOAD
        self.puncture_ceiling = counters.punctures
        self.step_ceiling = self.bounded_steps(counters)
        self._end_ticks = opened_ticks + ARM_WITHOUT_GRANT_US
        self.is_granted = False

    @property
    def end_ticks(self) -> int:
        """The tick at which the arm ends by itself."""
        return self._end_ticks

    @property
    def end_reason(self) -> EndReason:
        """Why it ends at `end_ticks`."""
        return EndReason.LAPSE if self.is_granted else EndReason.NO_GRANT

    def bounded_steps(self, counters: Counters) -> int:
        """The counter that the step ceiling bounds: all forward steps, in reload reverse steps."""
        return counters.reverse_steps if self._counts_reverse else counters.forward_steps

    def take(self, grant: Grant, *, ceilings_may_rise: bool) -> None:
        """Raise what an accepted grant raises; nothing ever falls."""
        valid = grant.valid_until_ticks
        self._end_ticks = max(self._end_ticks, valid) if self.is_granted else valid
        self.is_granted = True
        if ceilings_may_rise:
            self.puncture_ceiling = max(self.puncture_ceiling, grant.puncture_ceiling)
            self.step_ceiling = max(self.step_ceiling, grant.step_ceiling)


def judge_validity(grant: Grant, ticks: int) -> Result:
    """Whether the grant's end is acceptable at `ticks`: OK, IN_THE_PAST or TOO_FAR_AHEAD."""
    if grant.valid_until_ticks <= ticks:
        return Result.IN_THE_PAST
    if grant.valid_until_ticks > ticks + LEASE_PEN_MAX_US:
        return Result.TOO_FAR_AHEAD
    return Result.OK
