"""The least that a Python process can do with a pen's bytes: `python -m ...floor_process PTY DB`.

add_reader, the C extension for COBS, struct to tuples, one row a batch through sqlite3 at
synchronous=FULL in a thread, one grant's bytes back for each commit. No checks, no ledger, no hash,
no lease: the floor under the controller's figures, not something to use.
"""

import asyncio
import os
import signal
import sqlite3
import sys
import threading
import tty
from queue import SimpleQueue
from struct import Struct

from cobs import cobs

from protocol.codec import encode_payload
from protocol.framing import Frame, encode_frame
from protocol.messages import Events, Grant

_HEADER_BYTES, _CRC_BYTES = 7, 4
_STATUS_BYTES = 8 + 4 + 4 + 1 + 1 + 1 + 6 * 8 + 8
_BATCH_HEAD_BYTES = _HEADER_BYTES + _STATUS_BYTES + 4 + 8 + 4
_RECORD = Struct("<IBHHB")
_GRANT = encode_frame(Frame(Grant.KIND, 1, 0, encode_payload(Grant(1, 1, 2, 3, 4, 5))))

Batch = list[tuple[int, ...]]


class Floor:
    """One port, one table."""

    def __init__(self, fd: int, database: str, loop: asyncio.AbstractEventLoop) -> None:
        self._fd = fd
        self._loop = loop
        self._rest = b""
        self._batches: SimpleQueue[Batch] = SimpleQueue()
        self._database = database
        threading.Thread(target=self._write, daemon=True).start()

    def readable(self) -> None:
        """Cut what came into frames and queue the records."""
        *blocks, self._rest = (self._rest + os.read(self._fd, 4096)).split(b"\x00")
        for block in filter(None, blocks):
            raw = cobs.decode(block)
            if raw[1] == Events.KIND:
                records = raw[_BATCH_HEAD_BYTES:-_CRC_BYTES]
                self._batches.put(list(_RECORD.iter_unpack(records)))

    def _write(self) -> None:
        database = sqlite3.connect(self._database, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE batches (body TEXT)")
        while True:
            batch = self._batches.get()
            database.execute("INSERT INTO batches VALUES (?)", (str(batch),))
            self._loop.call_soon_threadsafe(os.write, self._fd, _GRANT)


async def run(path: str, database: str) -> None:
    """Until SIGTERM."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, Floor(fd, database, loop).readable)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2]))
