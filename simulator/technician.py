"""The simulated technician at the balance: puts the check weight on once it was watched for long.

As a person would who follows the guide: the balance is asked without a pause, nothing has dropped,
so it is being looked at; after that time the weight goes on, and off again. Once a connection, and
again as long as the pen has not pumped: then the check is not behind it yet.
"""

from collections.abc import Callable

import msgspec

from simulator.balance import Balance
from simulator.bounds import AtLeastOne, Count

PAUSE_US = 2_000_000
"""Not asked for so long: whoever asked does something else."""
AGAIN_TIMES = 3
"""Watched for so many times as long: the check is made again."""


class TechnicianSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`check_weight_ug` 0 = nobody is there. Times in us; 33 s is after a check of 30 s."""

    check_weight_ug: Count = 0
    after_us: AtLeastOne = 33_000_000
    for_us: AtLeastOne = 15_000_000


class Technician:
    """One pair of hands beside one balance."""

    def __init__(
        self, settings: TechnicianSettings, balance: Balance, pumped_steps: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._pumped_steps = pumped_steps
        self._balance = balance
        self._since_us: int | None = None
        self._asked_us = 0
        self._on_us: int | None = None
        self._is_done = False

    def connected(self) -> None:
        """A program begins with the balance."""
        self._since_us, self._is_done = None, False

    def asked(self, now_us: int) -> None:
        """The balance was asked for something."""
        if self._since_us is None or now_us - self._asked_us > PAUSE_US:
            self._since_us = now_us
        self._asked_us = now_us

    def advance(self, now_us: int) -> None:
        """Do what is due."""
        if self._on_us is not None:
            if now_us - self._on_us >= self._settings.for_us:
                self._balance.weights_ug, self._on_us = 0, None
                self._since_us = now_us
            return
        if self._since_us is None or now_us - self._asked_us > PAUSE_US:
            return
        if self._settings.check_weight_ug == 0 or (self._is_done and self._pumped_steps() > 0):
            return
        times = AGAIN_TIMES if self._is_done else 1
        if now_us - self._since_us >= times * self._settings.after_us:
            self._balance.weights_ug = self._settings.check_weight_ug
            self._on_us, self._is_done = now_us, True
