"""A theatre whose wire is recorded as a service records it, and its recordings replayed."""

from pathlib import Path
from typing import Any

from controller.link.port import BytePort
from controller.record.journal import Journal
from controller.record.reader import JournalReader
from controller.service.app import Service
from controller.service.flight.box import FlightBox, WatchedWriter, recordings
from controller.service.flight.recorder import FlightRecorder, TappedOpener
from controller.service.flight.recording import Recording, read_recording
from controller.service.replay.books import Recorded, of_entries
from tests.support.theatre import Theatre


class _Inner:
    """The theatre's own way to a port."""

    def __init__(self, theatre: Theatre) -> None:
        self._theatre = theatre

    async def open(self) -> BytePort:
        return await Theatre.open(self._theatre)


class FlownTheatre(Theatre):
    """`theatre.box` writes recordings into `<folder's parent>/flight`."""

    def __init__(self, folder: Path, *words: Any, **more: Any) -> None:
        super().__init__(folder, *words, **more)
        self.recorder = FlightRecorder(self.clock)
        self.tapped = TappedOpener(_Inner(self), self.recorder)
        self.box: FlightBox | None = None

    async def open(self) -> BytePort:
        return await self.tapped.open()

    def _new_desk(self, journal: Journal) -> Any:
        boot = f"boot {self.boots} of a test"
        self.box = FlightBox(self.recorder, self.folder.parent, journal, boot)
        return WatchedWriter(super()._new_desk(journal), self.box)

    async def _close(self, service: Service) -> None:
        """As `running` does: the box outlives the service."""
        await super()._close(service)
        if self.box is not None:
            await self.box.close()

    async def recorded(self) -> Recording:
        """The newest recording, once it is written."""
        assert self.box is not None
        await self.box.close()
        path = recordings(self.folder.parent / "flight")[-1]
        return read_recording(path.read_bytes(), path.name)

    def entries(self) -> list[Recorded]:
        """The whole journal."""
        reader = JournalReader(self.folder)
        try:
            return of_entries(reader.entries())
        finally:
            reader.close()
