"""The screen of a workshop: its balance, its setup, its limits."""

from typing import Any

from controller.service.operations import Present
from tests.support.screen import Screen
from tests.support.workshop import BALANCE_PATH, Workshop


def screen_of(room: Workshop, **options: Any) -> Screen:
    """`options` are those of `Screen`."""
    screen = Screen(room.theatre, **options)
    desk = screen.room.calibration
    desk.instruments = lambda: (room.setup, room.limits)
    desk.open_port = room.open_port
    theatre = room.theatre
    screen.room._present = lambda: Present(
        theatre.service, "training", theatre.folder, "pen", BALANCE_PATH
    )
    return screen
