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


PHONE = {"width": 390, "height": 844}


def test_the_connection_is_told_of_wherever_one_has_scrolled_to(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    page.click("#wire summary")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate("scrollY") > 0
    expect(page.locator("#state")).to_be_in_viewport(ratio=1)


def test_ids_of_events_are_whole_on_a_phone(visit: Visit) -> None:
    page = visit(viewport=PHONE)
    say(page, "Ann", "One more")
    page.click("#wire summary")
    expect(page.locator("#events tr[data-event] td:last-child code").first).to_be_visible()
    clipped = page.locator(".scroll").evaluate("box => box.scrollWidth - box.clientWidth")
    assert clipped == 0


def test_events_are_shown_to_who_wants_to_see_them(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#events")).to_be_hidden()
    page.locator("#wire summary").press("Enter")
    expect(page.locator("#events")).to_be_visible()
    say(page, "Ann", "One more")
    newest = page.locator("#events tr").first
    expect(newest).to_contain_text("channels/lobby")
    shown = page.locator("#messages li").last.get_attribute("data-event")
    expect(page.locator(f"#events tr[data-event='{shown}']")).to_have_count(1)
