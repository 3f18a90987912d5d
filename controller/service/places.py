"""Where things lie on this machine: the config folder and the folders of a state."""

import sys
from pathlib import Path

from controller.errors import FileUnreadable


def config_folder(given: Path | None) -> Path:
    """The config folder: what was given, ./config, that of a source tree, or the installed one.

    Raises FileUnreadable when none of them has a controller.toml.
    """
    if given is not None:
        return given
    source_tree = Path(__file__).resolve().parents[2] / "config"
    places = [Path("config"), source_tree, Path(sys.prefix) / "share" / "micropen" / "config"]
    for place in places:
        if (place / "controller.toml").is_file():
            return place
    tried = ", ".join(str(place) for place in places)
    raise FileUnreadable(
        f"No controller.toml in any of: {tried}.", action="Name the config folder with --config."
    )


def journal_folder(state: Path) -> Path:
    """Where a state folder keeps its journal files."""
    return state / "journal"


def telemetry_folder(state: Path) -> Path:
    """Where a state folder keeps telemetry's cursor."""
    return state / "telemetry"
