"""Digits as people draw them: strokes, each a list of places from (0, 0) to (1, 1)."""

from __future__ import annotations

from math import cos, radians, sin

from playwright.sync_api import Page

Stroke = list[tuple[float, float]]
STEPS_OF_ARC = 40


def arc(x: float, y: float, across: float, down: float, start: float, end: float) -> Stroke:
    """A part of an ellipse around (x, y), from one angle to another in degrees."""
    turns = [
        radians(start + (end - start) * step / STEPS_OF_ARC) for step in range(STEPS_OF_ARC + 1)
    ]
    return [(x + across * cos(turn), y + down * sin(turn)) for turn in turns]


DIGITS: dict[int, list[Stroke]] = {
    0: [arc(0.5, 0.5, 0.2, 0.38, -90, 270)],
    1: [[(0.38, 0.28), (0.52, 0.12), (0.52, 0.88)]],
    2: [[*arc(0.5, 0.31, 0.2, 0.19, -170, 40), (0.3, 0.86), (0.72, 0.86)]],
    3: [[*arc(0.48, 0.3, 0.2, 0.18, -150, 80), *arc(0.48, 0.68, 0.22, 0.2, -80, 150)]],
    4: [[(0.55, 0.12), (0.25, 0.6), (0.75, 0.6)], [(0.6, 0.35), (0.6, 0.9)]],
    5: [[(0.7, 0.14), (0.35, 0.14), (0.32, 0.45), *arc(0.48, 0.65, 0.22, 0.21, -100, 140)]],
    6: [[*arc(0.62, 0.5, 0.3, 0.38, -95, -180), *arc(0.5, 0.68, 0.18, 0.2, 180, -180)]],
    7: [[(0.25, 0.15), (0.75, 0.15), (0.45, 0.88)]],
    8: [[*arc(0.5, 0.3, 0.16, 0.17, 90, 450), *arc(0.5, 0.68, 0.19, 0.2, -90, 270)]],
    9: [[*arc(0.5, 0.32, 0.17, 0.19, 0, 360), (0.66, 0.4), (0.6, 0.88)]],
}


def draw(page: Page, digit: int) -> None:
    """Draws with the mouse, on a canvas made empty."""
    page.click("#clear")
    canvas = page.locator("#canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    for stroke in DIGITS[digit]:
        for number, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if number == 0:
                page.mouse.down()
        page.mouse.up()


def verdict(page: Page) -> str:
    """The digit that the page says it is, once it does."""
    return page.locator("#verdict strong").inner_text()
