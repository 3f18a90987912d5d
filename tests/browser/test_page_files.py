"""What must not be in the page: ways for text to become markup, and anything from elsewhere."""

import re
from pathlib import Path

import pytest

from controller.console.routes_page import PAGE, TYPES

FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
FORBIDDEN = {
    "text that becomes markup": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc",
    "text that becomes code": r"\beval\(|new Function|javascript:",
    "style or code in an attribute": r"\s(style|on[a-z]+)=\"",
    "something from elsewhere": r"(https?:)?//(?!www\.w3\.org/2000/svg)[\w-]+\.\w|@import|url\(h",
    "something that needs a pointer that hovers": r":hover|mouseover|mouseenter",
}
"""What -> how it looks. The two names of XML's own namespaces are no addresses."""


@pytest.mark.hazard("H38")
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_of_the_page_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = {path.name: match[0] for path in FILES if (match := pattern.search(_source(path)))}
    assert found == {}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("node.innerHTML = title;", "text that becomes markup"),
        ("eval(text)", "text that becomes code"),
        ('<p style="color: red">', "style or code in an attribute"),
        ('<script src="https://cdn.example/x.js">', "something from elsewhere"),
        ("button:hover { color: red; }", "something that needs a pointer that hovers"),
    ],
)
def test_it_is_known_when_seen(line: str, what: str) -> None:
    assert re.search(FORBIDDEN[what], line)


def test_every_file_of_the_page_is_served() -> None:
    assert {path.suffix for path in FILES} <= TYPES.keys()


@pytest.mark.hazard("H34")
def test_stop_stands_alone_and_comes_first() -> None:
    """It is loaded before everything else, as a classic script, and reads nothing of the page's."""
    assert not re.search(r"\bimport\b[^ ]*[ (]|localStorage|cookie", _code(PAGE / "stop.js"))
    scripts = re.findall(r"<script[^>]*>|<link[^>]*>", (PAGE / "index.html").read_text())
    assert scripts[0] == '<script src="stop.js">'


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _code(path: Path) -> str:
    """A script without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", _source(path), flags=re.DOTALL)
