"""What the installer put into the system outside its own folder, and what people made of it.

A file that a person changed is theirs: it is neither replaced nor removed, and the new one is laid
beside it. Touches the files it lists and the list.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

from controller.service.appliance import files
from controller.service.appliance.layout import Layout

BESIDE: Final = ".new"
"""End of the name of a new file beside one that a person changed. systemd and udev pass it by."""


class Manifest:
    """The list, with the digests of what was put; saved before and after each file."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._digests: dict[str, list[str]] = _read(layout.manifest)

    def paths(self) -> list[Path]:
        """Every file that was put, as a path of this machine."""
        return [self._layout.at(name) for name in sorted(self._digests)]

    def put(self, path: Path, data: bytes, mode: int = 0o644) -> bool:
        """Put a file; False when a person's own is there, and `data` went beside it.

        Raises OSError.
        """
        name, new = str(self._layout.seen_inside(path)), hashlib.sha256(data).hexdigest()
        if not self._is_ours(path) and files.digest(path) != new:
            self._put(path.with_name(path.name + BESIDE), data, mode)
            return False
        self._note(name, [*self._digests.get(name, []), new])
        files.put(path, data, mode)
        self._note(name, [new])
        return True

    def _put(self, path: Path, data: bytes, mode: int) -> None:
        name, new = str(self._layout.seen_inside(path)), hashlib.sha256(data).hexdigest()
        self._note(name, [new])
        files.put(path, data, mode)

    def _is_ours(self, path: Path) -> bool:
        found = files.digest(path)
        name = str(self._layout.seen_inside(path))
        return found is None or found in self._digests.get(name, [])

    def remove(self, path: Path) -> bool:
        """Remove a file that was put; False when a person changed it, and it stays.

        Raises OSError.
        """
        is_ours = self._is_ours(path)
        if is_ours:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                files.sync_folder(path.parent)
        del self._digests[str(self._layout.seen_inside(path))]
        self._save()
        return is_ours

    def _note(self, name: str, digests: list[str]) -> None:
        self._digests[name] = digests
        self._save()

    def _save(self) -> None:
        text = json.dumps(self._digests, indent=1, sort_keys=True)
        files.put(self._layout.manifest, f"{text}\n".encode())


def _read(path: Path) -> dict[str, list[str]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): list(digests) for name, digests in found.items()}
