"""A slice of the soak in the ordinary suite, and what a soak stands on: replay, scripts, shrinking.

Here the faults of a few hundred seeds; the long runs are `make soak`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import ClassVar

import msgspec
import pytest

from tests.soak.agenda import MOST_IN_VAIN, Agenda
from tests.soak.aims import CYCLE, ENOUGH, aim_of, close_seed, is_close, slices
from tests.soak.aims import VOLUME as VOLUME_SEEDS
from tests.soak.catalogue import FaultId, HostState, PenPhase
from tests.soak.coverage import Coverage, name_of, unreachable
from tests.soak.draw import MOST_KINDS, draw
from tests.soak.fault import Fault, Room
from tests.soak.reach import CELLS, reachable, why_not
from tests.soak.registry import FAULTS
from tests.soak.report import verdict_lines
from tests.soak.runner import Soak, Wanted
from tests.soak.script import FaultRow, Script, load, parse, toml
from tests.soak.shrink import Shrinker, kind_of
from tests.soak.tally import Tally, Verdict
from tests.soak.trial import play

TRIALS = sorted((Path(__file__).parents[1] / "soak" / "trials").glob("*.toml"))
VOLUME = Script(
    plan="stamping",
    punctures=(26_000, 200, 25_300),
    cadence_hz=150,
    safety_s=900.0,
    fault=(
        FaultRow(FaultId.L1, rate=0.02, lasts_s=600.0),
        FaultRow(FaultId.L17, at_s=20.0, times=8, every_s=45.0, lasts_s=0.4),
        FaultRow(FaultId.P2, at_s=40.0, times=6, every_s=60.0),
        FaultRow(FaultId.H1, at_s=70.0, times=6, every_s=60.0, lasts_s=0.5),
        FaultRow(FaultId.B2, at_s=5.0, times=20, every_s=20.0, lasts_s=2.0),
    ),
)
OTHER_FOLDER = "import sys; from tests.soak.draw import draw; from tests.soak.trial import play;"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_fifty_thousand_punctures(seed: int) -> None:
    verdict = play(msgspec.structs.replace(VOLUME, seed=seed))
    assert verdict.problems == []
    assert verdict.punctures >= 50_000
    assert verdict.repeats == verdict.unaccounted_steps == verdict.lease_overrun_us == 0
    happened = {cell.split("|")[0] for cell in verdict.cells}
    assert happened == {row.fault.value for row in VOLUME.fault}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(102, 107))
def test_drawn_trials(seed: int) -> None:
    verdict = play(draw(seed))
    assert verdict.problems == []
    assert verdict.sha256 != Verdict(seed).sha256


@pytest.mark.parametrize("path", TRIALS, ids=lambda path: path.stem)
def test_a_script_of_the_folder(path: Path) -> None:
    script = load(path)
    verdict = play(script)
    assert verdict.problems == []
    assert {cell.split("|")[0] for cell in verdict.cells} == {row.fault for row in script.fault}


# --- the same seed is the same trial ---------------------------------------------------------


def _replayed(seed: int, hash_seed: int) -> str:
    """The digest as another process has it."""
    code = f"{OTHER_FOLDER} print(play(draw({seed})).sha256)"
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


@contextmanager
def _load() -> Iterator[None]:
    """Another process that takes all the processor time it can get."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


@pytest.mark.slow
def test_a_seed_is_one_trace() -> None:
    seed = 105
    here = play(draw(seed)).sha256
    with _load():
        assert play(draw(seed)).sha256 == here
        assert {_replayed(seed, hash_seed) for hash_seed in (1, 2)} == {here}
    assert play(draw(seed + 1)).sha256 != here


def test_a_draw_is_pure_and_within_bounds() -> None:
    for seed in range(300):
        script = draw(seed)
        Random(0).random()
        assert draw(seed) == script
        assert parse(toml(script), "drawn") == script
        assert len({row.fault for row in script.fault}) <= MOST_KINDS


# --- the matrix ------------------------------------------------------------------------------


def test_every_fault_has_a_class_and_reachable_cells() -> None:
    assert FAULTS.keys() == set(FaultId)
    assert {cell[0] for cell in reachable()} == set(FaultId)
    assert len(CELLS) == len(FaultId) * len(HostState) * len(PenPhase)
    assert all(why_not(*cell) != "" for cell in CELLS)


