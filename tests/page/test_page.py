"""What holds for the page as a whole."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Visit, has
from PIL import Image
from playwright.sync_api import Page, expect
from redis import Redis
from strokes import draw, verdict
from test_channel import say

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
SCREENSHOTS = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
SMALL_BYTES = 100_000


def fill(page: Page) -> None:
    """Uses all that there is, so that there is something to look at."""
    if has(page, "#wire") and not page.locator("#events").is_visible():
        page.click("#wire summary")
    if has(page, "#say"):
        say(page, "Bob", "Nought, three, seven: all of them.")
    if has(page, "#hello"):
        page.fill("#who", "Ann")
        page.click("#hello button")
        expect(page.locator("#greeting")).to_have_text("Hello, Ann!")
        page.locator("#hello button").blur()
    if has(page, "#canvas"):
        draw(page, 3)
        page.click("#predict")
        assert verdict(page) == "3"
        page.locator("#predict").blur()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_is_accessible(visit: Visit, redis: Redis | None, size: str, scheme: str) -> None:
    if redis is not None:
        redis.delete("channel:lobby")
    width, height = SIZES[size]
    page = visit(viewport={"width": width, "height": height}, color_scheme=scheme)
    before = violations(page)
    if has(page, "#say"):
        other = visit()
        say(other, "Ann", "Is it any good with threes?")
        say(page, "Bob", "Draw one, and look at what the model sees.")
        expect(page.locator("#presence")).to_have_text("2 here")
    fill(page)
    page.locator("#bars .most .fill, #messages, #greeting").first.evaluate(
        "element => Promise.all(document.getAnimations().map(({ finished }) => finished))"
    )
    assert before + violations(page) == []
    if "UPDATE" in os.environ and has(page, "#canvas") and has(page, "#say"):
        page.click("#wire summary")
        page.evaluate("scrollTo(0, 0)")
        page.mouse.move(0, 0)
        save(page, SCREENSHOTS / f"{size}-{scheme}.png")


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA and its own best practices."""
    page.evaluate(Path(os.environ["AXE"]).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{rule['id']}: {node['html']}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def save(page: Page, path: Path) -> None:
    """Writes a screenshot of the whole page, in few colours: they are flat."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    path.parent.mkdir(exist_ok=True)
    # Many colours are rare, and the paper must keep its own: cover all, then move to the common.
    few = image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def test_the_screenshots_are_there_and_small() -> None:
    for name in (f"{size}-{scheme}.png" for size in SIZES for scheme in SCHEMES):
        assert 0 < (SCREENSHOTS / name).stat().st_size < SMALL_BYTES, name


def test_needs_no_scrolling_sideways(visit: Visit) -> None:
    page = visit()
    fill(page)
    for width in (320, 390, 768, 1024, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_speaks_only_to_where_it_came_from(visit: Visit) -> None:
    page = visit()
    here = page.url.rstrip("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    fill(page)
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(f"{here}/")] == []


def test_says_how_to_go_on_where_it_cannot(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_role("link", name="API reference")).to_have_attribute("href", "/docs")
    expect(page.locator("#key-form")).to_be_hidden()
