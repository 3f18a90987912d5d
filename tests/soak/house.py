"""The trial's theatre: telemetry runs on the same computer, and dies with it in a power cut."""

from tests.soak.descriptors import current
from tests.support.post import Post
from tests.support.theatre import Disk, Theatre


class House(Theatre):
    """A `Theatre` with its post."""

    post: Post | None = None
    _is_dark: bool = False
    _at_the_cut: tuple[str, str] | None = None

    def states(self) -> tuple[str, str]:
        """As a `Theatre` says; in a power cut, what it met."""
        return self._at_the_cut or super().states()

    async def power_cut(self, disk: Disk) -> None:
        self._at_the_cut = super().states()
        try:
            if self.post is not None:
                self._is_dark = True
                await self.post.kill_telemetry()
            await super().power_cut(disk)
        finally:
            self._at_the_cut = None

    async def restart_post(self) -> None:
        """Telemetry and archive are killed and started again, unless there is no power."""
        if self.post is None or self._is_dark:
            return
        with current().lent():
            await self.post.kill_telemetry()
            await self.post.kill_archive()
        if not self._is_dark:
            self.post.start_telemetry()
        self.post.start_archive()

    async def start(self) -> None:
        if self.post is not None and self._is_dark:
            self._is_dark = False
            self.post.start_telemetry()
        await super().start()
