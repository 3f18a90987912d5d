"""One power cut after the other: image, real recovery, judgement; and again within the recovery."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import process_time
from unittest.mock import patch
from zlib import crc32

from controller.errors import MicropenError
from controller.record import store
from tests.soak.cuts.bodies import drawn
from tests.soak.cuts.judge import Judge
from tests.soak.cuts.record import Change, Event, Promise, Recorder, Replay, changes
from tests.soak.cuts.story import CHECKPOINT_PAGES, Scribe, Story, said
from tests.support.sim_disk import SimDisk

Image = dict[str, bytes]
"""Path -> content: what a disk holds when the power comes back."""

KEPT = ("journal.lock", "journal.reserve")
"""Files that hold nothing of the record; they stay where they are."""

DRAWS = 3
"""What a disk may hold is drawn so often for each operation; what was drawn before counts once."""

CHAIN = (1, 2)
"""Further cuts, each in the recovery from the one before."""


class Lost(AssertionError):
    """A cut that the journal did not survive: in which session, where, and what is wrong."""

    def __init__(self, number: int, where: str, problems: str) -> None:
        super().__init__(number, where, problems)  # pickled by its arguments, between processes
        self.number = number

    def __str__(self) -> str:
        return f"power cut {self.args[1]}: {self.args[2]}"


@dataclass
class Counts:
    """What was done."""

    cuts: int = 0
    in_recovery: int = 0
    repeats: int = 0
    unsynced: int = 0
    stories: int = 0
    read: int = 0
    cpu_s: float = 0.0
    steps: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        """Take over what somebody else did."""
        for name in ("cuts", "in_recovery", "repeats", "unsynced", "stories", "read", "cpu_s"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.steps += other.steps


class Bench:
    """Cuts one story after the other, in a folder of its own that should be in RAM."""

    def __init__(self, folder: Path, disk: SimDisk, seed: int) -> None:
        self._folder = folder
        self._disk = disk
        self._seed = seed
        self._number = 0
        self._judge = Judge()

    def story(self, number: int, most_cuts: int) -> Counts:
        """Play a story and cut it, at most so often.

        Raises:
            Lost: an acknowledged entry, or the chain, or the guards; or something was invented.
        """
        began_s = process_time()
        counts = Counts(stories=1)
        self._number = number
        rng = Random(f"{self._seed}/{number}")
        self._disk.rng = Random(f"{self._seed}/{number}/disk")
        self._put({})
        with patch.object(store, "CHECKPOINT_PAGES", rng.randint(*CHECKPOINT_PAGES)):
            story = Story(self._folder, self._disk, rng)
            events = story.play()
            for where, image, promise in self._images(events, counts):
                if counts.cuts >= most_cuts:
                    break
                self._chain(where, image, promise, counts)
        counts.steps.update(story.steps)
        counts.read, self._judge.read = self._judge.read, 0
        counts.cpu_s = process_time() - began_s
        return counts

    def _images(
        self, events: Sequence[Event], counts: Counts
    ) -> Iterator[tuple[str, Image, Promise]]:
        """All that a cut after each operation may leave, as often as it is drawn differently."""
        replay, promise = Replay(), Promise()
        for at, event in enumerate(events):
            if not isinstance(event, Change):
                promise.take(event)
                continue
            replay.do(event)
            seen: set[int] = set()
            for draw in range(DRAWS):
                where = f"{self._seed}/{self._number}/{at}/{draw}"
                image = replay.platter.outcome(Random(where))
                if _is_new(image, seen):
                    counts.unsynced += replay.platter.unsynced > 0
                    yield where, image, promise
                else:
                    counts.repeats += 1

    def _chain(self, where: str, image: Image, promise: Promise, counts: Counts) -> None:
        """The cut, its recovery, a cut in that, and so on."""
        rng = Random(f"{where}/recovery")
        left = rng.randint(*CHAIN)
        events = self._recover(where, image, promise, rng)
        counts.cuts += 1
        while left:
            left -= 1
            at = rng.choice(changes(events))
            where = f"{where}/{at}"
            image, promise = _cut(events[: at + 1], promise, rng)
            events = self._recover(where, image, promise, rng, is_last=not left)
            counts.cuts += 1
            counts.in_recovery += 1

    def _recover(
        self, where: str, image: Image, before: Promise, rng: Random, *, is_last: bool = False
    ) -> list[Event]:
        """Let the real journal open the image and go on; judge; the record of what it did.

        The last recovery of a chain is not cut, so it goes without the recording disk.
        """
        self._put(image)
        recorder = self._new_disk({} if is_last else image)
        vfs = None if is_last else self._disk.vfs
        scribe = Scribe(self._folder, vfs, recorder, len(before.acked))
        drafts = [drawn(rng, []) for _ in range(rng.choice((1, 1, 2)))]
        try:
            scribe.open()
            scribe.append(drafts)
        except (MicropenError, AssertionError) as error:
            scribe.drop()
            raise Lost(self._number, where, str(error)) from error
        if rng.getrandbits(1):
            scribe.close()
        else:
            scribe.vanish()
        after = _promised(recorder.events, before)
        if found := self._judge.problems(self._folder, before, after, said(drafts)):
            raise Lost(self._number, where, "; ".join(found))
        return recorder.events

    def _new_disk(self, image: Image) -> Recorder:
        self._disk.kill()
        recorder = Recorder()
        self._disk.platter = recorder
        for path, content in image.items():
            recorder.adopt(path, content)
        return recorder

    def _put(self, image: Image) -> None:
        for name in os.listdir(self._folder):  # noqa: PTH208 - a million times
            if name not in KEPT:
                os.unlink(self._folder / name)  # noqa: PTH108 - a million times
        for path, content in image.items():
            Path(path).write_bytes(content)


def _promised(events: Sequence[Event], before: Promise) -> Promise:
    promise = before.copy()
    for event in events:
        if not isinstance(event, Change):
            promise.take(event)
    return promise


def _cut(events: Sequence[Event], before: Promise, rng: Random) -> tuple[Image, Promise]:
    """What a power cut at the end of these events leaves, and what was promised by then."""
    replay = Replay()
    for event in events:
        if isinstance(event, Change):
            replay.do(event)
    return replay.platter.outcome(rng), _promised(events, before)


def _is_new(image: Image, seen: set[int]) -> bool:
    key = 0
    for path, content in image.items():
        key = crc32(content, crc32(path.encode(), key))
    if key in seen:
        return False
    seen.add(key)
    return True
