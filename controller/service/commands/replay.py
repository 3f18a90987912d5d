"""`micropen replay`: what the controller makes of recorded traffic, and where that differs."""

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from controller.errors import SystemRefused, WrongUsage
from controller.logs import set_up_logs
from controller.record.reader import JournalReader
from controller.service.bundle.archive import read_bundle
from controller.service.bundle.extract import chosen
from controller.service.flight.box import FOLDER
from controller.service.flight.recording import Recording, RecordingUnreadable, read_recording
from controller.service.replay.books import Recorded, of_entries, read_extract
from controller.service.replay.replaying import replay as play
from controller.service.replay.verdict import Told, Verdict

EXTRACT = "journal/extract.jsonl"


class ReplayDiffers(RecordingUnreadable):
    """The controller made something else of the traffic than it once did (--strict)."""

    number = 8052
    cause = "Another version of the program, or something that is on no wire: disk, clock, person."
    action = "Read the lines marked + and -."


def replay(
    source: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A support bundle, or a flight recording.")
    ],
    recording: Annotated[
        str, typer.Option(help="Which recording of the bundle, by its name. Default: the newest.")
    ] = "",
    journal: Annotated[
        Path | None,
        typer.Option(help="The journal of that time, for a recording without a bundle."),
    ] = None,
    pace: Annotated[str, typer.Option(help="virtual (at once), or real.")] = "virtual",
    strict: Annotated[bool, typer.Option("--strict", help="Fail when anything differs.")] = False,
) -> None:
    """Feed recorded wire traffic into the real controller code and show where it went.

    No port is opened, nothing is written. Exit code 0, also when it differs (--strict: 80).
    """
    if pace not in ("virtual", "real"):
        raise WrongUsage(f"There is no pace '{pace}'.", action="Give `virtual` or `real`.")
    set_up_logs(as_json=False, quiet=True)
    found, entries = _read(source, recording, journal)
    header = found.header
    console = Console(soft_wrap=True)
    console.print(
        f"[bold]{header.reason}[/] at {header.wall}, micropen {header.software_version}, "
        f"{len(found.chunks)} chunks, {len(entries)} entries"
    )
    verdict = play(found, entries, real_pace=pace == "real")
    _show(console, verdict, found.chunks[-1][0])
    if strict and verdict.differs:
        raise ReplayDiffers(f"{source} is not replayed as it was recorded.")


def _read(source: Path, name: str, journal: Path | None) -> tuple[Recording, list[Recorded]]:
    if source.name.endswith(".jsonl"):
        try:
            recording = read_recording(source.read_bytes(), source.name)
        except OSError as error:
            raise SystemRefused.of(error) from error
        return recording, [] if journal is None else _of_journal(journal)
    members = read_bundle(source)
    names = sorted(each for each in members if each.startswith(f"{FOLDER}/") and name in each)
    if not names:
        raise RecordingUnreadable(
            f"{source} holds no recording{f' {name}' if name else ''}.",
            cause="No fault has happened before it was made.",
        )
    entries = read_extract(members.get(EXTRACT, b""), EXTRACT)
    return read_recording(members[names[-1]], names[-1]), entries


def _of_journal(journal: Path) -> list[Recorded]:
    with closing(JournalReader(journal)) as reader:
        return of_entries(chosen(reader, reader.head()[0]))


def _show(console: Console, verdict: Verdict, end_mono_s: float) -> None:
    console.print("What the controller made of it (seconds before the end of the recording):")
    for told in verdict.told:
        console.print(f"  {_line(told, end_mono_s)}")
    for note in verdict.notes:
        console.print(f"[yellow]note[/] {escape(note)}")
    recorded, replayed = verdict.requests
    console.print(f"Acts asked of the pen: {recorded or 'none'} recorded, {replayed or 'none'} now")
    console.print(
        f"Discarded on the wire: {verdict.discards[0]} recorded, {verdict.discards[1]} now"
    )
    for arm_id in sorted(verdict.strokes[0] | verdict.strokes[1]):
        before, now = (each.get(arm_id, (0, 0)) for each in verdict.strokes)
        colour = "green" if before == now else "red"
        console.print(
            f"[{colour}]arm {arm_id}[/]: {before[0]} events, {before[1]} steps recorded; "
            f"{now[0]} events, {now[1]} steps now"
        )
    for told in verdict.missing:
        console.print(f"[red]-[/] {_line(told, end_mono_s)}   only recorded")
    for told in verdict.extra:
        console.print(f"[red]+[/] {_line(told, end_mono_s)}   only replayed")
    if not verdict.differs:
        console.print("[green]It went as it was recorded.[/]")


def _line(told: Told, end_mono_s: float) -> str:
    return f"{told[0] - end_mono_s:9.3f}  {escape(told[1])}"
