"""Telemetry and archive of one journal, in virtual time against a `SimBroker`: the record's post.

They run as the production processes do, with a supervisor that starts them again when they end
with a numbered error, and outlive a crash of the controller as bystanders of its theatre. Whether
archive and journal agree is read from their files, without any code of the controller.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from controller.clock import Clock
from controller.errors import MicropenError
from controller.record.archive import Archive
from controller.record.mqtt import Broker
from controller.record.reader import JournalReader
from controller.record.signing import Signer
from controller.record.telemetry import Telemetry, TelemetrySettings
from controller.record.topics import Topics
from tests.support.auditor import audit
from tests.support.sim_broker import SimBroker
from tests.support.virtual import advance

TOPICS = Topics("test", "one")
ADDRESS = Broker("broker", 1883)
KEY = b"a key that only the two of them know"
SIGNER = Signer(KEY)
RESTART_S = 1.0
"""How long a supervisor waits before it starts a process again."""
LOOK_S = 0.25
SETTLES_S = 400.0
"""A resend waits for at most 300 s, a connection for 45 s, and then come the round trips."""

_SEQ = re.compile(rb'"entry":{"seq":(\d+),[^\n]*\n')
Process = asyncio.Task[None]


@dataclass(eq=False)
class Post:
    """The post of the journal in `journal`. `folder` is for its own files: cursor and archive.

    `bystanders` are a theatre's; all tasks of the post are among them. `ended` are the numbers of
    the errors with which its processes ended.
    """

    journal: Path
    folder: Path
    broker: SimBroker
    clock: Clock
    rng: Random
    bystanders: set[asyncio.Task[Any]] = field(default_factory=set)
    vfs: str | None = None
    ended: list[int] = field(default_factory=list)
    starts: int = 0
    _telemetry: Process | None = None
    _archive: Process | None = None

    # --- the processes' life ---------------------------------------------------------------------

    def start(self) -> None:
        """Start both."""
        _adopt_children(self.bystanders)
        self.start_telemetry()
        self.start_archive()

    def start_telemetry(self) -> None:
        """Start telemetry, on the computer that writes the journal."""
        self._telemetry = self._process(self._run_telemetry, "telemetry")

    def start_archive(self) -> None:
        """Start the archive, on a computer of its own."""
        self._archive = self._process(self._run_archive, "archive")

    async def stop(self) -> None:
        """End both as SIGTERM does."""
        await _end(self._telemetry)
        await _end(self._archive)
        self._telemetry = self._archive = None
        asyncio.get_running_loop().set_task_factory(None)

    async def kill_telemetry(self) -> None:
        """SIGKILL: no word to the broker, and its file stays as it was."""
        before = {path: path.read_bytes() for path in self._cursors()}
        self._cut("micropen-")
        await _end(self._telemetry)
        self._telemetry = None
        for path in self._cursors():
            if path in before:
                path.write_bytes(before[path])
            else:
                path.unlink()

    async def kill_archive(self) -> None:
        """SIGKILL; the line that it was writing may be torn."""
        self._cut("micropen-archive-")
        await _end(self._archive)
        self._archive = None
        for path in self._archived():
            if self.rng.random() < 0.5:
                with path.open("ab") as file:
                    file.write(b'{"journal_id":"0')

    # --- the judgement ---------------------------------------------------------------------------

    async def settled(self, within_s: float = SETTLES_S) -> None:
        """Wait until everything in the journal has its receipt; nobody may write meanwhile.

        Raises:
            AssertionError: it was not within `within_s` virtual seconds. And whatever a process
                died of that has no number.
        """
        deadline_mono_s = self.clock.mono_s() + within_s
        while not self._is_settled():
            _must_run(self._telemetry)
            _must_run(self._archive)
            assert self.clock.mono_s() < deadline_mono_s, f"not settled: {self.against_journal()}"
            await advance(LOOK_S)

    def against_journal(self) -> list[str]:
        """What is wrong with the archive, seen from the journal: nothing missing, nothing more."""
        found = audit(self.journal)
        wanted = {entry.seq: (entry.hash, entry.kind, entry.body) for entry in found.entries}
        problems = list(found.problems)
        files = self._archived()
        if len(files) != 1:
            problems.append(f"the archive has the chains {[path.stem for path in files]}")
        lines = [line for path in files for line in _lines(path)]
        kept = dict(lines)
        if len(kept) != len(lines):
            problems.append("the archive has entries twice")
        problems += [f"the archive lacks entry {seq}" for seq in sorted(wanted.keys() - kept)]
        problems += [f"archive only: entry {seq}" for seq in sorted(kept.keys() - wanted)]
        both = sorted(wanted.keys() & kept)
        return problems + [f"entry {seq} differs" for seq in both if wanted[seq] != kept[seq]]

    def cursor_ahead(self) -> int:
        """By how many entries the cursor on the disk is beyond what the archive holds whole."""
        held = {seq for path in self._archived() for seq in _numbers(path)}
        whole = next(seq for seq in range(len(held) + 1) if seq + 1 not in held)
        cursors = [json.loads(path.read_bytes())["seq"] for path in self._cursors()]
        return int(max(cursors, default=0)) - whole

    # --- the inside ------------------------------------------------------------------------------

    async def _run_telemetry(self) -> None:
        settings = TelemetrySettings(self.journal, ADDRESS, TOPICS, self.folder, True, SIGNER)
        jitter = Random(self.rng.getrandbits(32))
        connect = self.broker.connect
        await Telemetry(
            settings, self.clock, {}, connect=connect, jitter=jitter, vfs=self.vfs
        ).run()

    async def _run_archive(self) -> None:
        jitter = Random(self.rng.getrandbits(32))
        folder, connect = self.folder / "archive", self.broker.connect
        archive = Archive(
            *("post", folder, ADDRESS, TOPICS, self.clock),
            signer=SIGNER,
            connect=connect,
            jitter=jitter,
        )
        await archive.run()

    def _process(self, run: Callable[[], Awaitable[None]], name: str) -> Process:
        task = asyncio.get_running_loop().create_task(self._supervise(run), name=name)
        self.bystanders.add(task)
        task.add_done_callback(self.bystanders.discard)
        return task

    async def _supervise(self, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            self.starts += 1
            try:
                await run()
            except* MicropenError as group:
                self.ended += [error.number for error in _numbered(group)]
            if (task := asyncio.current_task()) is not None and task.cancelling():
                return  # it was told to end, and ended by an error of its disk
            await advance(RESTART_S)

    def _cut(self, prefix: str) -> None:
        archives = prefix + "archive-"
        for client_id in self.broker.clients:
            if client_id.startswith(prefix) and not client_id.startswith(archives):
                self.broker.break_client(client_id)

    def _cursors(self) -> list[Path]:
        return sorted(self.folder.glob("cursor-*.json"))

    def _archived(self) -> list[Path]:
        return sorted((self.folder / "archive").glob("*.jsonl"))

    def _is_settled(self) -> bool:
        cursors = self._cursors()
        if not cursors:
            return False
        found = json.loads(cursors[0].read_bytes())
        reader = JournalReader(self.journal, vfs=self.vfs)
        head = reader.head()
        reader.close()
        return bool((found["seq"], found["hash"]) == head)


def _adopt_children(bystanders: set[asyncio.Task[Any]]) -> None:
    """Whatever a bystander's task starts is a bystander too: telemetry has two tasks inside."""

    def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, **options)
        if asyncio.current_task(loop) in bystanders:
            bystanders.add(task)
            task.add_done_callback(bystanders.discard)
        return task

    asyncio.get_running_loop().set_task_factory(make)


async def _end(process: Process | None) -> None:
    if process is not None:
        process.cancel()
        await asyncio.wait({process})
        if not process.cancelled():
            process.result()


def _must_run(process: Process | None) -> None:
    """A process that ended by itself ended by a defect: raise it here."""
    if process is not None and process.done():
        process.result()


def _numbered(group: BaseExceptionGroup[MicropenError]) -> list[MicropenError]:
    found: list[MicropenError] = []
    for error in group.exceptions:
        found += _numbered(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _lines(path: Path) -> list[tuple[int, tuple[str, str, Any]]]:
    entries = [json.loads(line)["entry"] for line in path.read_bytes().splitlines()]
    return [(e["seq"], (e["hash"], e["kind"], e["body"])) for e in entries]


def _numbers(path: Path) -> list[int]:
    """The numbers of all entries that are whole, quickly."""
    return [int(found) for found in _SEQ.findall(path.read_bytes())]
