"""Takes secrets and people out of everything that leaves in a bundle.

Two nets: by place (a field or key that holds a secret, a patient or a person), and by content
(every secret, pseudonym and name that this machine knows is looked for in every text, logs too).
Pure: reads nothing.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

REMOVED: Final = "(removed)"
SHORTEST: Final = 3
"""A shorter word is taken out by place only: by content it would tear texts apart."""

_SECRET_WORD: Final = (
    r"pass(?:word|wd|phrase|code)|secret|token|credential|api_?key|psk|(?<![a-z])pin(?![a-z])"
)
GENERIC: Final = frozenset({"operator", "technician", "administrator", "program", "demo"})
"""Words that stand for a person where nobody gave a name; no text is torn apart for them."""
_TOML_KEY = re.compile(
    rf"^(?P<key>[ \t]*[\w.\"'-]*(?:{_SECRET_WORD}|private|key)[\w.\"'-]*[ \t]*=[ \t]*)"
    r"(?P<value>\"\"\".*?\"\"\"|'''.*?'''|\[.*?\]|[^\n]*)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_PERSON_KEY = re.compile(
    r"^(?P<key>[ \t]*(?:patient|operator|person|approved_by|measured_by|by|name_of_[a-z]+)"
    r"[ \t]*=[ \t]*)\"(?P<value>[^\"\n]*)\"",
    re.MULTILINE,
)
_SAID = re.compile(rf"(?i)\b({_SECRET_WORD})(\"?\s*[:=]\s*)(\"[^\"\n]*\"|[^\s,;}}\"]+)")
_IN_ADDRESS = re.compile(r"://[^/\s:@\"]+:[^/\s@\"]+@")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END[^\n]*|\Z)", re.DOTALL)

_PEOPLE: Final = frozenset(
    {"operator", "person", "measured_by", "approved_by", "technician", "by", "who"}
)
_PATIENTS: Final = frozenset({"patient", "patient_id"})
_SECRETS: Final = frozenset({"salt", "pin_scrypt", "pin", "password", "token", "secret"})
_FREE_TEXT: Final = frozenset({"reason", "remark", "note", "comment"})


class Scrubber:
    """Replaces each secret, patient and person; the same one by the same word in one bundle."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._counts = {"patient": 0, "person": 0}
        self._pattern: re.Pattern[str] | None = None

    # --- what is known -------------------------------------------------------------------------

    def learn_secret(self, text: str) -> None:
        """A password, a key, a token: never repeated, in any text."""
        if text:
            self._words[text], self._pattern = REMOVED, None

    def patient(self, text: str) -> str:
        """The word that stands for a patient's pseudonym."""
        return self._word(text, "patient")

    def person(self, text: str) -> str:
        """The word that stands for a person's name."""
        return self._word(text, "person")

    def _word(self, text: str, kind: str) -> str:
        if not text or re.fullmatch(r"(patient|person)-\d+|\(removed\)", text):
            return text
        if text not in self._words:
            self._counts[kind] += 1
            self._words[text], self._pattern = f"{kind}-{self._counts[kind]}", None
        return self._words[text]

    # --- by content ----------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """A text in which nothing that is known stands any more."""
        text = _PRIVATE_KEY.sub(REMOVED, text)
        text = _IN_ADDRESS.sub(f"://{REMOVED}@", text)
        text = _SAID.sub(rf"\1\2{REMOVED}", text)
        return self.known(text)

    def known(self, text: str) -> str:
        """Only what was learned is looked for, longest first."""
        if self._pattern is None:
            self._pattern = self._compiled()
        return self._pattern.sub(lambda hit: self._words[hit[0]], text)

    def _compiled(self) -> re.Pattern[str]:
        words = [word for word in self._words if len(word) >= SHORTEST and word not in GENERIC]
        longest_first = sorted(words, key=len, reverse=True)
        parts = "|".join(re.escape(word) for word in longest_first)
        return re.compile(rf"(?<!\w)(?:{parts})(?!\w)" if parts else r"(?!)")

    # --- by place ------------------------------------------------------------------------------

    def toml(self, text: str) -> str:
        """A config file, which may be broken: no value of a secret key, no patient, no person."""

        def secret(hit: re.Match[str]) -> str:
            names_a_file = re.search(r"_file[\"']?\s*=", hit["key"])
            return hit[0] if names_a_file else f'{hit["key"]}"{REMOVED}"'

        def person(hit: re.Match[str]) -> str:
            is_patient = "patient" in hit["key"]
            word = self.patient(hit["value"]) if is_patient else self.person(hit["value"])
            return f'{hit["key"]}"{word}"'

        return self.text(_PERSON_KEY.sub(person, _TOML_KEY.sub(secret, text)))

    def plain(self, value: Any) -> Any:
        """JSON-like data without secrets, patients and people."""
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple):
            return [self.plain(each) for each in value]
        return self.known(value) if isinstance(value, str) else value

    def _mapping(self, mapping: Mapping[str, Any]) -> dict[str, Any]:
        is_person = "name" in mapping and "role" in mapping
        by_somebody = isinstance(mapping.get("actor"), Mapping)
        found: dict[str, Any] = {}
        for key, value in mapping.items():
            if isinstance(value, str):
                found[key] = self._field(key, value, is_person, by_somebody)
            else:
                found[key] = self.plain(value)
        return found

    def _field(self, key: str, value: str, is_person: bool, by_somebody: bool) -> str:
        if key in _SECRETS:
            return REMOVED
        if key in _PATIENTS:
            return self.patient(value)
        if key in _PEOPLE or (is_person and key == "name"):
            return self.person(value)
        if by_somebody and key in _FREE_TEXT and value:
            return REMOVED  # a person may have typed anything there
        return self.known(value)
