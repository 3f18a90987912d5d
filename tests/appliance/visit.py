"""Run inside the room, by the installed program's Python: what a person does at the screen.

    python visit.py PIN ACT [ACT ...]

Prints the last view as JSON. Standard library only; the room has nothing else of ours.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from typing import Any, Final

ADDRESS: Final = "http://127.0.0.1:8080"
CURRENT: Final = "/api/sessions/current"
PERSON: Final = "Trial"
PLAN: Final = "short_check"
WITHIN_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.05

_never: Final = threading.Event()

View = dict[str, Any]


class Screen:
    """A browser's part of the contract: cookies, one header, JSON."""

    def __init__(self) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    def ask(self, path: str, body: object = None) -> View:
        """GET, or POST with a body."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"X-Micropen": "1", "Content-Type": "application/json"}
        request = urllib.request.Request(ADDRESS + path, content, headers)
        try:
            with self._opener.open(request, timeout=WITHIN_S) as answer:
                found: View = json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.read().decode()}") from error
        return found

    def until(self, condition: Callable[[View], object]) -> View:
        """The first view that fits."""
        deadline_mono_s = time.monotonic() + WITHIN_S
        while not condition(view := self.ask("/api/state")):
            if time.monotonic() > deadline_mono_s:
                raise TimeoutError(json.dumps(view))
            _never.wait(_LOOK_AGAIN_S)
        return view

    def when_allowed(self, act: str, path: str, body: object) -> View:
        """Do something as soon as the controller allows it."""
        self.until(lambda view: act in view["allowed"])
        return self.ask(path, body)


def acts(screen: Screen) -> dict[str, Callable[[], View]]:
    """What can be done, by name."""
    now = datetime.now(UTC)
    vial = {
        "lot": "T1",
        "expiry": f"{now + timedelta(days=9):%F}",
        "reconstituted_at_wall": (now - timedelta(hours=1)).isoformat(timespec="seconds"),
    }
    opening = {"plan": PLAN, "patient": "trial-1", "vial": vial}
    return {
        "look": lambda: screen.ask("/api/state"),
        "open": lambda: screen.when_allowed("open", "/api/sessions", opening),
        "prime": lambda: _primed(screen),
        "begin": lambda: _begun(screen),
        "treat": lambda: _treated(screen),
        "close": lambda: screen.when_allowed("close", f"{CURRENT}/close", {}),
        "stop": lambda: screen.ask("/api/stop", {}),
        "clear": lambda: screen.when_allowed("clear", f"{CURRENT}/clear", {}),
    }


def _primed(screen: Screen) -> View:
    screen.when_allowed("prime", f"{CURRENT}/prime", {})
    return screen.until(lambda view: "treat" in view["allowed"])


def _begun(screen: Screen) -> View:
    """Arm, and return as soon as needles have moved in the zone."""
    made = punctures(screen.when_allowed("treat", f"{CURRENT}/treat", {}))
    return screen.until(lambda view: punctures(view) > made)


def _treated(screen: Screen) -> View:
    """Every zone to its end."""
    while True:
        view = screen.until(lambda view: {"treat", "close"} & set(view["allowed"]))
        if all(zone["is_complete"] for zone in zones(view)):
            return view
        if "treat" in view["allowed"]:
            screen.ask(f"{CURRENT}/treat", {})


def zones(view: View) -> list[dict[str, Any]]:
    """The zones of the open session."""
    found: list[dict[str, Any]] = view["session"]["zones"]
    return found


def punctures(view: View) -> int:
    """Punctures of the open session."""
    return sum(zone["punctures"] for zone in zones(view))


def main(pin: str, names: list[str]) -> None:
    screen = Screen()
    view: View = screen.ask("/api/login", {"person": PERSON, "pin": pin})
    for name in names:
        view = acts(screen)[name]()
    sys.stdout.write(json.dumps(view))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
