"""Who a pen is: its texts, and whether it may be where it is (hazard H47)."""

from typing import Literal

from controller.errors import IdentityMismatch, RealmMismatch
from protocol.limits import is_simulated_uid
from protocol.messages import HelloReply, Identity

Realm = Literal["training", "treatment"]
"""Where a journal and its pens belong: simulated pens train, real pens treat."""


def text_of(raw: bytes) -> str:
    """A text16 field without its padding; the codec lets only printable ASCII in."""
    return raw.rstrip(b"\x00").decode("ascii")


def realm_of(uid: int) -> Realm:
    """The only realm in which a pen of this uid may work."""
    return "training" if is_simulated_uid(uid) else "treatment"


def require_realm(uid: int, realm: Realm) -> None:
    """Raise RealmMismatch when a pen of this uid may not work in `realm`."""
    if realm_of(uid) != realm:
        kind = "simulated" if is_simulated_uid(uid) else "real"
        raise RealmMismatch(f"Pen {uid:016x} is a {kind} pen; this service works in {realm}.")


def require_same_pen(hello: HelloReply, identity: Identity) -> None:
    """Raise IdentityMismatch when greeting and identity name different pens."""
    if hello.uid != identity.uid:
        raise IdentityMismatch(
            f"The greeting came from pen {hello.uid:016x}, the identity from {identity.uid:016x}."
        )
