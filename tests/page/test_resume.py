"""The real-time service dies; the page comes back, and nothing is missing or shown twice."""

from __future__ import annotations

import json
import os
import signal

from conftest import REFUSED_SOCKET, System, Visit, event_ids, until
from playwright.sync_api import expect
from redis import Redis
from strokes import draw, verdict
from test_channel import say

AWAY = [f"said while it was away: {number}" for number in range(5)]


def ids_in(redis: Redis, key: str) -> list[str]:
    return [entry for entry, _ in redis.xrange(key)]


def test_resumes_without_a_gap(visit: Visit, system: System, redis: Redis) -> None:
    ann, bob = visit(tolerate=(REFUSED_SOCKET,)), visit(tolerate=(REFUSED_SOCKET,))
    say(ann, "Ann", "before")
    expect(bob.locator("#messages li").last).to_contain_text("before")
    draw(ann, 3)

    # `make dev` would start it again at once.
    system.runner.send_signal(signal.SIGSTOP)
    os.kill(system.first("realtime")["pid"], signal.SIGKILL)
    for page in (ann, bob):
        expect(page.locator("#state")).to_have_text("Reconnecting")
    # What others would have said through another replica.
    for text in AWAY:
        data = json.dumps({"from": "Cid", "text": text})
        redis.xadd("channel:lobby", {"type": "message", "data": data})
    ann.fill("#text", "said to nobody")
    ann.click("#say button")
    expect(ann.locator("#say-problem")).to_contain_text("Not connected")
    ann.click("#predict")
    until(lambda: ann.inner_text("#job"), "the job's id: the gateway takes it all the same")
    assert AWAY[0] not in ann.inner_text("#messages")
    assert event_ids(ann, "#steps") == []

    system.runner.send_signal(signal.SIGCONT)

    for page in (ann, bob):
        expect(page.locator("#state")).to_have_text("Connected")
        expect(page.locator("#messages li").last).to_contain_text(AWAY[-1])
        expect(page.locator("#reconnects")).to_have_text("1")
    expect(ann.locator("#say-problem")).to_be_empty()
    assert verdict(ann) == "3"
    say(bob, "Bob", "after")
    expect(ann.locator("#messages li").last).to_contain_text("after")

    stored = ids_in(redis, "channel:lobby")
    for page in (ann, bob):
        assert event_ids(page, "#messages") == stored
    assert event_ids(ann, "#steps") == ids_in(redis, f"job:{ann.inner_text('#job')}:events")
    wired = event_ids(ann, "#events")
    assert len(wired) == len(set(wired)), "an event came twice"
    marks = ann.locator("#events .mark").all_text_contents()
    assert marks == ["connected again", "connection lost"]
