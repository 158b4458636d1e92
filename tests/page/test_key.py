"""A system that wants API keys: the page asks for one, and then works."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from conftest import REFUSED, REFUSED_SOCKET, System, Visit, has
from playwright.sync_api import expect
from strokes import draw, verdict
from test_channel import say


def test_asks_for_a_key_where_one_is_wanted(visit: Visit, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"shop:{sha256(b'secret').hexdigest()}\n", encoding="utf-8")
    system = System(tmp_path, API_KEYS_FILE=str(keys))
    try:
        page = visit(url=system.first("gateway")["url"], tolerate=(REFUSED, REFUSED_SOCKET))
        if has(page, "#canvas"):
            draw(page, 3)
            page.click("#predict")
        expect(page.locator("#key")).to_be_focused()
        page.keyboard.type("secret")
        with page.expect_event("load"):
            page.keyboard.press("Enter")
        expect(page.locator("#key-form")).to_be_hidden()
        if has(page, "#hello"):
            expect(page.locator("#greeting")).to_have_text("Hello, world!")
        if has(page, "#say"):
            expect(page.locator("#state")).to_have_text("Connected")
            say(page, "Ann", "Let in")
            expect(page.locator("#presence")).to_have_attribute("title", "shop")
        if has(page, "#canvas"):
            draw(page, 3)
            page.click("#predict")
            assert verdict(page) == "3"
    finally:
        system.stop()
