"""`/media/NAME`: the pictures and videos of the hall display, from the hall's own media folder.

What must stay true: only files that `display.media` names now are served, by name, never by path; a video may
be asked for in parts. They are advertisements on a public wall, so nobody needs to sign in.
"""

from __future__ import annotations

from pathlib import Path

import trio
from quart import Response, request
from quart_trio.wrappers.response import TrioFileBody

from somc.server.edge import Edge
from somc.server.problems import problem

__all__ = ["add_media_route"]

A_DAY = "public, max-age=86400"

KINDS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "mp4": "video/mp4",
    "webm": "video/webm",
}

PART_BYTES = 64 * 1024
"""What is read and sent at a time."""

HARMLESS = "default-src 'none'; style-src 'unsafe-inline'"
"""A drawing that is opened by itself runs nothing."""


def add_media_route(edge: Edge, folder: Path) -> None:
    """Adds it to the framework's application."""

    @edge.quart.get("/media/<name>")
    async def media(name: str) -> Response:
        path = trio.Path(folder / name)
        listed = name in edge.hall.state.hall.display.media
        kind = KINDS.get(name.rpartition(".")[2].lower())
        if not listed or kind is None or not await path.is_file():
            where = "is not in the media folder" if listed else "is not named in display.media"
            return edge.fail(problem(404, "not_found", f"the file '{name}' {where}"))
        made = Response(TrioFileBody(path, buffer_size=PART_BYTES), content_type=kind)
        made.headers["Cache-Control"] = A_DAY
        made.headers["Content-Security-Policy"] = HARMLESS
        size = (await path.stat()).st_size
        await made.make_conditional(request, accept_ranges=True, complete_length=size)
        return made
