"""A channel to chat in, seen by several browsers."""

from __future__ import annotations

from conftest import Visit
from playwright.sync_api import Page, expect


def say(page: Page, name: str, text: str) -> None:
    page.fill("#name", name)
    page.fill("#text", text)
    page.click("#say button")
    expect(page.locator("#text")).to_have_value("")


def test_two_browsers_talk_and_see_each_other(visit: Visit) -> None:
    ann = visit()
    expect(ann.locator("#presence")).to_have_text("1 here")
    bob = visit()
    for page in (ann, bob):
        expect(page.locator("#presence")).to_have_text("2 here")
    say(ann, "Ann", "Is it any good with sevens?")
    say(bob, "Bob", "Draw one.")
    for page in (ann, bob):
        expect(page.locator("#messages li").last).to_contain_text("Draw one.")
        assert page.locator("#messages .from").all_inner_texts()[-2:] == ["Ann", "Bob"]
    bob.context.close()
    expect(ann.locator("#presence")).to_have_text("1 here")


def test_who_comes_later_reads_what_was_said(visit: Visit) -> None:
    say(visit(), "Ann", "Said before you came")
    expect(visit().locator("#messages li").last).to_contain_text("Said before you came")


def test_text_stays_text(visit: Visit) -> None:
    page = visit()
    text = "<img src=x onerror=alert(1)> & <b>bold</b>"
    say(page, "<i>Eve</i>", text)
    last = page.locator("#messages li").last
    expect(last.locator("p")).to_have_text(text)
    expect(last.locator(".from")).to_have_text("<i>Eve</i>")


def test_the_keyboard_alone_suffices(visit: Visit) -> None:
    page = visit()
    page.locator("#name").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("Kim")
    page.keyboard.press("Tab")
    page.keyboard.type("No mouse here")
    page.keyboard.press("Enter")
    last = page.locator("#messages li").last
    expect(last.locator("p")).to_have_text("No mouse here")
    expect(last.locator(".from")).to_have_text("Kim")
    expect(page.locator("#text")).to_be_focused()


def test_shows_what_comes_over_the_wire(visit: Visit) -> None:
    page = visit()
    say(page, "Ann", "One more")
    newest = page.locator("#events tr").first
    expect(newest).to_contain_text("channels/lobby")
    shown = page.locator("#messages li").last.get_attribute("data-event")
    expect(page.locator(f"#events tr[data-event='{shown}']")).to_have_count(1)
