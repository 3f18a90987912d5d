"""The screen's API on a theatre, in virtual time and without a socket.

`async with Screen(theatre) as screen`: requests go through the whole application, its guard
included, as a page of its own would send them.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec
import orjson

from controller.console.api import make_app
from controller.console.bridge import Bridge, SameLoop
from controller.console.console import Console
from controller.console.errors import NotTraining
from controller.console.people import People, Person
from controller.console.security import Address
from controller.console.views import Role
from controller.record.events import Body
from controller.record.reader import JournalReader
from controller.service.operations import Operations, Present
from controller.session.catalogue import Catalogue
from controller.settings.service import Realm
from tests.support.bills import CONFIG
from tests.support.theatre import Theatre

HOST = "127.0.0.1:8080"
PAGE_HEADERS = {"X-Micropen": "1", "Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
VIAL = {"lot": "T1", "expiry": "2031-01-01", "reconstituted_at_wall": "2029-12-31T20:00:00+00:00"}
PIN = "246810"
PLAN = "short_check"

_KNOWN: dict[tuple[str, Role], Person] = {}


def person(name: str, role: Role) -> Person:
    """A person with `PIN`; made once, because a PIN takes 50 ms."""
    if (name, role) not in _KNOWN:
        _KNOWN[name, role] = Person.with_pin(name, role, PIN)
    return _KNOWN[name, role]


def three_people() -> People:
    """One person of each role."""
    return People(
        people=(
            person("Olga", "operator"),
            person("Theo", "technician"),
            person("Ada", "administrator"),
        )
    )


class NoSwitch:
    """No other pen can take this one's place here; asked for training it says so."""

    async def start_training(self) -> None:
        raise NotTraining("There is no other pen in this test.")

    async def end_training(self) -> None:
        raise NotTraining("There is no other pen in this test.")


class Screen:
    """One console on one theatre. `realm` is what the logins believe; the pen stays simulated."""

    def __init__(
        self,
        theatre: Theatre,
        *,
        people: People | Callable[[], People] = People(),  # noqa: B008 - frozen
        address: Address | None = None,
        bridge: Bridge | None = None,
        realm: Realm = "training",
        config: Path | None = None,
    ) -> None:
        self.theatre = theatre
        self.config = config or _config(theatre)
        self.room = Operations(
            lambda: Present(theatre.service, "training", theatre.folder),
            Catalogue(self.config),
            theatre.clock,
            NoSwitch(),
        )
        self.console = Console(self.room, people if callable(people) else lambda: people)
        self._realm: Realm = realm
        self.app: Any = make_app(self.console, bridge or SameLoop(), address or Address())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(
            transport=transport, base_url=f"http://{HOST}", headers=PAGE_HEADERS
        )

    async def __aenter__(self) -> Self:
        self.console.start()
        self.console.logins.realm = self._realm
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.console.close()
        await self.client.aclose()

    # --- requests ------------------------------------------------------------------------------

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.client.post(path, json={} if body is None else body, headers=headers)

    async def act(self, name: str, body: Any = None) -> dict[str, Any]:
        """An act of the current session that must succeed; the view after it."""
        return answer(await self.post(f"/api/sessions/current/{name}", body))

    async def state(self) -> dict[str, Any]:
        return answer(await self.get("/api/state"))

    async def log_in(self, name: str = "Olga", pin: str = PIN) -> dict[str, Any]:
        return answer(await self.post("/api/login", {"person": name, "pin": pin}))

    async def open(self, plan: str = PLAN, **changes: Any) -> dict[str, Any]:
        """Open a session by a plan of the config folder, once the pen is ready."""
        engine = self.theatre.engine
        await engine.changes.until(lambda: engine.reconciled)
        body = {"plan": plan, "patient": "p-1", "vial": VIAL} | changes
        return answer(await self.post("/api/sessions", body))

    # --- the stream ----------------------------------------------------------------------------

    @asynccontextmanager
    async def listening(self, *, reads: bool = True) -> AsyncIterator["Page"]:
        """A page that listens; with `reads` False it never takes what is sent after the start."""
        page = Page(reads=reads)
        scope = _scope(self.client.cookies)
        task = asyncio.create_task(self.app(scope, page.receive, page.send), name="page")
        await page.begun.wait()
        try:
            yield page
        finally:
            page.go_away()
            await asyncio.wait({task})


class Page:
    """The other end of a server-sent stream, by ASGI's words."""

    def __init__(self, *, reads: bool) -> None:
        self.status = 0
        self.bytes = b""
        self.begun = asyncio.Event()
        self._gone = asyncio.Event()
        self._reads = reads

    async def receive(self) -> MutableMapping[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.begun.set()
            return
        self.bytes += message.get("body", b"")
        if not self._reads:
            await self._gone.wait()  # as uvicorn does while a socket takes nothing

    def go_away(self) -> None:
        self._gone.set()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The data of every event of this name that came so far."""
        found = []
        for block in self.bytes.decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if lines.get("event") == name:
                found.append(orjson.loads(lines["data"]))
        return found


class Blocked:
    """A bridge to a loop that does not answer: nothing asked on it ever comes back."""

    async def ask(self, work: Callable[[], Awaitable[Any]]) -> Any:
        await asyncio.get_running_loop().create_future()


def answer(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The JSON of an answer with this status."""
    assert response.status_code == status, response.text
    found = response.json()
    assert isinstance(found, dict)
    return found


def refused(response: httpx.Response, status: int, number: int) -> None:
    """Assert that this is a numbered refusal, whole."""
    told = answer(response, status)
    assert told["number"] == number, told
    assert all(told[word] for word in ("what", "cause", "action"))


def bodies_in(folder: Path) -> list[Body]:
    """Every entry's body in a folder of journal files."""
    with closing(JournalReader(folder)) as reader:
        return [entry.body() for entry in reader.entries()]


def elsewhere(host: str = "192.0.2.7") -> Address:
    """An address on the network, with all that it needs."""
    return Address(host, 8443, tls=True, token="t" * 32)


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    """Headers but for one."""
    return {key: value for key, value in headers.items() if key != name}


def renamed(address: Address, *names: str) -> Address:
    """The address with more names."""
    return msgspec.structs.replace(address, names=names)


def _config(theatre: Theatre) -> Path:
    if not theatre.config.exists():
        shutil.copytree(CONFIG, theatre.config)
    return theatre.config


def _scope(cookies: httpx.Cookies) -> dict[str, Any]:
    pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [(b"host", HOST.encode()), (b"sec-fetch-site", b"same-origin")]
    if pairs:
        headers.append((b"cookie", pairs.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/events",
        "raw_path": b"/api/events",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8080),
    }
