"""Drawing a digit and watching its job; with realtime by its events, without by asking."""

from __future__ import annotations

import pytest
from conftest import Visit, has
from playwright.sync_api import Page, expect
from strokes import DIGITS, draw, verdict


def test_recognises_what_is_drawn(visit: Visit) -> None:
    page = visit()
    for digit in DIGITS:
        draw(page, digit)
        page.click("#predict")
        assert verdict(page) == str(digit)
        assert page.locator("#bars .most .digit").inner_text() == str(digit)
        shown = page.locator("#bars .value").all_inner_texts()
        assert len(shown) == 10
        assert sum(float(text.rstrip("%")) for text in shown) == pytest.approx(100, abs=1)


def test_shows_each_step_of_the_job(visit: Visit) -> None:
    page = visit()
    draw(page, 3)
    page.click("#predict")
    verdict(page)
    steps = page.locator("#steps .status").all_inner_texts()
    assert steps == ["queued", "running", "succeeded"]
    moments = page.locator("#steps time").evaluate_all(
        "found => found.map((time) => Date.parse(time.dateTime))"
    )
    assert moments == sorted(moments)
    assert len(page.inner_text("#job")) == 26


def test_a_second_prediction_takes_the_place_of_the_first(visit: Visit) -> None:
    page = visit()
    draw(page, 3)
    page.click("#predict")
    draw(page, 0)
    page.click("#predict")
    expect(page.locator("#verdict strong")).to_have_text("0")
    expect(page.locator("#steps li")).to_have_count(3)


def test_asks_for_a_drawing_where_there_is_none(visit: Visit) -> None:
    page = visit()
    page.click("#predict")
    expect(page.locator("#verdict")).to_have_text("Draw a digit first")
    draw(page, 3)
    page.click("#clear")
    page.click("#predict")
    expect(page.locator("#verdict")).to_have_text("Draw a digit first")


def test_a_finger_draws(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    for stroke in DIGITS[0]:
        for number, (x, y) in enumerate(stroke):
            place = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
            kind = "touchMove" if number else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [place]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.locator("#predict").tap()
    assert verdict(page) == "0"


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the element has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_the_keyboard_alone_suffices(visit: Visit) -> None:
    page = visit()
    tab_to(page, "#canvas")
    # The cursor begins in the fourth row and column; a nought, cell by cell.
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator("#canvas-said")).to_have_text("Row 2, column 5: ink")
    page.keyboard.press("Space")
    expect(page.locator("#canvas-said")).to_have_text("Row 2, column 5: paper")
    page.keyboard.press("ArrowUp")
    for way, cells in (("Left", 2), ("Down", 7), ("Right", 3), ("Up", 7), ("Left", 2)):
        for _ in range(cells):
            page.keyboard.press(f"Shift+Arrow{way}")
    page.keyboard.press("Enter")
    assert verdict(page) == "0"
    tab_to(page, "#clear")
    page.keyboard.press("Enter")
    assert not has(page, "#verdict strong")
