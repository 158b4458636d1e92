"""Who signs in on the page draws and chats as that person, until she signs out anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest
from conftest import REFUSED, REFUSED_SOCKET, System, Visit
from playwright.sync_api import Page, expect
from strokes import draw, verdict
from test_channel import say
from test_page import violations


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a system that lets nobody in unknown."""
    folder = tmp_path_factory.mktemp("closed")
    keys = folder / "keys"
    keys.write_text(f"ci:{sha256(b'secret').hexdigest()}\n", encoding="utf-8")
    system = System(folder, API_KEYS_FILE=str(keys))
    yield system.first("gateway")["url"]
    system.stop()


def sign_in(page: Page, login: str) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.locator(f"button[value={login}]").click()


@pytest.fixture
def alice(visit: Visit, closed: str) -> Page:
    page = visit(url=closed, tolerate=(REFUSED, REFUSED_SOCKET))
    sign_in(page, "alice")
    expect(page.locator("#person")).to_contain_text("Alice")
    expect(page.locator("#state")).to_have_text("Connected")
    return page


def test_who_signs_in_draws_and_chats_as_herself(alice: Page) -> None:
    draw(alice, 3)
    alice.click("#predict")
    assert verdict(alice) == "3"
    assert alice.locator("#steps .status").all_inner_texts() == ["queued", "running", "succeeded"]
    say(alice, "Alice", "It is me")
    expect(alice.locator("#presence")).to_have_attribute("title", "user:alice")
    expect(alice.locator("#key-form")).to_be_hidden()


def test_who_signs_out_in_another_tab_is_cut_off_in_this_one(alice: Page) -> None:
    other = alice.context.new_page()
    other.goto(alice.url)
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("button", name="Sign out")).to_be_visible()
    expect(alice.locator("#state")).not_to_have_text("Connected")
    alice.reload()
    expect(alice.get_by_role("link", name="Sign in")).to_be_visible()


def test_axe_finds_nothing_on_the_way_in_and_out(visit: Visit, closed: str) -> None:
    page = visit(url=closed, tolerate=(REFUSED, REFUSED_SOCKET))
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    found = violations(page)
    page.get_by_role("link", name="Sign in").click()
    expect(page.locator("button[value=alice]")).to_be_visible()
    found += violations(page)
    page.locator("button[value=alice]").click()
    expect(page.locator("#person")).to_contain_text("Alice")
    assert found + violations(page) == []
