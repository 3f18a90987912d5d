"""Keeps other web pages out: checks every request before anything reads it, and marks every answer.

A page of somebody else may make a browser send requests here (cross-site), may point its own name
at this address (DNS rebinding), may show this screen in a frame (clickjacking), or send more than
fits. STOP is checked as little as a browser allows: only what names itself foreign is refused.
"""

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any, Protocol

import msgspec

from controller.console.errors import DoorNotSafe, ForeignRequest, RequestRejected
from controller.errors import MicropenError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 64 * 1024
"""The largest request is a vial's facts and a name (engineering estimate)."""
STOP_PATH = "/api/stop"
ENTER_PATH = "/api/enter"
LOGIN_COOKIE = "micropen_login"
TOKEN_COOKIE = "micropen_token"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; media-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Asked(Protocol):
    """A request, as far as its cookies are concerned."""

    @property
    def scope(self) -> Scope:
        """ASGI's description of it."""
        ...


class Address(msgspec.Struct, frozen=True):
    """Where the screen is served. `token`: what a browser elsewhere must show once.

    path: a Unix socket beside it, or "" for none; whoever may open it says any of this machine's
    own names. listens_on_port: whether there is a TCP port at all.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    tls: bool = False
    token: str | None = None
    names: tuple[str, ...] = ()
    path: str = ""
    listens_on_port: bool = True

    def check(self) -> None:
        """Raise DoorNotSafe unless loopback, or TLS and a token of 20 characters or more."""
        if is_loopback(self.host):
            return
        if not self.tls or self.token is None or len(self.token) < 20:
            raise DoorNotSafe(f"{self.host} can be reached from the network.")

    @property
    def hosts(self) -> frozenset[str]:
        """Every `Host` header that a page of ours sends."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        names = {own, *self.names, *(_LOOPBACK_NAMES if is_loopback(self.host) else ())}
        usual = 443 if self.tls else 80
        plain = names if self.port == usual else set()
        if self.path:
            # A browser cannot open a Unix socket, and sends the port with a name that needs one.
            plain |= set(_LOOPBACK_NAMES)
        return frozenset({f"{name}:{self.port}".lower() for name in names} | plain)

    @property
    def scheme(self) -> str:
        """`http` or `https`."""
        return "https" if self.tls else "http"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cookie(scope: Scope, name: str) -> str | None:
    """A cookie of the request; the first of that name. Never raises: STOP passes here.

    Ours hold no quotes; the standard library's parser takes a second for some that do.
    """
    for pair in _header(scope, b"cookie").split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return None


Refuse = Callable[[MicropenError, int, Send], Awaitable[None]]


class Guard:
    """The outermost layer around an ASGI application. `refuse` writes an error's answer."""

    def __init__(self, app: App, address: Address, refuse: Refuse) -> None:
        self._app = app
        self._address = address
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, and mark the answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web socket is served, and nothing is said to one

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in HEADERS if pair[0] not in own),
                ]
            await send(message)

        found = self._foreign(scope)
        if found is not None:
            await self._refuse(found[0], found[1], marked)
            return
        await self._app(scope, _Bounded(receive), marked)

    # --- checks ------------------------------------------------------------------------------

    def _foreign(self, scope: Scope) -> tuple[MicropenError, int] | None:
        host = _header(scope, b"host").lower()
        if host not in self._address.hosts:
            return ForeignRequest("The request was sent to another name than this screen's."), 403
        if _is_cross_site(scope, self._address.scheme, host):
            return ForeignRequest("The request comes from another web page."), 403
        if scope["path"] == STOP_PATH:
            return None
        if not self._has_token(scope):
            return ForeignRequest("This address needs its token, once for each browser."), 401
        return self._post(scope) if scope["method"] not in ("GET", "HEAD") else None

    def _has_token(self, scope: Scope) -> bool:
        token = self._address.token
        # The page's files are no secret, and they hold the form that asks for the token.
        if token is None or scope["path"] == ENTER_PATH or not scope["path"].startswith("/api/"):
            return True
        shown = cookie(scope, TOKEN_COOKIE) or _header(scope, b"x-micropen-token")
        return hmac.compare_digest(shown.encode(), token.encode())

    def _post(self, scope: Scope) -> tuple[MicropenError, int] | None:
        if _header(scope, b"x-micropen") != "1":
            return ForeignRequest("The request lacks the header X-Micropen: 1."), 403
        kind = _header(scope, b"content-type").partition(";")[0].strip().lower()
        if kind != "application/json":
            return RequestRejected("The content must be application/json."), 415
        length = _header(scope, b"content-length")
        if length and (not length.isdigit() or int(length) > MAX_BODY_BYTES):
            return RequestRejected(f"The content is over {MAX_BODY_BYTES} bytes."), 413
        return None


class _Bounded:
    """A `receive` that ends a body which is longer than it said, or never said how long."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = MAX_BODY_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise RequestRejected(f"The content is over {MAX_BODY_BYTES} bytes.")
        return message


def _is_cross_site(scope: Scope, scheme: str, host: str) -> bool:
    """Only what the browser itself says counts: other programs say nothing, and are no page."""
    fetch_site = _header(scope, b"sec-fetch-site").lower()
    is_api = scope["path"].startswith("/api/")
    if is_api and fetch_site not in ("", "same-origin", "none"):
        return True
    origin = _header(scope, b"origin").lower()
    return bool(origin) and origin != f"{scheme}://{host}"


def _header(scope: Scope, name: bytes) -> str:
    """One header; several of the same name are none that a browser of ours sends."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ("\x00" if found else "")
