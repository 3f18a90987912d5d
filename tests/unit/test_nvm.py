"""The two-slot memory: a single loss leaves a whole record; a lost chip is said to be lost."""

import pytest

from protocol.messages import Counters
from simulator.firmware.nvm import (
    ArmRow,
    Memory,
    Nvm,
    PowerLostError,
    Store,
    pack_slot,
    unpack_slot,
)

BIG = (1 << 64) - 1


def filled() -> Memory:
    counters = Counters(BIG, BIG - 1, 3, 4, 5, 6)
    row = ArmRow(7, BIG, 2, 1, 0, 9, counters, counters, counters)
    return Memory(boot_id=3, highest_arm_id=7, proven=counters, reserved=counters, arms=[row])


def test_everything_comes_back() -> None:
    assert unpack_slot(pack_slot(filled(), 42)) == (42, filled())


@pytest.mark.hazard("H14")
def test_no_flipped_byte_of_a_slot_is_believed() -> None:
    good = pack_slot(filled(), 42)
    for at in range(len(good)):
        for bit in (0x01, 0x80):
            bad = good[:at] + bytes((good[at] ^ bit,)) + good[at + 1 :]
            assert unpack_slot(bad) is None, at


def test_no_truncated_slot_is_believed() -> None:
    good = pack_slot(filled(), 42)
    assert all(unpack_slot(good[:size]) is None for size in range(len(good)))


@pytest.mark.hazard("H14")
def test_a_write_torn_at_any_byte_leaves_the_record_before_or_after() -> None:
    size = len(pack_slot(Memory(boot_id=2), 3))
    for kept in range(size + 1):
        nvm = Nvm()
        store = Store(nvm)
        store.memory.boot_id = 1
        assert store.save()
        store.memory.boot_id = 2
        nvm.cut_at[nvm.writes + 1] = kept
        with pytest.raises(PowerLostError):
            store.save()
        assert Store(nvm).memory.boot_id == (2 if kept == size else 1)


def test_either_slot_may_be_bad() -> None:
    nvm = Nvm()
    store = Store(nvm)
    for boot_id in (1, 2):
        store.memory.boot_id = boot_id
        store.save()
    newest = max(range(2), key=lambda slot: (unpack_slot(nvm.slots[slot]) or (0,))[0])
    for slot, expected in ((newest, 1), (1 - newest, 2)):
        broken = Nvm()
        broken.slots = list(nvm.slots)
        broken.slots[slot] = b"\xff" * 40
        found = Store(broken)
        assert (found.memory.boot_id, found.was_lost) == (expected, False)


def test_both_slots_bad_is_a_lost_memory_not_a_new_one() -> None:
    nvm = Nvm(filled())
    assert not Store(nvm).was_lost
    nvm.erase()
    assert Store(nvm).was_lost


def test_a_lost_memory_is_never_written_by_the_pen() -> None:
    nvm = Nvm(filled())
    nvm.erase()
    store = Store(nvm)
    store.memory.certificate_id = 7
    assert not store.save()
    assert (nvm.slots, nvm.writes) == ([b"", b""], 0)


def test_a_failed_write_is_reported_and_harmless() -> None:
    nvm = Nvm()
    store = Store(nvm)
    nvm.fail_at = {1}
    store.memory.boot_id = 5
    assert not store.save()
    assert not store.is_sound
    assert Store(nvm).memory.boot_id == 0
    assert store.save()
    assert Store(nvm).memory.boot_id == 5


def test_two_memories_share_no_lists() -> None:
    first, second = Memory(), Memory()
    first.arms.append(filled().arms[0])
    assert second.arms == []