def test_the_draws_aim_at_every_reachable_cell() -> None:
    seeds = range(len(slices()) * CYCLE // (CYCLE - VOLUME_SEEDS) + CYCLE)
    assert {cell for seed in seeds for cell in aim_of(seed)} == set(reachable())
    for seed in seeds:
        kinds = {row.fault for row in draw(seed).fault}
        assert {cell[0] for cell in aim_of(seed)} <= kinds


def test_an_agenda_plays_what_is_missing() -> None:
    agenda = Agenda(2, 0, 100)
    assert [agenda.next(Tally()) for _ in range(4)] == [2, close_seed(0, 0), 3, close_seed(1, 0)]
    done = Tally(cells={name_of(cell): 100 for cell in aim_of(2)})
    assert Agenda(2, 0, 100).next(done) == 3
    full = Tally(cells={name_of(cell): 100 for cell in reachable()})
    assert Agenda(2, 0, 100).next(full) is None
    assert Agenda(2, 1, 100).next(full) == CYCLE
    assert Agenda(2, 1, 0).next(full) == 2
    assert Agenda(2, 0, 0).next(full) is None


def test_an_agenda_looks_at_every_slice_and_every_cell_and_gives_up_at_last() -> None:
    agenda = Agenda(2, 0, 100)
    everything = len(slices()) + (MOST_IN_VAIN + 1) * len(reachable())
    played = [agenda.next(Tally()) for _ in range(everything)]
    assert None not in played
    assert len(set(played)) == len(played)
    assert sum(not is_close(seed or 0) for seed in played) == len(slices())
    assert agenda.next(Tally()) is None


def test_a_resumed_agenda_goes_on_with_new_seeds() -> None:
    done = Tally()
    for seed in (0, 7, close_seed(3, 0), close_seed(3, 1)):
        done.add(Verdict(seed))
    assert Agenda(0, 10, 0, done).next(done) == 8
    full = Tally(cells={name_of(cell): 100 for cell in reachable() if cell != reachable()[3]})
    full.close_tries = done.close_tries
    agenda = Agenda(0, 0, 100, full)
    assert [agenda.next(full) for _ in range(2)] == [close_seed(3, 2), close_seed(3, 3)]


def test_a_resumed_agenda_begins_with_the_cells_that_were_tried_least() -> None:
    done = Tally(close_tries={cell: 2 for cell in range(len(reachable())) if cell not in (7, 5)})
    done.close_tries[5] = 1
    agenda = Agenda(0, 0, 100, done)
    played = [agenda.next(done) for _ in range(3)]
    assert played == [close_seed(7, 0), close_seed(5, 1), close_seed(0, 2)]


def test_a_trial_at_one_cell_ends_when_that_was_hit_often_enough() -> None:
    cell = (FaultId.L3, HostState.READY, PenPhase.IDLE)
    script = draw(close_seed(reachable().index(cell), 0))
    verdict = play(script)
    assert verdict.problems == []
    assert ENOUGH <= verdict.cells[name_of(cell)] < 2 * ENOUGH
    assert verdict.virtual_s < script.safety_s


def test_the_rate_of_a_resumed_soak_is_that_of_this_run() -> None:
    soak = Soak(Wanted(0, 10, first=Tally(punctures=7_000_000, virtual_s=90_000.0)))
    assert soak.punctures_a_s == soak.times_real == 0.0
    soak.tally.add(Verdict(1, punctures=50, virtual_s=20.0))
    assert soak.punctures_a_s == pytest.approx(2.5 * soak.times_real, rel=0.01)


def test_what_failed_before_an_interruption_is_a_failure_still() -> None:
    soak = Soak(Wanted(0, 10, first=Tally(failed_seeds=[4])))
    assert verdict_lines(soak) == ["seed 4: earlier"]


@pytest.mark.parametrize(
    "cell",
    [
        (FaultId.H1, HostState.CLOSED, PenPhase.IDLE),
        (FaultId.H8, HostState.DEAD, PenPhase.LATCHED),
        (FaultId.B1, HostState.RUNNING, PenPhase.IDLE),
        (FaultId.L16, HostState.NONE, PenPhase.IDLE),
        (FaultId.H9, HostState.NONE, PenPhase.IDLE),
        (FaultId.P5, HostState.ENDING, PenPhase.RUNNING),
        (FaultId.P7, HostState.BLOCKED, PenPhase.IDLE),
        (FaultId.P1, HostState.INTERRUPTED, PenPhase.BRAKING),
    ],
    ids=name_of,
)
def test_a_trial_at_one_cell_hits_it_often(cell: tuple[FaultId, HostState, PenPhase]) -> None:
    """By sessions after a restart, a service that ends in order and a post that starts anew.

    And by STOP at rest, a restart after a refusing disk, a pause at a moment of the needle, a new
    pen each time, and a quick line.
    """
    verdict = play(draw(close_seed(reachable().index(cell), 0)))

    assert verdict.problems == []
    assert verdict.cells[name_of(cell)] >= 10


def test_what_cannot_be_reached_has_its_reason() -> None:
    lines = unreachable()
    assert all(": " in line for line in lines)
    assert any(line.startswith("L20 in arming|armed") for line in lines)
    assert any(line.startswith("any fault in none|armed") for line in lines)


def test_only_what_strikes_inside_the_call_of_a_loss_may_be_seen_in_its_midst() -> None:
    inside = (FaultId.H3, HostState.INTERRUPTED, PenPhase.RUNNING)
    outside = (FaultId.H1, HostState.INTERRUPTED, PenPhase.RUNNING)
    coverage = Coverage({name_of(inside): 1, name_of(outside): 1})
    assert coverage.impossible() == [name_of(outside)]


def test_coverage_tells_what_is_missing() -> None:
    cells = reachable()
    full = {name_of(cell): 7 for cell in cells}
    assert Coverage(full).missing(7) == [] == Coverage(full).silent()
    assert Coverage(full | {name_of(cells[3]): 6}).missing(7) == [f"{name_of(cells[3])}: 6"]
    impossible = (FaultId.B1, HostState.NONE, PenPhase.RUNNING)
    assert why_not(*impossible) is not None
    assert Coverage({name_of(impossible): 1}).impossible() == [name_of(impossible)]


# --- a failure is found and made small -------------------------------------------------------


class _Planted:
    """A fault that breaks the trial itself once it strikes a running session."""

    id: ClassVar[FaultId] = FaultId.L11

    def __init__(self, room: Room, row: FaultRow) -> None:
        self._room = room

    async def begin(self) -> None:
        self._room.happened(self.id)
        if self._room.theatre.states()[0] == "running":
            raise AssertionError(f"planted at {self._room.theatre.clock.mono_s()}")

    async def end(self) -> None: ...


def _with_plant(script: Script) -> Verdict:
    planted: dict[FaultId, type[Fault]] = {**FAULTS, FaultId.L11: _Planted}
    return play(script, faults=planted)


def test_a_planted_failure_is_shrunk_to_what_it_needs() -> None:
    script = Script(
        punctures=(6, 4, 5),
        fault=(
            FaultRow(FaultId.B1, times=3),
            FaultRow(FaultId.L1, rate=0.01),
            FaultRow(FaultId.L11, host=HostState.RUNNING, times=4),
            FaultRow(FaultId.B6, rate=0.5),
        ),
    )
    kind = kind_of(_with_plant(script))
    assert kind == "AssertionError: planted at #"
    small = Shrinker(lambda each: kind_of(_with_plant(each)) == kind).shrink(script)
    assert [(row.fault, row.times) for row in small.fault] == [(FaultId.L11, 1)]
    assert sum(small.punctures) == 1
    assert kind_of(_with_plant(parse(toml(small), "small"))) == kind


def test_a_soak_counts_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(seed: int) -> Verdict:
        problems = ["broken"] if seed == 12 else []
        return Verdict(seed, "00", problems, punctures=10, cells={"B1_down|ready|idle": 2})

    monkeypatch.setattr("tests.soak.runner.play_seed", fake)
    soak = Soak(Wanted(seed=11, punctures=30, jobs=0))
    assert [verdict.seed for verdict in soak.run()] == [11, 12, 13]
    assert [verdict.seed for verdict in soak.failures] == [12] == soak.tally.failed_seeds
    assert soak.tally.by_fault() == {"B1_down": 6}


def test_a_tally_keeps_maxima() -> None:
    tally = Tally()
    for seed, late_us in ((1, 10), (2, 30), (3, 20)):
        tally.add(Verdict(seed, longest_after_grant_us=late_us, punctures=5, back_after_s=0.1))
    assert (tally.longest_after_grant_us, tally.punctures, tally.back_after_s) == (30, 15, 0.1)
