"""The page itself: the files of `page/`, read once, served by their exact names and no others."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response

from controller.console.errors import NoSuchPage

PAGE = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".wav": "audio/wav",
}
INDEX = "index.html"


def read_page(folder: Path = PAGE) -> dict[str, bytes]:
    """Every file that may be served, by its path below the folder."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def add_page(api: FastAPI) -> None:
    """GET / and every file of the page. Added last: its pattern takes what is left."""
    files = read_page()

    @api.get("/{name:path}", include_in_schema=False)
    async def page(name: str) -> Response:
        found = files.get(name or INDEX)
        if found is None:
            raise NoSuchPage("There is nothing at this address.")
        kind = TYPES[Path(name or INDEX).suffix]
        return Response(found, media_type=kind)
