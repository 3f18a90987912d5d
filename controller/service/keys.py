"""Single keys from a terminal, read by a thread of their own.

STOP leaves from this thread, also while the event loop is blocked; a terminal that is gone stops
the pen too, because nobody could press STOP any more.
"""

import asyncio
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress

GONE = ""
"""What the key thread sends when there is no terminal any more."""
STOP_KEYS = frozenset({" ", "s", "S"})


class KeyThread:
    """Reads single keys from a terminal until it is closed.

    STOP keys call `stop` at once from this thread; other keys are put on the loop's queue.
    is_text: asked from this thread whether a text is being typed, in which STOP keys are letters.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        keys: "asyncio.Queue[str]",
        is_text: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stop = stop
        self._is_text = is_text
        self._keys = keys
        self._loop = asyncio.get_running_loop()
        self._fd = sys.stdin.fileno()
        self._wake_read, self._wake_write = os.pipe()
        self._before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd)
        self._thread = threading.Thread(target=self._read, name="keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the terminal back as it was."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        with suppress(termios.error):  # a terminal that is gone needs nothing back
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._fd, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            data = self._take()
            if not data:
                # Nobody can press STOP any more, so the pen must not go on.
                self._stop()
                self._loop.call_soon_threadsafe(self._keys.put_nowait, GONE)
                return
            for key in data.decode(errors="ignore"):
                if key in STOP_KEYS and not self._is_text():
                    self._stop()
                else:
                    self._loop.call_soon_threadsafe(self._keys.put_nowait, key)

    def _take(self) -> bytes:
        try:
            return os.read(self._fd, 64)
        except OSError:  # a terminal that was hung up
            return b""
