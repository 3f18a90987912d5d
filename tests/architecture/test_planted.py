"""The historic bugs still fit the tree, and each is still found by a test that knows it.

`python -m tests.planted` lets the whole ordinary suite look for them.
"""

import pytest

from tests.planted.bugs import BUGS, Bug
from tests.planted.hunt import NotPlanted, hunt, planted


@pytest.mark.parametrize("bug", BUGS, ids=[bug.id for bug in BUGS])
def test_a_planted_bug_is_found(bug: Bug) -> None:
    find = hunt(bug, [bug.found_by])
    assert find.test is not None, find.output
    assert find.test.startswith(bug.found_by.partition("::")[0]), find.output


def test_a_patch_that_does_not_fit_is_told() -> None:
    stale = BUGS[0]._replace(id="B00")
    with pytest.raises(NotPlanted, match="B00"), planted(stale):
        pass
