"""Who may log in on the screen: a file of the state folder, with PINs that nobody can read back.

A PIN is kept as scrypt of it with a salt of its own. Deriving takes some 50 ms of a processor and
16 MiB on purpose, without the interpreter's lock: never call it on the controller's loop.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controller.console.errors import PeopleUnreadable, RequestRejected
from controller.console.views import Role

FILE = "people.json"
PIN_DIGITS = (4, 12)
"""Digits of a PIN, at least and at most (engineering estimate; lock-out makes four enough)."""
_N, _R, _P = 2**14, 8, 1
"""RFC 7914 names these for interactive logins."""
_MEMORY_BYTES = 64 * 1024 * 1024
_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{32,128}$")]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,60}$")]


class Person(BaseModel):
    """One person: name, role, and what a PIN is compared with."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name
    role: Role
    salt: _Hex
    pin_scrypt: _Hex

    @classmethod
    def with_pin(cls, name: str, role: Role, pin: str) -> Self:
        """A person with a fresh salt. Raises RequestRejected for a PIN or name that cannot be."""
        low, high = PIN_DIGITS
        if not (pin.isascii() and pin.isdigit() and low <= len(pin) <= high):
            raise RequestRejected(f"A PIN has {low} to {high} digits.")
        salt = secrets.token_bytes(16)
        try:
            return cls(name=name, role=role, salt=salt.hex(), pin_scrypt=_derive(pin, salt).hex())
        except ValidationError as error:
            raise RequestRejected("A name has 1 to 60 printable characters.") from error

    def knows(self, pin: str) -> bool:
        """Whether this is the PIN; takes as long for a wrong one. Slow on purpose."""
        return hmac.compare_digest(_derive(pin, bytes.fromhex(self.salt)).hex(), self.pin_scrypt)


NOBODY = Person(name="nobody", role="operator", salt="0" * 32, pin_scrypt="0" * 128)
"""Compared with when a name is not known, so that the answer takes as long."""


class People(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    people: tuple[Person, ...] = ()

    def named(self, name: str) -> Person | None:
        """The person of that name."""
        return next((each for each in self.people if each.name == name), None)

    def with_person(self, person: Person) -> "People":
        """The file with this person, instead of one of the same name."""
        others = [each for each in self.people if each.name != person.name]
        return People(people=(*others, person))

    def without(self, name: str) -> "People":
        """The file without this person."""
        return People(people=tuple(each for each in self.people if each.name != name))


def read_people(state: Path) -> People:
    """The people of a state folder; nobody when there is no file. Raises PeopleUnreadable."""
    try:
        return People.model_validate_json((state / FILE).read_bytes())
    except FileNotFoundError:
        return People()
    except (OSError, ValidationError) as error:
        raise PeopleUnreadable(f"{state / FILE} cannot be used.") from error


def write_people(state: Path, people: People) -> None:
    """Replace the file in one step; nobody else may read it. Raises OSError."""
    state.mkdir(parents=True, exist_ok=True)
    new = state / f".{FILE}.new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(people.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    new.replace(state / FILE)


def _derive(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY_BYTES, dklen=64)
