"""Whether people can use a view: axe-core's rules, and our own for gloves and daylight.

axe-core comes with a package of the development lock; nothing of it is committed.
"""

import json
from importlib.resources import files
from pathlib import Path

from tests.browser.chromium import Page

SERIOUS = ("serious", "critical")

_LOOK = Path(__file__).with_name("look.js").read_text()

_AXE = (
    "axe.run(document, {resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}}})"
    ".then((found) => found.violations.map((rule) => ({id: rule.id, impact: rule.impact,"
    " nodes: rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 160))})))"
)
"""Contrast is measured by ourselves: axe gives up on what flashes and on striped grounds."""


async def problems(page: Page) -> list[str]:
    """Everything that is wrong with what is seen now."""
    found = await page.run(_LOOK)
    assert found["texts"] > 5, "nothing was looked at"
    kinds = ("targets", "contrast", "labels", "covered", "outside", "clipped")
    return [f"{kind}: {each}" for kind in kinds for each in found[kind]]


async def stop_box(page: Page) -> dict[str, float]:
    """Where STOP is, from the lower right corner, and how large."""
    box: dict[str, float] = (await page.run(_LOOK))["stop"]
    return box


async def serious(page: Page) -> list[str]:
    """What axe-core finds serious or critical."""
    if not await page.run("Boolean(window.axe)"):
        await page.run(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8"))
    return [json.dumps(rule) for rule in await page.run(_AXE) if rule["impact"] in SERIOUS]
