"""A folder for one trial whose path is the same in every trial, for paths get into the record.

Alarms and limits name files. Two runs of a seed, or two workers side by side, must write the same.
"""

import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Final

RAM: Final = Path("/dev/shm")


@contextmanager
def same_place() -> Iterator[Path]:
    """A new empty folder, in RAM where there is some, as this process's working directory."""
    ram = RAM if RAM.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="soak-", dir=ram) as folder, chdir(folder):
        yield Path()
