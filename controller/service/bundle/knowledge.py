"""What this machine knows that must not leave it: secrets from files, people from the record."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from controller.errors import InputError, MicropenError
from controller.record.reader import JournalReader
from controller.service.bundle.scrubbing import Scrubber
from controller.service.recorded import has_journal
from controller.session.catalogue import Catalogue

PEOPLE_FILE: Final = "people.json"
_NAMING_KINDS: Final = (
    *("session_opened", "state_changed", "arm_closed", "pen_enrolled", "stop_sent"),
    *("latch_cleared", "syringe_loaded", "session_closed", "arm_opened", "logged_in"),
    *("login_refused", "locked_out", "alarm_acknowledged", "audio_paused", "stop_tested"),
    *("calibration_opened", "certificate_issued"),
)


def learn(scrubber: Scrubber, catalogue: Catalogue, state: Path, journal: Path) -> None:
    """Teach the scrubber every secret and name that can be found; what is missing is passed by."""
    for text in _secrets_of(catalogue):
        scrubber.learn_secret(text)
    for person in _people_of(state):
        scrubber.plain(person)
        for key in ("salt", "pin_scrypt"):
            scrubber.learn_secret(str(person.get(key, "")))
    for path in sorted(catalogue.folder.rglob("*.toml")):
        scrubber.toml(_text_of(path))
    if has_journal(journal):
        for body in _bodies_of(journal):
            scrubber.plain(body)


def _secrets_of(catalogue: Catalogue) -> Iterator[str]:
    try:
        broker = catalogue.settings.broker
    except InputError:
        return
    if broker is None:
        return
    for path in (broker.password_file, broker.signing_key_file):
        data = _bytes_of(path) if path is not None else b""
        yield data.hex()
        yield from (line.strip() for line in data.decode("utf-8", "replace").splitlines())


def _people_of(state: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(_bytes_of(state / PEOPLE_FILE) or b"{}").get("people", [])
    except (ValueError, AttributeError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _bodies_of(journal: Path) -> Iterator[Any]:
    try:
        with closing(JournalReader(journal)) as reader:
            for entry in reader.of_kinds(*_NAMING_KINDS):
                yield json.loads(entry.body_json)
    except (MicropenError, ValueError):
        return  # a damaged journal is a reason for a bundle, not against one


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _text_of(path: Path) -> str:
    return _bytes_of(path).decode("utf-8", "replace")
