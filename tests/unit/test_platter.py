"""The model of a disk: what was synced survives, and the rest in every way that a disk allows."""

from random import Random

from tests.support.platter import SECTOR, TRUNCATED, Inode, Platter

DRAWS = 1_000


def outcomes(inode: Inode) -> set[bytes]:
    return {inode.outcome(Random(draw)) for draw in range(DRAWS)}


def test_what_was_synced_survives() -> None:
    inode = Inode(b"old")
    inode.pending.append((1, b"new"))
    inode.sync()
    assert outcomes(inode) == {b"onew"}


def test_an_unsynced_write_survives_or_does_not_or_leaves_its_length() -> None:
    inode = Inode(b"old")
    inode.pending.append((3, b"er"))
    assert outcomes(inode) == {b"old", b"older", b"old\0\0"}


def test_later_writes_survive_without_earlier_ones() -> None:
    inode = Inode(bytes(2 * SECTOR))
    inode.pending += [(0, b"a" * SECTOR), (SECTOR, b"b" * SECTOR)]
    found = {(data[:1], data[SECTOR : SECTOR + 1]) for data in outcomes(inode)}
    assert found == {(a, b) for a in (b"\0", b"a") for b in (b"\0", b"b")}


def test_a_write_is_torn_between_its_sectors_only() -> None:
    inode = Inode(b"-" * 3 * SECTOR)
    inode.pending.append((SECTOR // 2, b"x" * 2 * SECTOR))
    for data in outcomes(inode):
        parts = [data[at : at + SECTOR] for at in range(0, 3 * SECTOR, SECTOR)]
        assert parts[0] in (b"-" * SECTOR, b"-" * (SECTOR // 2) + b"x" * (SECTOR // 2))
        assert parts[1] in (b"-" * SECTOR, b"x" * SECTOR)
    assert len(outcomes(inode)) == 8


def test_a_sector_holds_one_of_the_states_it_went_through() -> None:
    """The second write of a sector never survives without the first: the cache had both."""
    inode = Inode(b"--")
    inode.pending += [(0, b"a"), (1, b"b")]
    assert outcomes(inode) == {b"--", b"a-", b"ab"}


def test_a_truncation_survives_or_does_not() -> None:
    inode = Inode(b"long")
    inode.pending.append((1, TRUNCATED))
    assert outcomes(inode) == {b"long", b"l"}
    inode.sync()
    assert outcomes(inode) == {b"l"}


def test_a_failed_sync_forgets_what_the_next_one_will_not_bring_back() -> None:
    survived = set()
    for draw in range(DRAWS):
        inode = Inode(b"old")
        inode.pending.append((0, b"new"))
        inode.lose(Random(draw))
        assert inode.is_forgotten
        inode.sync()
        assert inode.seen() == inode.outcome(Random(draw))
        survived.add(inode.seen())
    assert survived == {b"old", b"new"}


def disks(platter: Platter) -> set[frozenset[tuple[str, bytes]]]:
    return {frozenset(platter.outcome(Random(draw)).items()) for draw in range(DRAWS)}


def test_a_new_name_is_there_once_its_folder_is_synced() -> None:
    platter = Platter()
    inode = platter.create("/f/a")
    inode.pending.append((0, b"x"))
    inode.sync()
    assert disks(platter) == {frozenset(), frozenset({("/f/a", b"x")})}
    platter.sync_folder("/other")
    assert len(disks(platter)) == 2
    assert platter.unsynced == 1
    platter.sync_folder("/f")
    assert disks(platter) == {frozenset({("/f/a", b"x")})}
    assert platter.unsynced == 0


def test_a_removed_file_may_come_back_until_its_folder_is_synced() -> None:
    platter = Platter()
    platter.adopt("/f/a", b"old")
    platter.delete("/f/a")
    platter.create("/f/a")
    old, gone, new = {("/f/a", b"old")}, set[tuple[str, bytes]](), {("/f/a", b"")}
    assert disks(platter) == {frozenset(old), frozenset(gone), frozenset(new)}
    platter.sync_folder("/f")
    assert disks(platter) == {frozenset(new)}
