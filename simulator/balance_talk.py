"""How the simulated balance is asked over a serial line: MT-SICS, or Sartorius SBI.

Commands are done one after the other; one that waits for a stable weight keeps the next waiting,
as in the real instruments. Replies stand as users.md section 3 has them from the makers' manuals.
"""

import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from simulator.balance import TICK_US, Balance, Shown, State

_UNITS_UG = {"g": 1_000_000, "mg": 1_000, "kg": 1_000_000_000, "ct": 200_000}
_SICS_STATES = {State.OVERLOAD: "+", State.UNDERLOAD: "-", State.BUSY: "I"}
_SBI_STATES = {State.OVERLOAD: "High", State.UNDERLOAD: "Low", State.BUSY: "C"}
_SBI_COMMAND = re.compile(rb"\x1b(x\d_|[A-Zk-wyz])(?:\r\n)?")
_OPEN_MAX = 64
"""Bytes without a command in them that a balance keeps."""


class _Wait(msgspec.Struct):
    """A command under way, since when, and what it does each tick: its reply, or None to go on."""

    since_us: int
    again: Callable[[int], bytes | None]


class BalanceTalk:
    """The balance's end of the line. Bytes leave `answer_us` after what they answer."""

    def __init__(self, balance: Balance) -> None:
        self.balance = balance
        self.deaf = False
        """Nothing is heard or said: switched off, or the wrong line settings."""
        self._open = b""
        self._asked: deque[bytes] = deque()
        self._wait: _Wait | None = None
        self._repeats = False
        self._out: deque[tuple[int, bytes]] = deque()
        speaks = balance.settings.speaks
        self._take = self._take_sbi if speaks == "sbi" else self._take_sics
        self._do = self._do_sbi if speaks == "sbi" else self._do_sics

    # --- the line ---

    def receive(self, data: bytes, now_us: int) -> None:
        """The host wrote `data`."""
        self.advance(now_us)
        if not self.deaf:
            self._open += data
            self._take()
            self._open = self._open[-_OPEN_MAX:]
            self._work(now_us)

    def advance(self, now_us: int) -> None:
        """Let everything happen that is due by `now_us`."""
        while (tick_us := self.balance.next_wake_us()) <= now_us:
            last_us = now_us - (now_us - tick_us) % TICK_US
            self.balance.advance(last_us)
            self._work(last_us)
            if self._repeats and not self.deaf:
                self._say(self._weight(self.balance.reading(last_us)), last_us)
        self.balance.advance(now_us)

    def next_wake_us(self) -> int:
        """When something happens by itself, or bytes leave."""
        tick_us = self.balance.next_wake_us()
        return min(tick_us, self._out[0][0]) if self._out else tick_us

    def take_output(self, now_us: int) -> bytes:
        """What has left the balance by `now_us`."""
        left = b""
        while self._out and self._out[0][0] <= now_us:
            left += self._out.popleft()[1]
        return left

    def hang_up(self) -> None:
        """The cable is out: nothing is asked or answered any more."""
        self._open, self._wait, self._repeats = b"", None, False
        self._asked.clear()
        self._out.clear()

    def _say(self, line: bytes, now_us: int) -> None:
        if line and not self.deaf:
            self._out.append((now_us + self.balance.settings.answer_us, line + b"\r\n"))

    # --- one command after the other ---

    def _work(self, now_us: int) -> None:
        while True:
            if self._wait is not None:
                reply = self._wait.again(now_us)
                if reply is None:
                    return
                self._wait = None
                self._say(reply, now_us)
            if not self._asked:
                return
            self._do(self._asked.popleft(), now_us)

    def _until_stable(self, now_us: int, done: Callable[[], bytes | None], late: bytes) -> None:
        """Try `done` each tick until it has a reply; after the balance's patience say `late`."""

        def again(at_us: int) -> bytes | None:
            reply = done()
            over = at_us - now_us >= self.balance.settings.patience_us
            return late if reply is None and over else reply

        self._wait = _Wait(now_us, again)

    # --- MT-SICS ---

    def _take_sics(self) -> None:
        *lines, self._open = re.split(rb"[\r\n]+", self._open)
        for line in lines:
            if line == b"@":
                self._asked.clear()
                self._wait, self._repeats = None, False
            if line:
                self._asked.append(line)

    def _do_sics(self, command: bytes, now_us: int) -> None:
        shown = self.balance.reading(now_us)
        if command == b"S":
            self._repeats = False
            self._until_stable(now_us, self._stable_weight, b"S I")
        elif command in {b"SI", b"SIR"}:
            self._repeats = command == b"SIR"
            self._say(self._weight(shown), now_us)
        elif command in {b"T", b"Z"}:
            press = self._tare_sics if command == b"T" else self._zero_sics
            self._until_stable(now_us, press, command + b" I")
        else:
            self._say(self._about(command), now_us)

    def _about(self, command: bytes) -> bytes:
        given = self.balance.settings
        if command in {b"I4", b"@"}:
            return f'I4 A "{given.serial}"'.encode()
        if command == b"I2":
            return f'I2 A "SIMBAL {self._number(given.capacity_ug)} {given.unit}"'.encode()
        return b"ES"

    def _stable_weight(self) -> bytes | None:
        shown = self._shown()
        if shown.state is State.DYNAMIC:
            return None
        return self._weight(shown)

    def _weight(self, shown: Shown) -> bytes:
        if shown.state in _SICS_STATES:
            return f"S {_SICS_STATES[shown.state]}".encode()
        return f"S {shown.state.name[0]} {self._value(shown.mass_ug)}".encode()

    def _tare_sics(self) -> bytes | None:
        state = self.balance.tare()
        if state is State.DYNAMIC:
            return None
        if state is State.STABLE:
            return f"T S {self._value(self.balance.tare_ug)}".encode()
        return f"T {_SICS_STATES[state]}".encode()

    def _zero_sics(self) -> bytes | None:
        state = self.balance.zero()
        if state is State.DYNAMIC:
            return None
        return b"Z A" if state is State.STABLE else f"Z {_SICS_STATES[state]}".encode()

    def _value(self, mass_ug: int) -> str:
        """Ten places, a blank, the unit."""
        return f"{self._number(mass_ug):>10} {self.balance.settings.unit}"

    # --- SBI ---

    def _take_sbi(self) -> None:
        end = 0
        for found in _SBI_COMMAND.finditer(self._open):
            self._asked.append(found.group(1))
            end = found.end()
        self._open = self._open[end:]

    def _do_sbi(self, command: bytes, now_us: int) -> None:
        given = self.balance.settings
        if command == b"P":
            self._say(self._columns(self.balance.reading(now_us)), now_us)
        elif command in {b"T", b"U", b"V"}:
            press = self._zero_sbi if command == b"V" else self._tare_sbi
            self._until_stable(now_us, press, b"")
        elif command == b"x1_":
            self._say(b"   SIMBAL     ", now_us)
        elif command == b"x2_":
            self._say(f"   {given.serial:<11}".encode(), now_us)

    def _columns(self, shown: Shown) -> bytes:
        """Sign, number in columns 2 to 10, a blank, the unit; the unit only when stable."""
        if shown.state in _SBI_STATES:
            word = "Stat  " if self.balance.settings.with_word else ""
            return f"{word}      {_SBI_STATES[shown.state]:<8}".encode()
        word = "N     " if self.balance.settings.with_word else ""
        unit = self.balance.settings.unit if shown.state is State.STABLE else ""
        sign = "-" if shown.mass_ug < 0 else "+"
        return f"{word}{sign}{self._number(abs(shown.mass_ug)):>9} {unit:<3}".encode()

    def _tare_sbi(self) -> bytes | None:
        return None if self.balance.tare() is State.DYNAMIC else b""

    def _zero_sbi(self) -> bytes | None:
        return None if self.balance.zero() is State.DYNAMIC else b""

    # --- both ---

    def _shown(self) -> Shown:
        return self.balance.reading(0)

    def _number(self, mass_ug: int) -> str:
        """In the balance's unit, with the decimals of its resolution."""
        step_ug = self.balance.settings.resolution_ug
        unit_ug = _UNITS_UG[self.balance.settings.unit]
        decimals = max(0, -(Decimal(step_ug) / unit_ug).adjusted())
        return f"{Decimal(mass_ug) / unit_ug:.{decimals}f}"
