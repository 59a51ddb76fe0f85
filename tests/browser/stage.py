"""The stage of the browser tests: a hall with links for its pages, and a browser that opens them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import trio
from playwright.sync_api import APIRequestContext, BrowserContext, Page

from somc.composition import Node, Options, load_config, run_node
from tests.chromium import plain_playwright

__all__ = ["FLAGS", "Cast", "browser_for", "on_stage", "played", "take"]

Result = TypeVar("Result")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_S = 150.0
"""A whole play, browser included."""

STEP_MS = 20_000
"""One step of it on a busy machine."""


@asynccontextmanager
async def on_stage(hall_toml: Path, data_dir: Path) -> AsyncIterator[Node]:
    """The hall of `hall_toml` as `somc run` serves the example: with links for its pages, nobody visits."""
    config, plugins = load_config(hall_toml)
    options = Options(data_dir=data_dir, host="127.0.0.1", port=0, example=True)
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[Node]) -> None:
            await run_node(config, plugins, options, shutdown=shutdown, task_status=task_status)

        yield await nursery.start(run)
        shutdown.set()


class Cast:
    """One browser, each page signed in by its own link; what a page complained of is in `faults`."""

    def __init__(self, context: BrowserContext, links: dict[str, str]) -> None:
        self._context = context
        self._links = dict(links)
        self._opened: set[str] = set()
        self.faults: list[str] = []

    @property
    def request(self) -> APIRequestContext:
        """Requests beside the pages, without their sessions."""
        return self._context.request

    def blank(self) -> Page:
        """A page of nobody's, in a window of its own: the browser gives a page behind another in the same
        window, a single frame a second, and each click on it waits for several."""
        pages = self._context.pages
        if not pages:
            return self._context.new_page()
        browser = self._context.new_cdp_session(pages[0])
        ours = browser.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
        with self._context.expect_page() as opened:
            browser.send(
                "Target.createTarget", {"url": "about:blank", "newWindow": True, "browserContextId": ours}
            )
        browser.detach()
        return opened.value

    def add_link(self, name: str, link: str) -> None:
        """A link that was given out later."""
        self._links[name] = link

    def open(self, name: str, path: str = "") -> Page:
        """The page of the link `name`, gone on to `path` (or another address) where that is another. A link
        works once: from the second time on its session goes on."""
        page = self.blank()
        page.set_default_timeout(STEP_MS)
        page.on("pageerror", lambda error: self.faults.append(f"{name}: {error}"))
        page.on("console", lambda message: self._heard(name, message.type, message.text))
        base = self._links[name].split("/sign-in/")[0]
        if name not in self._opened:
            page.goto(self._links[name])
            self._opened.add(name)
        if path:
            page.goto(path if "://" in path else base + path)
        return page

    def _heard(self, name: str, kind: str, text: str) -> None:
        if kind == "error":
            self.faults.append(f"{name}: {text}")


@contextmanager
def browser_for(chromium: str, links: dict[str, str]) -> Iterator[Cast]:
    """A browser with English pages that finds elements by `data-test`."""
    with plain_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-test")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en")
        yield Cast(context, links)
        browser.close()


async def played(play: Callable[[Cast], Result], chromium: str, hall_toml: Path, data_dir: Path) -> Result:
    """What `play` made of that hall; a page's error is a failure."""

    def in_a_browser(links: dict[str, str]) -> Result:
        with browser_for(chromium, links) as cast:
            result = play(cast)
            assert cast.faults == []
            return result

    with trio.fail_after(PATIENCE_S):
        async with on_stage(hall_toml, data_dir) as node:
            return await trio.to_thread.run_sync(in_a_browser, node.links, abandon_on_cancel=True)


def take(kiosk: Page, service: str, phone: str | None = None) -> str:
    """One visit to the kiosk, up to the number on the slip."""
    for digit in phone or "":
        kiosk.get_by_test_id(f"kiosk-digit-{digit}").click()
    kiosk.get_by_test_id("kiosk-next" if phone else "kiosk-skip-phone").click()
    kiosk.get_by_test_id(f"kiosk-service-{service}").click()
    number = kiosk.get_by_test_id("kiosk-number").text_content()
    assert number
    kiosk.get_by_test_id("kiosk-done").click()
    return number
