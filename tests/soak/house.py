"""The trial's theatre: telemetry runs on the same computer, and dies with it in a power cut."""

from tests.support.post import Post
from tests.support.theatre import Disk, Theatre


class House(Theatre):
    """A `Theatre` with its post."""

    post: Post | None = None
    _is_dark: bool = False

    async def power_cut(self, disk: Disk) -> None:
        if self.post is not None:
            self._is_dark = True
            await self.post.kill_telemetry()
        await super().power_cut(disk)

    async def start(self) -> None:
        if self.post is not None and self._is_dark:
            self._is_dark = False
            self.post.start_telemetry()
        await super().start()
