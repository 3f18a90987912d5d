"""A folder for one trial whose path is the same in every trial, for paths get into the record.

Alarms and limits name files. Two runs of a seed, or two workers side by side, must write the same.
A trial that ends in the middle leaves its process as it was, too.
"""

import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Final

from tests.soak.descriptors import kept

RAM: Final = Path("/dev/shm")


@contextmanager
def same_place() -> Iterator[Path]:
    """A new empty folder, in RAM where there is some, as this process's working directory."""
    ram = RAM if RAM.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="soak-", dir=ram) as folder,
        chdir(folder),
        kept(),  # inside the folder, which is emptied by descriptors
    ):
        yield Path()
