"""A generated project that runs, and browsers that look at its page.

PROJECT is the folder of a project that is set up, AXE the script of axe-core, and CHROMIUM the
browser, where it is not on the path. `tests/page.rs` sets them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)
from redis import Redis
from system import System

# A client waits longer with each attempt that fails, up to 30 s.
PATIENCE_S = 45.0
# A browser says so itself where a socket does not open or an answer is 401; no page can help it.
REFUSED_SOCKET = "WebSocket connection to"
REFUSED = "Failed to load resource: the server responded with a status of 401"

expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests."""
    running = System(tmp_path_factory.mktemp("system"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def redis(system: System) -> Iterator[Redis | None]:
    """The system's Redis, where everything can be looked up, in a project that has one."""
    if not system.has("redis"):
        yield None
        return
    with Redis(port=system.first("redis")["port"], decode_responses=True) as client:
        yield client


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's own browser."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert path, "there is no Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # As root, which CI often is, Chromium's sandbox does not start.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        yield playwright.chromium.launch(executable_path=path, args=arguments)


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, system: System) -> Iterator[Visit]:
    """Opens the page for a visitor of its own, who complains of whatever goes wrong in it.

    `tolerate`: how what the browser may say in this test begins. `url`: of another system's page.
    """
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def one(*, tolerate: tuple[str, ...] = (), url: str = "", **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", **options}
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_S * 1000)

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not message.text.startswith(tolerate):
                complaints.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url or system.first("gateway")["url"])
        if not url and has(page, "#state"):
            page.wait_for_selector("#state[data-state=open]")
        return page

    yield one
    for context in contexts:
        context.close()
    assert complaints == []


def has(page: Page, selector: str) -> bool:
    return page.locator(selector).count() > 0


def until(check: Callable[[], Any], what: str) -> Any:
    """The first answer of `check` that is not nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := check()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return answer


def event_ids(page: Page, selector: str) -> list[str]:
    """The ids of the events that an element shows, in its order."""
    return page.locator(f"{selector} [data-event]").evaluate_all(
        "found => found.map((element) => element.dataset.event)"
    )
