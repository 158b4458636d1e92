"""What realtime tells about jobs, through the gateway's port."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from conftest import ROOT, System
from realtime import Client, restarted, status, stream

STORY = ["queued", "running", "succeeded"]
EVENT = json.loads((ROOT / "contracts/job-event.schema.json").read_text(encoding="utf-8"))
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
KEYS = {"alice": "key-of-alice", "bob": "key-of-bob"}


@pytest.fixture(scope="module")
def url(system: System) -> str:
    found: str = system.first("gateway")["url"]
    return found


def post(url: str, headers: dict[str, str] | None = None, rows: int = 1) -> str:
    """Posts a job of so many empty images; its id."""
    image = {"name": "image", "shape": [rows, 64], "datatype": "FP32", "data": [0] * rows * 64}
    body = {"model": "digits", "input": {"inputs": [image]}}
    answer = httpx2.post(f"{url}/v1/predictions", json=body, headers=headers, timeout=20)
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["id"]
    return job


@contextmanager
def frozen_worker(system: System) -> Iterator[Callable[[], None]]:
    """Nobody takes a job until the function that is given is called, or the end."""
    pid = system.first("worker")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield lambda: os.kill(pid, signal.SIGCONT)
    finally:
        os.kill(pid, signal.SIGCONT)


def types(events: list[dict[str, Any]]) -> list[str]:
    """Of events of a socket (`type`) or of a stream (`event`)."""
    return [event.get("type") or event["event"] for event in events]


def story(client: Client, topic: str) -> list[dict[str, Any]]:
    """All that the socket is told of a job that ends, and what may come after that."""
    while not client.told(topic) or client.told(topic)[-1]["type"] != "succeeded":
        client.receive()
    # Two round trips: what would come twice had time to come.
    client.ask("unsubscribe", topic)
    client.ask("unsubscribe", topic)
    told = client.told(topic)
    for event in told:
        assert set(EVENT["required"]) <= event["data"].keys() <= EVENT["properties"].keys()
        assert event["data"]["status"] in EVENT["properties"]["status"]["enum"]
    return told


def test_a_socket_is_told_of_a_job_as_it_happens(system: System, url: str) -> None:
    with frozen_worker(system) as resume, Client(url) as client:
        job = post(url)
        topic = f"jobs/{job}"
        client.subscribe(topic)
        queued = client.receives(topic, 1)[0]
        assert (queued["type"], queued["data"]["status"]) == ("queued", "queued")
        assert queued["data"]["id"] == job
        resume()
        events = story(client, topic)
        assert types(events) == STORY
        assert len({event["id"] for event in events}) == 3
        done = httpx2.get(f"{url}/v1/predictions/{job}").json()
        assert events[-1]["data"]["status"] == done["status"] == "succeeded"
        assert events[-1]["data"]["output"] == done["output"]


def test_a_socket_that_comes_after_the_end_is_told_all(url: str) -> None:
    job = post(url)
    with stream(url, f"/v1/predictions/{job}/events") as events:
        streamed = events.rest()
    with Client(url) as client:
        client.subscribe(f"jobs/{job}")
        told = story(client, f"jobs/{job}")
        assert types(told) == STORY
        assert [event["id"] for event in told] == [event["id"] for event in streamed]
        # After its end there is nothing to come, and nothing to miss.
        again = client.subscribe(f"jobs/{job}", after=told[-1]["id"])
        assert again["after"] == told[-1]["id"]
        client.ask("unsubscribe", f"jobs/{job}")
        assert client.told(f"jobs/{job}") == told


def test_two_clients_are_told_the_same(system: System, url: str) -> None:
    with frozen_worker(system) as resume, Client(url) as one, Client(url) as other:
        topic = f"jobs/{post(url)}"
        one.subscribe(topic)
        one.receives(topic, 1)
        resume()
        other.subscribe(topic)
        assert story(one, topic) == story(other, topic)
        assert types(one.told(topic)) == STORY


def test_a_socket_resumes_a_job_after_the_last_event(system: System, url: str) -> None:
    with frozen_worker(system) as resume:
        topic = f"jobs/{post(url)}"
        with Client(url) as client:
            client.subscribe(topic)
            queued = client.receives(topic, 1)[0]
        with Client(url) as client:
            client.subscribe(topic, after=queued["id"])
            resume()
            assert types(story(client, topic)) == STORY[1:]


def test_a_stream_tells_a_job_and_ends(system: System, url: str) -> None:
    with frozen_worker(system) as resume:
        job = post(url)
        with stream(url, f"/v1/predictions/{job}/events") as events:
            assert events.answer.headers["content-type"] == "text/event-stream"
            assert events.block() == {"retry": "2000"}
            queued = events.event()
            assert (queued["event"], queued["data"]["id"]) == ("queued", job)
            resume()
            rest = events.rest()
            assert types([queued, *rest]) == STORY
    path = f"/v1/predictions/{job}/events"
    with stream(url, path, last_event_id=queued["id"]) as events:
        assert events.rest() == rest
    # An EventSource that has seen the end is told to stay away; without an id it is told all.
    assert status(url, path, last_event_id=rest[-1]["id"]) == 204
    with stream(url, path) as events:
        assert events.rest() == [queued, *rest]


def test_the_progress_of_a_job_of_many_rows_is_told(url: str) -> None:
    with stream(url, f"/v1/predictions/{post(url, rows=200)}/events") as events:
        told = events.rest()
    assert types(told)[:2] == ["queued", "running"]
    assert types(told)[-1] == "succeeded"
    progress = [event["data"]["progress"] for event in told if event["event"] == "progress"]
    assert progress
    assert progress == sorted(set(progress))
    assert all(0 < part <= 1 for part in progress)


def test_a_canceled_job_ends_its_stream(system: System, url: str) -> None:
    with frozen_worker(system):
        job = post(url)
        with stream(url, f"/v1/predictions/{job}/events") as events:
            assert events.event()["event"] == "queued"
            assert httpx2.delete(f"{url}/v1/predictions/{job}").status_code == 200
            assert types(events.rest()) == ["canceled"]


@pytest.mark.parametrize("group", ["gateway", "realtime"])
def test_an_unknown_job_is_not_found(system: System, group: str) -> None:
    url = system.first(group)["url"]
    assert status(url, f"/v1/predictions/{UNKNOWN}/events") == 404
    assert status(url, "/v1/predictions/no-id-at-all/events") == 404
    with Client(url) as client:
        answer = client.ask("subscribe", f"jobs/{UNKNOWN}")
        assert (answer["op"], answer["code"]) == ("error", "not-found")


def test_nobody_publishes_to_a_job(url: str) -> None:
    with Client(url) as client:
        answer = client.ask("publish", f"jobs/{post(url)}", data={"status": "succeeded"})
        assert (answer["op"], answer["code"]) == ("error", "read-only")


def test_a_job_that_ends_while_realtime_is_away_is_told_whole(system: System, url: str) -> None:
    pid = system.first("realtime")["pid"]
    with frozen_worker(system) as resume:
        job = post(url)
        topic = f"jobs/{job}"
        with Client(url) as client:
            client.subscribe(topic)
            queued = client.receives(topic, 1)
            os.kill(pid, signal.SIGKILL)
            assert client.closed() is None
        resume()
        waited = {"prefer": "wait=20"}
        done = httpx2.get(f"{url}/v1/predictions/{job}", headers=waited, timeout=30)
        assert done.json()["status"] == "succeeded"
    restarted(system, "realtime", pid)
    with Client(url) as client:
        client.subscribe(topic, after=queued[-1]["id"])
        assert types(queued + story(client, topic)) == STORY


def test_a_foreign_job_does_not_exist(
    start: Callable[..., System], tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    text = "".join(f"{name}:{value}\n" for name, value in hashes.items())
    keys.write_text(text, encoding="utf-8")
    system = start(API_KEYS_FILE=str(keys))
    system.wait_ready()
    url = system.first("gateway")["url"]
    mine, theirs = ({"authorization": f"Bearer {key}"} for key in KEYS.values())
    job = post(url, mine)
    with stream(url, f"/v1/predictions/{job}/events", **mine) as events:
        assert types(events.rest()) == STORY
    assert status(url, f"/v1/predictions/{job}/events", **theirs) == 404
    with Client(url, headers=theirs) as client:
        answer = client.ask("subscribe", f"jobs/{job}")
        assert (answer["op"], answer["code"]) == ("error", "not-found")
    with Client(url, headers=mine) as client:
        client.subscribe(f"jobs/{job}")
        assert types(story(client, f"jobs/{job}")) == STORY
    system.stop()
