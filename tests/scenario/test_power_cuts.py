"""Power cuts at every operation of the journal: a slice, and proof that losses would be seen.

The whole is `python -m tests.soak.power_cuts --cuts 1000000`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from controller.record import store
from controller.record.entry import Entry
from controller.record.layouts import SCHEMAS
from tests.scenario.conftest import Figure, wanted
from tests.soak import power_cuts
from tests.soak.cuts.bench import Counts, Lost
from tests.soak.cuts.bodies import MAKERS
from tests.soak.cuts.judge import Judge
from tests.soak.cuts.record import MADE_BY_THE_JOURNAL, Ack, Offer, Promise
from tests.soak.cuts.story import said
from tests.support.journals import alarm, alarm_over, open_journal, opened

CUTS = wanted("MICROPEN_POWER_CUTS", 3_000)
ENOUGH = 2_000
"""Cuts within which each planted defect is found."""
LOSS = "is lost|cut short|not the last entry|cannot be read"

Patch = pytest.MonkeyPatch
Insert = Callable[[store.Connection, Sequence[Entry]], None]


@pytest.mark.hazard("H18")
@pytest.mark.hazard("H04")
def test_no_acknowledged_entry_is_lost_at_any_power_cut(figure: Figure) -> None:
    total = Counts()
    for done in power_cuts.alone(seed=2, cuts=CUTS):
        total.add(done)
    assert total.cuts >= CUTS
    assert total.in_recovery >= CUTS // 3
    assert total.unsynced >= CUTS // 6  # first cuts that could take something back
    assert all(total.steps[step] for step in ("append", "restart", "kill", "fail"))
    figure(power_cuts.summary(total))


def test_a_story_is_the_same_each_time() -> None:
    with power_cuts.bench(5) as place:
        first, other = place.story(3, 40), place.story(4, 40)
    with power_cuts.bench(5) as place:
        again = place.story(3, 40)
    first.cpu_s = again.cpu_s = 0.0
    assert again == first
    assert other.steps != first.steps


def relaxed(patch: Patch) -> None:
    """Bug B16: commits that the disk has not got yet."""
    real = store.connect

    def connect(file: Path, vfs: str | None) -> store.Connection:
        connection = real(file, vfs)
        connection.pragma("synchronous", "NORMAL")
        return connection

    patch.setattr(store, "connect", connect)


def acknowledged_unsynced(patch: Patch) -> None:
    """Nothing is ever synced."""
    real = store.connect

    def connect(file: Path, vfs: str | None) -> store.Connection:
        connection = real(file, vfs)
        connection.pragma("synchronous", "OFF")
        return connection

    patch.setattr(store, "connect", connect)


def not_settled(patch: Patch) -> None:
    """A new process builds on what a killed one never synced."""

    def settle(file: Path) -> None:
        pass

    patch.setattr(store, "settle", settle)


def unguarded(patch: Patch) -> None:
    """A trigger is missing."""
    before, trigger, after = SCHEMAS[1].partition("CREATE TRIGGER no_delete")
    patch.setitem(SCHEMAS, 1, before + after[after.index("END;") + 4 :])
    assert trigger


def in_two_halves(patch: Patch) -> None:
    """A group of entries is not one transaction."""
    real: Insert = store.insert

    def insert(connection: store.Connection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            real(connection, [entry])

    patch.setattr(store, "insert", insert)


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(
    ("plant", "first", "said_so"),
    [
        (relaxed, 0, LOSS),
        (acknowledged_unsynced, 0, LOSS),
        (not_settled, 100, LOSS),  # a session whose disk took no successor either
        (unguarded, 0, "triggers are"),
        (in_two_halves, 0, "nobody handed in"),
    ],
)
def test_a_planted_defect_is_found(
    monkeypatch: Patch, plant: Callable[[Patch], None], first: int, said_so: str
) -> None:
    plant(monkeypatch)
    with pytest.raises(Lost, match=said_so):
        list(power_cuts.alone(seed=1, cuts=ENOUGH, first=first))


def test_the_command_says_what_it_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    assert power_cuts.main(["--cuts", "30", "--seed", "2"]) == 0
    assert "no acknowledged entry lost" in capsys.readouterr().out
    unguarded(monkeypatch)
    assert power_cuts.main(["--cuts", "30", "--seed", "2", "--first", "7"]) == 1
    assert "again: --seed 2 --first 7" in capsys.readouterr().out


def test_jobs_share_the_stories() -> None:
    done = list(power_cuts.side_by_side(seed=1, cuts=8, first=0, jobs=2))
    assert sum(counts.cuts for counts in done) >= 8
    assert len(done) == 2


def test_every_kind_of_entry_is_cut() -> None:
    """The kinds of a story are drawn from all, in rounds: none is left out for long."""
    assert len(MAKERS) == 39


class TestJudge:
    """Each thing that the judge would say, on a folder where it is so."""

    @pytest.fixture
    def promise(self, tmp_path: Path) -> Promise:
        journal = open_journal(tmp_path)
        promise = Promise()
        promise.take(Ack(((1, journal.head[1]),)))
        for group in ([opened()], [alarm("a"), alarm_over("a")]):
            promise.take(Offer(said(group)))
            last = [(e.seq, e.hash) for e in journal.append(group)]
        promise.offered.clear()
        promise.take(Offer(said([opened()])))
        journal.close()
        assert last[-1][0] == 4
        return promise

    def problems(self, folder: Path, promise: Promise) -> str:
        return "; ".join(Judge().problems(folder, promise, promise, said([alarm("a")])))

    def test_nothing_is_wrong(self, tmp_path: Path, promise: Promise) -> None:
        own = said([alarm("a"), alarm_over("a")])
        assert Judge().problems(tmp_path, promise, promise, own) == []

    def test_half_a_group(self, tmp_path: Path, promise: Promise) -> None:
        assert "nobody handed in" in self.problems(tmp_path, promise)

    def test_a_lost_entry(self, tmp_path: Path, promise: Promise) -> None:
        promise.acked += ["0" * 64] * 4
        assert "acknowledged entry 5 is lost" in self.problems(tmp_path, promise)

    def test_an_empty_folder_holds_nothing(self, tmp_path: Path) -> None:
        assert Judge().problems(tmp_path, Promise(), Promise(), ()) == []
        own = (MADE_BY_THE_JOURNAL,)
        assert Judge().problems(tmp_path, Promise(), Promise(), own) != []

    def test_a_changed_entry(self, tmp_path: Path, promise: Promise) -> None:
        file = tmp_path / "journal.db"
        data = file.read_bytes()
        assert b"P-0001" in data
        file.write_bytes(data.replace(b"P-0001", b"P-0002"))
        assert "entry 2 is not what was hashed" in self.problems(tmp_path, promise)
