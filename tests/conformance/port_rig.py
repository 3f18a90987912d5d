"""A real pen on a serial port; a person is its hand and its power switch."""

import os
import secrets
import select
import sys
import termios
import time
import tty

from tests.conformance.numbers import DrawnNumbers

NUMBERS = DrawnNumbers(secrets.randbits(64))
"""One source for the run: a pen that stays switched on refuses a nonce that it has heard."""


class PersonHand:
    """Asks the person at the bench and waits for Return; never for what is so already."""

    def __init__(self) -> None:
        self._held: bool | None = None
        self._touching: bool | None = None

    def _ask(self, what: str) -> None:
        sys.stderr.write(f"\n>>> {what}, then press Return: ")
        sys.stderr.flush()
        with open("/dev/tty", encoding="ascii") as terminal:  # noqa: PTH123 - a device, not a file
            terminal.readline()

    def _change(self, what: str, state: tuple[bool | None, bool | None]) -> None:
        if state != (self._held, self._touching):
            self._ask(what)
        self._held, self._touching = state

    def press(self) -> None:
        self._change("press the trigger and hold it", (True, self._touching))

    def release(self) -> None:
        self._change("let go of the trigger", (False, self._touching))

    def touch(self) -> None:
        self._change("put the pen on the dummy skin", (self._held, True))

    def lift(self) -> None:
        self._change("lift the pen off", (self._held, False))

    def cycle_power(self) -> None:
        self._ask("switch the pen off and on again")


HAND = PersonHand()


class PortRig:
    """115,200 baud 8N1, exclusive use, real time."""

    is_quick = False
    latency_us = 0

    def __init__(self, path: str) -> None:
        self.hand = HAND
        self.numbers = NUMBERS
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        mode = termios.tcgetattr(self._fd)
        mode[4] = mode[5] = termios.B115200
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        termios.tcflush(self._fd, termios.TCIFLUSH)

    def now_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    def read(self, until_us: int) -> bytes:
        wait_s = max(0, until_us - self.now_us()) / 1e6
        ready, _, _ = select.select([self._fd], [], [], wait_s)
        return os.read(self._fd, 4_096) if ready else b""

    def power_cycle(self) -> None:
        self.hand.cycle_power()

    def close(self) -> None:
        os.close(self._fd)
