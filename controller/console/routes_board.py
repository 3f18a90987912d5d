"""Alarms and training. Each request answers with the view after it."""

from fastapi import FastAPI, Request

from controller.console.alarm_list import AUDIO_PAUSE_S
from controller.console.bridge import Bridge
from controller.console.console import Console
from controller.console.doing import doer
from controller.console.requests import Nothing
from controller.console.routes_view import REFUSALS
from controller.console.views import View


def add_board(api: FastAPI, console: Console, bridge: Bridge) -> None:
    """Every POST under /api/alarms and /api/training."""
    done = doer(console, bridge)

    @api.post("/api/alarms/pause-audio", tags=["alarms"], responses=REFUSALS)
    async def pause_audio(request: Request, _: Nothing) -> View:
        """Sound off for two minutes, or until the next alarm."""
        seconds = round(AUDIO_PAUSE_S)
        return await done(request, lambda token: console.pause_audio(token, seconds))

    @api.post("/api/alarms/{alarm_id}/acknowledge", tags=["alarms"], responses=REFUSALS)
    async def acknowledge(request: Request, alarm_id: str, _: Nothing) -> View:
        """Somebody has seen this alarm; it leaves the board when its cause is gone too."""
        return await done(request, lambda token: console.acknowledge(token, alarm_id))

    @api.post("/api/training/start", tags=["training"], responses=REFUSALS)
    async def start_training(request: Request, _: Nothing) -> View:
        """A simulated pen takes the real one's place; every record says so."""
        return await done(request, console.start_training)

    @api.post("/api/training/end", tags=["training"], responses=REFUSALS)
    async def end_training(request: Request, _: Nothing) -> View:
        """Back to the pen of the settings."""
        return await done(request, console.end_training)
