"""One Chromium for all browser tests; each test has a page of its own in it."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of its DevTools."""
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address
