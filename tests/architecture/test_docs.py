"""The pages lead somewhere: every relative link and every file that a page names is there."""

import re
from pathlib import Path

import pytest

from tests.architecture import repo

ANCHOR = re.compile(r"\]\((?!\w+://)([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"(?m)^#{1,6} (.+)$")
LINK = re.compile(r"\]\((?!\w+://|#)([^)#\s]+)")
NAMED_FILE = re.compile(r"(?<![\w/.])((?:controller|protocol|simulator|tests|docs)/[\w/.-]+\.\w+)")
PAGES = [path for path in repo.files() if path.suffix == ".md"]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = {link: repo.ROOT / page.parent / link for link in LINK.findall(repo.text(page))}
    assert {link for link, target in targets.items() if not target.exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_into_a_page_meets_a_heading(page: Path) -> None:
    for link, anchor in ANCHOR.findall(repo.text(page)):
        target = (repo.ROOT / page.parent / link) if link else repo.ROOT / page
        assert anchor in headings(target.read_text()), f"{page}: {link}#{anchor}"


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, as they are shown on the web."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    names = set(NAMED_FILE.findall(repo.text(page)))
    assert {name for name in names if not (repo.ROOT / name).exists()} == set()


def test_the_first_screen_of_the_readme_says_what_counts() -> None:
    first_screen = "\n".join(repo.text(Path("README.md")).splitlines()[:45])
    for words in ("make run", "make test", "Not a cleared medical device", "docs/install.md"):
        assert words in first_screen
