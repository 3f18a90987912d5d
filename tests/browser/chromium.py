"""One Chromium without a window, driven over its DevTools protocol: the little that tests need."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.processes import until

START_WITHIN_S = 30.0
ANSWER_WITHIN_S = 90.0
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Nothing is asked of the network but the page itself; a test container has no sandbox for root.
SWITCHES = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--no-first-run",
    "--no-default-browser-check",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en",
    "--remote-debugging-port=0",
)
SMALL = (800, 480)
LARGE = (1280, 800)


@contextmanager
def chromium(folder: Path) -> Iterator[str]:
    """Start it with an empty profile in `folder`; yields the address of its DevTools."""
    found = [path for path in map(shutil.which, PROGRAMS) if path]
    assert found, "Chromium is not installed: make installs it (requirements/browser.sh)"
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    line = [found[0], *SWITCHES, *root, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    port_file = folder / "profile" / "DevToolsActivePort"
    with (folder / "chromium.log").open("wb") as log:
        child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield _address(child, port_file)
    finally:
        child.terminate()
        child.wait(START_WITHIN_S)


def _address(child: subprocess.Popen[bytes], port_file: Path) -> str:
    def ready() -> bool:
        assert child.poll() is None, "Chromium ended early; see chromium.log in its folder"
        return port_file.exists() and port_file.read_text().count("\n") >= 1

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(until(ready, START_WITHIN_S))
    finally:
        loop.close()
    port, path = port_file.read_text().splitlines()[:2]
    return f"ws://127.0.0.1:{port}{path}"


class DevTools:
    """One connection to the browser; sessions of pages run through it."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []

    async def listen(self) -> None:
        """Hand answers to those who wait, and keep events, until the connection ends."""
        async for text in self._connection:
            message = json.loads(text)
            waiting = self._waiting.pop(message.get("id", 0), None)
            if waiting is None:
                self.events.append(message)
            elif not waiting.done():
                waiting.set_result(message)

    async def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """One command; fails with what the browser says against it."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._connection.send(json.dumps(message))
        async with asyncio.timeout(ANSWER_WITHIN_S):
            found = await answer
        assert "error" not in found, f"{method}: {found['error']}"
        result: dict[str, Any] = found["result"]
        return result


class Page:
    """One tab in a context of its own: no cookie and no storage of another test."""

    def __init__(self, tools: DevTools, session: str) -> None:
        self._tools = tools
        self._session = session

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One DevTools command for this page."""
        return await self._tools.call(method, self._session, **params)

    async def prepare(self, size: tuple[int, int]) -> None:
        """Touch, size and the events that tests look at."""
        domains = ("Page", "Runtime", "Log", "Network")
        await asyncio.gather(
            *(self.call(f"{domain}.enable") for domain in domains),
            self.resize(size),
            self.call("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5),
        )

    async def resize(self, size: tuple[int, int]) -> None:
        """The screen's width and height in pixels."""
        width, height = size
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def goto(self, url: str) -> None:
        """Load a page; returns when its document is there."""
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.protocol !== 'about:'")

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited when it is a promise."""
        answer = await self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, condition: str, within_s: float = 10.0) -> None:
        """Wait in the page until the expression is true."""
        await self.first(f"Boolean({condition})", within_s)

    async def first(self, expression: str, within_s: float = 10.0) -> Any:
        """Wait in the page until the expression is something, and return it."""
        script = f"""new Promise((done) => {{
            const end = performance.now() + {within_s * 1000};
            const look = () => {{
                let found = null;
                try {{ found = {expression}; }} catch (error) {{ found = null; }}
                if (found || performance.now() > end) done(found || null);
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        found = await self.run(script)
        if found is None:
            text = await self.run("document.body ? document.body.innerText.slice(0, 1500) : ''")
            raise AssertionError(f"never true: {expression}\n{text}")
        return found

    async def text(self, selector: str) -> str:
        """What an element says; "" when there is none."""
        found = f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"
        return str(await self.run(found))

    async def tap(self, selector: str) -> None:
        """Touch an element in its middle, with what is really on top there."""
        await self._tap(f"[...document.querySelectorAll({json.dumps(selector)})]", selector)

    async def tap_text(self, text: str, within_s: float = 10.0) -> None:
        """Touch the button whose text contains `text`."""
        buttons = "[...document.querySelectorAll('button, a.button')]"
        found = f"{buttons}.filter((b) => b.innerText.includes({json.dumps(text)}))"
        await self._tap(found, text, within_s)

    async def tap_key(self, key: str) -> None:
        """Touch the key of a keypad."""
        keys = "[...document.querySelectorAll('.keypad button')]"
        await self._tap(f"{keys}.filter((b) => b.innerText === {json.dumps(key)})", key)

    async def _tap(self, nodes: str, name: str, within_s: float = 10.0) -> None:
        visible = f"{nodes}.find((n) => n.getClientRects().length && !n.closest('[inert]'))"
        place = await self.first(
            f"""(() => {{
                const node = {visible};
                if (!node || node.disabled) return null;
                node.scrollIntoView({{ block: 'nearest' }});
                const box = node.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                const top = document.elementFromPoint(x, y);
                return {{ x, y, free: node.contains(top), top: top?.outerHTML.slice(0, 200) }};
            }})()""",
            within_s,
        )
        assert place["free"], f"{name} is covered by {place['top']}"
        points = [{"x": place["x"], "y": place["y"]}]
        await asyncio.gather(
            self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=points),
            self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[]),
        )

    async def key(self, key: str, text: str = "") -> None:
        """Press and release a key; `text` is what it types."""
        code = {" ": "Space"}.get(key, f"Key{key.upper()}" if len(key) == 1 else key)
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, **typed)

    async def picture(self, path: Path) -> None:
        """Write what is seen as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    def complaints(self) -> list[str]:
        """Errors of scripts, and what the browser wrote about policy or files that failed."""
        found = []
        for event in self._tools.events:
            if event.get("sessionId") != self._session:
                continue
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(params["exceptionDetails"])[:500])
            if event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found


@asynccontextmanager
async def open_page(address: str, size: tuple[int, int] = SMALL) -> AsyncIterator[Page]:
    """A new empty page in a context of its own, gone at the end."""
    async with connect(address, max_size=None, ping_interval=None) as connection:
        tools = DevTools(connection)
        listening = asyncio.create_task(tools.listen())
        context = (await tools.call("Target.createBrowserContext"))["browserContextId"]
        made = await tools.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await tools.call(
            "Target.attachToTarget", targetId=made["targetId"], flatten=True
        )
        page = Page(tools, attached["sessionId"])
        await page.prepare(size)
        try:
            yield page
        finally:
            await tools.call("Target.disposeBrowserContext", browserContextId=context)
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
