"""Every fuzz target with some hundred seeded mutations of the files that ship; no fuzzer needed."""

import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.seeds import NASTY, mutated, seeds
from tests.fuzz.targets import TARGETS

CASES = 300
CASE_CPU_S = 2.0
"""No input of a few kilobytes may cost more; a hang costs for ever."""


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_its_seeds_and_refuses_what_is_spoilt(target: str, tmp_path: Path) -> None:
    rng, starts = Random(f"fuzz {target}"), list(seeds(target))
    assert starts
    spoilt = (mutated(rng, rng.choice(starts)) for _ in range(CASES))
    for case in [*starts, *NASTY, b"", *spoilt]:
        began_s = time.process_time()
        TARGETS[target](case, tmp_path)
        assert time.process_time() - began_s < CASE_CPU_S, case[:200]
