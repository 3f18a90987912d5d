"""Where things lie on this machine: the config folder and the folders of a state."""

import sys
from pathlib import Path

from controller.errors import FileUnreadable, UnknownName
from controller.settings import did_you_mean


def config_folder(given: Path | None) -> Path:
    """The config folder: what was given, ./config, that of a source tree, or the installed one.

    Raises FileUnreadable when none of them has a controller.toml.
    """
    source_tree = Path(__file__).resolve().parents[2] / "config"
    installed = Path(sys.prefix) / "share" / "micropen" / "config"
    places = [Path("config"), source_tree, installed]
    if given is not None:
        return given
    for place in places:
        if (place / "controller.toml").is_file():
            return place
    tried = ", ".join(str(place) for place in places)
    raise FileUnreadable(
        f"There is no controller.toml in {tried}.",
        cause="No config folder was named, and none is where this program looks.",
        action="Name the folder that holds controller.toml with --config.",
    )


def plan_file(given: Path, config: Path) -> Path:
    """The plan that a person means: a file, or by its bare name one of the config folder's.

    Raises UnknownName when a bare name is neither.
    """
    if given.suffix or len(given.parts) != 1 or given.exists():
        return given
    found = config / "plans" / f"{given.name}.toml"
    if not found.is_file():
        known = sorted(path.stem for path in (config / "plans").glob("*.toml"))
        raise UnknownName(
            f'There is no plan "{given}": no file of that name here, and '
            f"{config / 'plans'} has none{did_you_mean(given.name, known)}.",
            cause="The name is misspelt, or the file lies elsewhere.",
            action="Give the path of a plan file, or the name of one in the config folder.",
        )
    return found


def journal_folder(state: Path) -> Path:
    """Where a state folder keeps its journal files."""
    return state / "journal"


def telemetry_folder(state: Path) -> Path:
    """Where a state folder keeps telemetry's cursor."""
    return state / "telemetry"
