"""The pages: built assets from `somc/web/dist`, served with the headers that keep them ours."""

from __future__ import annotations

import mimetypes
from importlib import resources

from quart import Response

from somc.server import access
from somc.server.edge import Edge
from somc.server.problems import problem

__all__ = ["add_pages"]

PAGES = ("", *access.PAGES)

POLICY = "; ".join(
    (
        "default-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
"""Content Security Policy: nothing from anywhere else, no inline code."""

FOR_EVER = "public, max-age=31536000, immutable"
"""Built assets carry a hash in their name; a new version has new names and reaches a page by reloading."""


def load_assets() -> dict[str, tuple[bytes, str]]:
    """Every built file by its path below `dist`, read once: they are a few hundred KB."""
    assets: dict[str, tuple[bytes, str]] = {}
    root = resources.files("somc").joinpath("web", "dist")
    waiting = [("", root)] if root.is_dir() else []
    while waiting:
        prefix, folder = waiting.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                waiting.append((f"{prefix}{entry.name}/", entry))
            else:
                kind = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
                assets[prefix + entry.name] = (entry.read_bytes(), kind)
    return assets


def add_pages(edge: Edge) -> None:
    """Adds the pages and their assets to the framework's application."""
    assets = load_assets()

    async def page(rest: str = "") -> Response:
        if "index.html" not in assets:
            return edge.fail(
                problem(404, "no_pages", "the pages are not built in this checkout: run `make ui`")
            )
        body, kind = assets["index.html"]
        response = Response(body, content_type=f"{kind}; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def asset(path: str) -> Response:
        found = assets.get(f"assets/{path}")
        if found is None:
            return edge.fail(problem(404, "not_found", f"there is no asset '{path}'"))
        response = Response(found[0], content_type=found[1])
        response.headers["Cache-Control"] = FOR_EVER
        return response

    for name in PAGES:
        edge.quart.add_url_rule(f"/{name}", f"page-{name or 'index'}", page)
    edge.quart.add_url_rule("/counter/<rest>", "page-one-counter", page)
    edge.quart.add_url_rule("/second/<rest>", "page-second-screen", page)
    edge.quart.add_url_rule("/assets/<path:path>", "asset", asset)
