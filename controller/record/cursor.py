"""How far a receiver has got, in a file of its own that survives a power cut.

Losing it costs repeats, never entries: without a cursor everything is sent again.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from controller.errors import CursorNotWritable
from controller.record.entry import ZERO_HASH
from controller.record.folder import sync_folder


@dataclass(frozen=True, slots=True)
class Position:
    """The last entry of a chain that needs no sending any more; seq 0 is before the first."""

    chain_id: str
    seq: int = 0
    hash: str = ZERO_HASH


class CursorFile:
    """One position in one file, replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_broker(cls, folder: Path, host: str, port: int) -> Self:
        """The file for one broker; each broker has its own cursor."""
        safe = "".join(c if c.isalnum() or c in ".-" else "_" for c in host)
        return cls(folder / f"cursor-{safe}-{port}.json")

    def load(self) -> Position | None:
        """The position, or None when there is none or it cannot be read."""
        try:
            found = json.loads(self.path.read_bytes())
            position = Position(found["chain_id"], found["seq"], found["hash"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        types = (type(position.chain_id), type(position.seq), type(position.hash))
        return position if types == (str, int, str) and position.seq >= 0 else None

    def save(self, position: Position) -> None:
        """Replace the file; after a power cut it holds the old or the new position.

        Raises:
            CursorNotWritable: E6004.
        """
        fresh = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(json.dumps(asdict(position)).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise CursorNotWritable(f"{self.path} cannot be written: {error.strerror}.") from error
