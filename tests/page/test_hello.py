"""The page of a project without choices: it says what to open, and calls the example of a route."""

from __future__ import annotations

from conftest import Visit
from playwright.sync_api import expect
from system import PROJECT

FAILED = "Failed to load resource: "


def test_names_the_files_to_open_and_they_are_there(visit: Visit) -> None:
    page = visit()
    named = page.locator("main code").all_inner_texts()
    assert len(named) == 2
    for name in named:
        assert (PROJECT / name).exists() or (PROJECT / "services/gateway" / name).exists(), name


def test_says_hello_at_once_and_then_to_whoever_asks(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#greeting")).to_have_text("Hello, world!")
    page.keyboard.press("Tab")
    page.keyboard.type("<b>Ann</b> & co")
    page.keyboard.press("Enter")
    expect(page.locator("#greeting")).to_have_text("Hello, <b>Ann</b> & co!")


def test_says_what_is_wrong_and_forgets_it_when_all_is_well(visit: Visit) -> None:
    page = visit(tolerate=(FAILED,))
    expect(page.locator("#greeting")).to_have_text("Hello, world!")
    page.fill("#who", "Ann")
    page.context.set_offline(True)
    page.keyboard.press("Enter")
    expect(page.locator("#hello-problem")).to_have_text("The gateway does not answer.")
    expect(page.locator("#greeting")).to_be_empty()
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    expect(page.locator("#greeting")).to_have_text("Hello, Ann!")
    expect(page.locator("#hello-problem")).to_be_empty()
