"""A copy of a journal folder that proves itself, made while the service writes; and the way back.

A backup is a folder: the journal's files and `backup.json`, which names their digests and the
head. Only what verifies, hash by hash, becomes a backup; only a backup that verifies is restored,
and only where there is no journal. CPU-heavy: runs in the command line's process.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controller.clock import Clock
from controller.errors import JournalCorrupt, JournalError, JournalMissing, SystemRefused
from controller.record import store
from controller.record.folder import (
    MIN_FREE_BYTES,
    FolderLock,
    file_mode,
    journal_files,
    prepare_folder,
    sync_folder,
)
from controller.record.opening import software_version
from controller.record.reader import JournalReader
from controller.record.verify import verify

MANIFEST: Final = "backup.json"
Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BackupRefused(JournalError):
    """A backup cannot be made or restored at this place."""

    number = 5030
    cause = "There is something already where the copy would go."
    action = "Name a folder that does not exist, or is empty."


class BackupDamaged(JournalError):
    """A backup is not what was made."""

    number = 5031
    cause = "A file was changed, cut short, exchanged or lost since."
    action = "Use another backup; a journal that is wrong must not be gone on with."


class Manifest(BaseModel):
    """What a backup says of itself. `files`: SHA-256 of each, oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal["micropen-backup-1"] = "micropen-backup-1"
    made_wall: str
    software_version: str
    realm: Literal["treatment", "training"]
    chain_id: str
    host_id: str
    head_seq: int
    head_hash: Hex64
    files: dict[Annotated[str, Field(pattern=r"^journal(-\d+)?\.db$")], Hex64]

    @property
    def head(self) -> tuple[int, str]:
        """The newest entry's number and hash."""
        return self.head_seq, self.head_hash


def back_up(folder: Path, target: Path, clock: Clock, beat: store.Beat = lambda: None) -> Manifest:
    """Copy a journal folder to `target`, which must not exist or be empty.

    Whatever was committed before the call is in it. `beat` is called while it goes on.

    Raises:
        JournalMissing: E5001. JournalTooNew: E5002. JournalCorrupt: E5004, the journal itself is
        damaged. BackupRefused: E5030. SystemRefused: E8002.
    """
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise BackupRefused(f"{target} exists already.")
    with closing(JournalReader(folder)) as reader:
        before = reader.head()
    with _system(), _unfinished(target) as part:
        for file in _begun_files(folder):
            _copy(file, part / file.name, beat)
        manifest = _manifest(part, before, clock, beat)
        _write(part / MANIFEST, manifest.model_dump_json(indent=1).encode())
        sync_folder(part)
        part.replace(target)
        sync_folder(target.absolute().parent)
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """What a backup says of itself. Raises BackupDamaged."""
    try:
        return Manifest.model_validate_json((backup / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise BackupDamaged(f"{backup} is no backup: {MANIFEST} cannot be read.") from error


def check_backup(backup: Path) -> Manifest:
    """Prove a backup: every file, every hash, up to its head.

    Raises:
        JournalTooNew: E5002. BackupDamaged: E5031.
    """
    manifest = read_manifest(backup)
    for name, digest in manifest.files.items():
        if not (backup / name).is_file() or _digest(backup / name) != digest:
            raise BackupDamaged(f"{backup / name} is missing, or not what was copied.")
    if sorted(file.name for file in journal_files(backup)) != sorted(manifest.files):
        raise BackupDamaged(f"{backup} holds other files than it says.")
    _prove(backup, manifest)
    return manifest


def restore(backup: Path, folder: Path, *, min_free_bytes: int = MIN_FREE_BYTES) -> Manifest:
    """Put a proven backup where there is no journal, and prove it again there.

    Raises:
        JournalNotWritable: E5003. BackupRefused: E5030. AlreadyRunning: E8001. SystemRefused:
        E8002, and what `check_backup` raises.
    """
    manifest = check_backup(backup)
    if folder.is_dir() and journal_files(folder):
        raise BackupRefused(
            f"{folder} holds a journal, and what it says would be lost.",
            action="Move that folder away as a whole, and keep it; then restore.",
        )
    size_bytes = sum((backup / name).stat().st_size for name in manifest.files)
    prepare_folder(folder, min_free_bytes + size_bytes)
    lock = FolderLock.acquire(folder)
    try:
        with _system():
            _bring_back(backup, folder, list(manifest.files))
        _prove(folder, manifest)
    finally:
        lock.release()
    return manifest


def _bring_back(backup: Path, folder: Path, names: list[str]) -> None:
    """The first file comes last: a folder without it is refused, so no half counts as a whole."""
    for name in reversed(names):
        part = folder / f".{name}.part"
        shutil.copyfile(backup / name, part)
        part.chmod(file_mode(folder))
        _sync(part)
        part.replace(folder / name)
        sync_folder(folder)


def _begun_files(folder: Path) -> list[Path]:
    """The folder's files, without a last one whose making a full disk or a crash cut short."""
    files = journal_files(folder)
    with store.reading(files[-1]):
        return files[:-1] if len(files) > 1 and store.is_unborn(files[-1]) else files


def _copy(file: Path, target: Path, beat: store.Beat) -> None:
    with store.reading(file):
        store.copy(file, target, beat)
    target.chmod(0o600)
    _sync(target)


def _manifest(part: Path, before: tuple[int, str], clock: Clock, beat: store.Beat) -> Manifest:
    report = verify(part, expected_head=before, beat=beat)
    if report.problem is not None:
        raise JournalCorrupt(f"The copy does not verify: {report.problem}", report.first_bad_seq)
    with closing(JournalReader(part)) as reader:
        realm, chain_id, host_id = reader.realm, reader.chain_id, reader.host_id
    return Manifest(
        made_wall=clock.now_wall().isoformat(timespec="seconds"),
        software_version=software_version(),
        realm=realm,
        chain_id=chain_id,
        host_id=host_id,
        head_seq=report.head_seq,
        head_hash=report.head_hash,
        files={file.name: _digest(file) for file in journal_files(part)},
    )


def _prove(folder: Path, manifest: Manifest) -> None:
    try:
        report = verify(folder, expected_head=manifest.head)
    except JournalMissing as error:
        raise BackupDamaged(error.what) from error
    if report.problem is not None or report.head_seq != manifest.head_seq:
        raise BackupDamaged(f"{folder} does not verify: {report.problem or 'it goes on'}")


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _sync(path)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A folder beside the target that is gone unless it became the target."""
    place = target.absolute().parent
    place.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=place))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _system() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SystemRefused.of(error) from error
