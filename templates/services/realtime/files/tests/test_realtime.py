"""What realtime promises to clients, through the gateway's port."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from conftest import System
from realtime import Client, ask_redis, metric, restarted, status, stream, until
from websockets.exceptions import InvalidStatus

KEYS = {"alice": "key-of-alice", "bob": "key-of-bob"}


@pytest.fixture(scope="module")
def url(system: System) -> str:
    found: str = system.first("gateway")["url"]
    return found


@pytest.fixture(scope="module")
def hurried(start: Callable[..., System]) -> Iterator[System]:
    """A system with short times, small histories and no patience."""
    system = start(
        CHANNEL_MAXLEN="100",
        POLL_S="0.2",
        PRESENCE_TTL_S="1",
        PUBLISH_MAX_BYTES="60000",
        PUBLISH_PER_SECOND="10000",
        SSE_COMMENT_S="0.1",
        WS_BUFFER_MAX_BYTES="262144",
    )
    system.wait_ready()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def hurried_url(hurried: System) -> str:
    found: str = hurried.first("gateway")["url"]
    return found


@pytest.fixture(scope="module")
def guarded(
    start: Callable[..., System], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system with API keys and a list of origins, that pings often."""
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    write_keys(keys)
    system = start(
        API_KEYS_FILE=str(keys), ALLOWED_ORIGINS="https://app.example.com", WS_PING_S="0.2"
    )
    system.wait_ready()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def guarded_url(guarded: System) -> str:
    found: str = guarded.first("gateway")["url"]
    return found


def write_keys(path: Path) -> None:
    lines = [f"{name}:{hashlib.sha256(key.encode()).hexdigest()}" for name, key in KEYS.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("group", ["gateway", "realtime"])
def test_what_is_published_is_told_with_an_id(system: System, group: str) -> None:
    topic = f"channels/told-by-{group}"
    with Client(system.first(group)["url"]) as client:
        answer = client.ask("subscribe", topic)
        assert (answer["op"], answer["topic"]) == ("subscribed", topic)
        sent = [client.publish(topic, data) for data in ({"n": 1}, [2], "three", None)]
        events = client.receives(topic, 4)
        assert [event["id"] for event in events] == sent
        assert [event["data"] for event in events] == [{"n": 1}, [2], "three", None]
        assert events[0] == {
            "op": "event",
            "topic": topic,
            "id": sent[0],
            "type": "message",
            "data": {"n": 1},
        }


def test_who_has_unsubscribed_is_told_nothing(url: str) -> None:
    topic = "channels/unsubscribed"
    with Client(url) as client, Client(url) as other:
        client.subscribe(topic)
        other.subscribe(topic)
        client.publish(topic, 1)
        client.receives(topic, 1)
        assert client.ask("unsubscribe", topic)["op"] == "unsubscribed"
        client.publish(topic, 2)
        other.receives(topic, 2)
        # What comes now would have come after a second event.
        client.subscribe("channels/unsubscribed-end")
        client.publish("channels/unsubscribed-end", 3)
        client.receives("channels/unsubscribed-end", 1)
        assert [event["data"] for event in client.told(topic)] == [1]


def test_answers_carry_the_ref_of_their_request(url: str) -> None:
    with Client(url) as client:
        refs = [client.request("subscribe", f"channels/ref-{n}") for n in range(5)]
        refs += [client.request("publish", "channels/ref-0", data=1)]
        refs += [client.request("publish", "nowhere/at-all", data=1)]
        refs += [client.request("unsubscribe", "channels/ref-0")]
        client.send('{"op":"subscribe","topic":"channels/ref-text","ref":"text"}')
        while client.receive().get("ref") != "text":
            pass
        answers = [message for message in client.messages if message["op"] != "event"]
        assert [answer["ref"] for answer in answers] == [*refs, "text"]
        ops = ["subscribed"] * 5 + ["published", "error", "unsubscribed", "subscribed"]
        assert [answer["op"] for answer in answers] == ops


def test_resuming_misses_nothing_and_doubles_nothing(url: str) -> None:
    topic = "channels/resumed"
    with Client(url) as writer:
        with Client(url) as client:
            client.subscribe(topic)
            sent = [writer.publish(topic, n) for n in range(3)]
            last = client.receives(topic, 3)[-1]["id"]
        sent += [writer.publish(topic, n) for n in range(3, 6)]
        with Client(url) as client:
            client.subscribe(topic, after=last)
            sent += [writer.publish(topic, n) for n in range(6, 9)]
            events = client.receives(topic, 6)
            assert [event["id"] for event in events] == sent[3:]
            assert [event["data"] for event in events] == [3, 4, 5, 6, 7, 8]
        with Client(url) as client:
            client.subscribe(topic, after="0")
            assert [event["id"] for event in client.receives(topic, 9)] == sent


def test_a_socket_that_joins_in_the_middle_is_told_everything_once(hurried_url: str) -> None:
    topic = "channels/middle"
    with Client(hurried_url) as writer, Client(hurried_url) as reader:
        refs = [writer.request("publish", topic, data=n) for n in range(90)]
        reader.subscribe(topic, after="0")
        sent = [writer.answer(ref)["id"] for ref in refs]
        assert [event["id"] for event in reader.receives(topic, 90)] == sent


def test_a_gap_is_told_where_the_named_event_is_gone(hurried_url: str) -> None:
    topic = "channels/trimmed"
    with Client(hurried_url) as client:
        first = client.publish(topic, "first")
        refs = [client.request("publish", topic, data=n) for n in range(400)]
        newest = client.answer(refs[-1])["id"]
        client.subscribe(topic, after=first)
        gap = client.receives(topic, 1)[0]
        assert (gap["type"], gap["id"], gap["data"]) == ("gap", None, {"after": first})
        while client.told(topic)[-1]["id"] != newest:
            client.receive()
        kept = [event["data"] for event in client.told(topic)[1:]]
        # What is kept is told without a hole, up to the end.
        assert kept == list(range(400 - len(kept), 400))
        assert 100 <= len(kept) < 400
        # The last one is still there: no gap follows it.
        with Client(hurried_url) as other:
            other.subscribe(topic, after=newest)
            other.publish(topic, "last")
            assert [event["data"] for event in other.receives(topic, 1)] == ["last"]


def test_subscribers_see_who_is_present(url: str) -> None:
    topic = "channels/present"
    with Client(url) as first:
        mine = first.subscribe(topic)["member"]
        assert first.present(topic, 1) == [{"id": mine, "caller": None}]
        with Client(url) as second:
            theirs = second.subscribe(topic)["member"]
            members = first.present(topic, 2)
            assert {member["id"] for member in members} == {mine, theirs}
            assert len(second.present(topic, 2)) == 2
        assert first.present(topic, 1) == [{"id": mine, "caller": None}]


def test_bad_messages_are_answered_and_the_socket_stays(url: str) -> None:
    bad: list[tuple[str | bytes, str]] = [
        ("not json", "invalid-message"),
        (b"\x00binary", "invalid-message"),
        ("[]", "invalid-message"),
        ('{"op":"shout","topic":"channels/a"}', "invalid-message"),
        ('{"op":"subscribe"}', "invalid-message"),
        ('{"op":"subscribe","topic":"channels/a","after":"yesterday"}', "invalid-message"),
        ('{"op":"publish","topic":"channels/a"}', "invalid-message"),
        ('{"op":"subscribe","topic":"nowhere/a"}', "unknown-topic"),
        ('{"op":"subscribe","topic":"channels/ not a name"}', "unknown-topic"),
        (
            json.dumps({"op": "publish", "topic": "channels/a", "data": "x" * 20_000}),
            "too-large",
        ),
    ]
    with Client(url) as client:
        for text, code in bad:
            client.send(text)
            answer = client.receive()
            assert (answer["op"], answer["code"]) == ("error", code), text
            assert answer["title"]
            assert answer["detail"]
        client.subscribe("channels/after-bad")
        client.publish("channels/after-bad", 1)
        client.receives("channels/after-bad", 1)


def test_publishing_is_limited_per_socket(url: str) -> None:
    topic = "channels/limited"
    with Client(url) as client, Client(url) as other:
        refs = [client.request("publish", topic, data=n) for n in range(60)]
        answers = [client.answer(ref) for ref in refs]
        refused = [answer for answer in answers if answer["op"] == "error"]
        assert {answer["code"] for answer in refused} == {"rate-limited"}
        assert [answer["op"] for answer in answers[:20]] == ["published"] * 20
        other.publish(topic, "another socket")
        until(
            lambda: client.ask("publish", topic, data="later")["op"] == "published",
            "the limit to be lifted",
        )


def test_a_message_too_large_closes_with_1009(url: str) -> None:
    with Client(url) as client:
        client.send(json.dumps({"op": "publish", "topic": "channels/a", "data": "x" * 70_000}))
        assert client.closed() == 1009


def test_a_socket_has_at_most_100_subscriptions(url: str) -> None:
    with Client(url) as client:
        refs = [client.request("subscribe", f"channels/many-{n}") for n in range(101)]
        answers = [client.answer(ref) for ref in refs]
        assert {answer["op"] for answer in answers[:100]} == {"subscribed"}
        assert (answers[100]["op"], answers[100]["code"]) == ("error", "too-many-subscriptions")
        # One that is there already takes no further place; one that is given up makes room.
        client.subscribe("channels/many-0")
        client.ask("unsubscribe", "channels/many-0")
        client.subscribe("channels/many-100")


def test_pages_of_other_hosts_may_not_connect(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Client(url, origin="https://elsewhere.example.com")
    assert refused.value.response.status_code == 403
    assert refused.value.response.headers["content-type"] == "application/problem+json"
    assert json.loads(refused.value.response.body or b"")["type"] == "/problems/origin-not-allowed"
    with Client(url, origin=url) as client:
        client.subscribe("channels/same-host")


def test_there_is_one_address_for_sockets(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Client(f"{url}/elsewhere")
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("group", ["gateway", "realtime"])
def test_a_stream_tells_events_with_their_ids(system: System, group: str) -> None:
    url, name = system.first(group)["url"], f"streamed-by-{group}"
    with (
        Client(url) as client,
        stream(url, f"/v1/channels/{name}/events") as events,
    ):
        assert events.answer.status_code == 200
        assert events.answer.headers["content-type"] == "text/event-stream"
        assert events.answer.headers["cache-control"] == "no-cache, no-transform"
        assert events.block() == {"retry": "2000"}
        sent = [client.publish(f"channels/{name}", {"n": n}) for n in range(3)]
        assert [events.event() for _ in sent] == [
            {"id": event_id, "event": "message", "data": {"n": n}}
            for n, event_id in enumerate(sent)
        ]


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_stream_resumes_after_the_last_event(url: str, how: str) -> None:
    name = f"stream-resumed-by-{how}"
    path = f"/v1/channels/{name}/events"
    with Client(url) as client:
        sent = [client.publish(f"channels/{name}", n) for n in range(5)]
        headers = {"last_event_id": sent[1]} if how == "header" else {}
        with stream(url, path if headers else f"{path}?after={sent[1]}", **headers) as events:
            sent.append(client.publish(f"channels/{name}", 5))
            assert [events.event()["id"] for _ in sent[2:]] == sent[2:]


def test_a_stream_tells_a_gap(hurried_url: str) -> None:
    with Client(hurried_url) as client:
        first = client.publish("channels/stream-gap", "first")
        refs = [client.request("publish", "channels/stream-gap", data=n) for n in range(300)]
        client.answer(refs[-1])
    path = "/v1/channels/stream-gap/events"
    with stream(hurried_url, path, last_event_id=first) as events:
        assert events.event() == {"event": "gap", "data": {"after": first}}
        assert events.event()["data"] > 0


def test_a_silent_stream_is_kept_by_comments(hurried_url: str) -> None:
    with stream(hurried_url, "/v1/channels/silent/events") as events:
        assert events.block() == {"retry": "2000"}
        assert [events.block() for _ in range(5)] == [{"": ""}] * 5


def test_a_stream_of_nothing_is_refused(url: str) -> None:
    assert status(url, "/v1/channels/not%20a%20name/events") == 404
    assert status(url, "/v1/channels/a/events", last_event_id="yesterday") == 422


def test_the_poll_finds_what_nobody_hinted_at(hurried: System, hurried_url: str) -> None:
    topic = "channels/unhinted"
    with Client(hurried_url) as client:
        client.subscribe(topic)
        client.publish(topic, "hinted")
        client.receives(topic, 1)
        ask_redis(hurried, "XADD channel:unhinted * type message data 1")
        assert [event["data"] for event in client.receives(topic, 2)] == ["hinted", 1]


def test_killed_hints_lose_no_event(hurried: System, hurried_url: str) -> None:
    topic = "channels/killed-hints"
    with Client(hurried_url) as reader, Client(hurried_url) as writer:
        reader.subscribe(topic)
        sent = []
        for n in range(60):
            if n % 20 == 10:
                killed = int(ask_redis(hurried, "CLIENT KILL TYPE pubsub").removeprefix(":"))
                # The later ones may find it still disconnected.
                assert killed == 1 or n > 10
            sent.append(writer.publish(topic, n))
        assert [event["id"] for event in reader.receives(topic, 60)] == sent


def test_a_socket_that_stops_reading_is_closed_with_1013(hurried: System, hurried_url: str) -> None:
    topic = "channels/flooded"
    with Client(hurried_url, reads=False) as slow, Client(hurried_url) as quick:
        slow.subscribe(topic)
        quick.subscribe(topic)
        sent: list[str] = []
        while metric(hurried, "realtime_slow_consumer_closes_total") == 0:
            assert len(sent) < 2_000, "never closed"
            for _ in range(20):
                sent.append(quick.publish(topic, "x" * 50_000))
                quick.receives(topic, len(sent))
        sent.append(quick.publish(topic, "last"))
        assert [event["id"] for event in quick.receives(topic, len(sent))] == sent
        assert slow.closed() == 1013
        told = [event["id"] for event in slow.told(topic)]
        assert told == sent[: len(told)]
        assert sent[-1] not in told


def test_a_kill_loses_and_doubles_nothing(hurried: System, hurried_url: str) -> None:
    topic = "channels/killed"
    pid = hurried.first("realtime")["pid"]
    with Client(hurried_url) as client, Client(hurried_url) as writer:
        begin = client.subscribe(topic)["after"]
        sent = [writer.publish(topic, n) for n in range(20)]
        seen = client.receives(topic, 10)
        under_way = [writer.request("publish", topic, data=n) for n in range(20, 40)]
        os.kill(pid, signal.SIGKILL)
        assert client.closed() is None
        assert writer.closed() is None
        seen = client.told(topic)
    known = [m["id"] for m in writer.messages if m.get("ref") in under_way]
    restarted(hurried, "realtime", pid)
    with Client(hurried_url) as client:
        client.subscribe(topic, after=seen[-1]["id"] if seen else begin)
        last = client.publish(topic, "last")
        while not client.told(topic) or client.told(topic)[-1]["id"] != last:
            client.receive()
        seen += client.told(topic)
    ids = [event["id"] for event in seen]
    with Client(hurried_url) as witness:
        witness.subscribe(topic, after="0")
        written = [event["id"] for event in witness.receives(topic, len(ids))]
    assert ids == written
    # Of those under way some were written, those that were confirmed for certain.
    assert ids[:20] == sent
    assert set(known) <= set(ids)
    assert all(event["type"] == "message" for event in seen)


def test_who_was_present_in_a_killed_process_is_forgotten(
    hurried: System, hurried_url: str
) -> None:
    topic = "channels/forgotten"
    pid = hurried.first("realtime")["pid"]
    with Client(hurried_url) as client:
        client.subscribe(topic)
        client.present(topic, 1)
        os.kill(pid, signal.SIGKILL)
        assert client.closed() is None
    restarted(hurried, "realtime", pid)
    with Client(hurried_url) as client:
        mine = client.subscribe(topic)["member"]
        assert client.present(topic, 1) == [{"id": mine, "caller": None}]


@pytest.mark.parametrize("group", ["realtime", "gateway"])
def test_a_restart_closes_with_1012_and_all_resume(
    hurried: System, hurried_url: str, group: str
) -> None:
    topic = f"channels/restart-of-{group}"
    path = f"/v1/{topic}/events"
    pid = hurried.first(group)["pid"]
    clients = [Client(hurried_url) for _ in range(50)]
    for client in clients:
        client.subscribe(topic)
    sent = [clients[0].publish(topic, n) for n in range(5)]
    for client in clients:
        client.receives(topic, 5)
    with stream(hurried_url, path, last_event_id=sent[0]) as events:
        assert [events.event()["id"] for _ in sent[1:]] == sent[1:]
        os.kill(pid, signal.SIGTERM)
        assert {client.closed() for client in clients} == {1012}
        if group == "realtime":
            assert events.rest() == []
    restarted(hurried, group, pid)
    with Client(hurried_url) as writer:
        sent += [writer.publish(topic, n) for n in range(5, 10)]
    for old in clients:
        with Client(hurried_url) as client:
            client.subscribe(topic, after=old.told(topic)[-1]["id"])
            client.receives(topic, 5)
            told = old.told(topic) + client.told(topic)
            assert [event["id"] for event in told] == sent


def test_keys_are_asked_for(guarded_url: str) -> None:
    path = "/v1/channels/keys/events"
    with pytest.raises(InvalidStatus) as refused:
        Client(guarded_url)
    assert refused.value.response.status_code == 401
    assert status(guarded_url, path) == 401
    assert status(guarded_url, path, authorization="Bearer wrong") == 401
    assert status(guarded_url, path, authorization=f"Bearer {KEYS['alice']}") == 200


def test_a_page_sends_its_key_as_a_protocol(guarded_url: str) -> None:
    topic = "channels/keyed"
    headers = {"authorization": f"Bearer {KEYS['bob']}"}
    with (
        Client(guarded_url, protocols=["v1", f"bearer.{KEYS['alice']}"]) as alice,
        Client(guarded_url, headers=headers) as bob,
    ):
        assert alice.socket.subprotocol == "v1"
        alice.subscribe(topic)
        bob.subscribe(topic)
        members = alice.present(topic, 2)
        assert {member["caller"] for member in members} == {"alice", "bob"}
        bob.publish(topic, "for all who have a key")
        alice.receives(topic, 1)


def test_only_listed_origins_may_connect(guarded_url: str) -> None:
    headers = {"authorization": f"Bearer {KEYS['alice']}"}
    for origin in ("https://elsewhere.example.com", guarded_url):
        with pytest.raises(InvalidStatus) as refused:
            Client(guarded_url, headers=headers, origin=origin)
        assert refused.value.response.status_code == 403
    with Client(guarded_url, headers=headers, origin="https://app.example.com") as client:
        client.subscribe("channels/listed")


def test_pings_keep_who_answers_and_end_who_does_not(guarded: System, guarded_url: str) -> None:
    headers = {"authorization": f"Bearer {KEYS['alice']}"}
    with (
        Client(guarded_url, headers=headers) as alive,
        Client(guarded_url, headers=headers, reads=False) as dead,
    ):
        alive.subscribe("channels/pinged")
        # More than it takes; from then on it reads no pings.
        for n in range(5):
            dead.request("subscribe", f"channels/pinged-{n}")
        until(lambda: metric(guarded, "realtime_sockets") == 1, "the end of the dead one")
        assert dead.closed() is None
        alive.publish("channels/pinged", 1)
        alive.receives("channels/pinged", 1)


def test_a_bad_environment_of_realtime_is_reported_whole(start: Callable[..., System]) -> None:
    bad = {
        "ALLOWED_ORIGINS": "nowhere",
        "CHANNEL_MAXLEN": "0",
        "POLL_S": "often",
        "SSE_COMMENT_S": "-1",
        "WS_PING_S": "3600",
    }
    system = start(**bad)
    assert system.wait_end() == 1
    log = system.log()
    for name, value in bad.items():
        line = next((line for line in log.splitlines() if f" {name} " in line), "")
        assert f"`{value}`" in line, log
    assert "ended while starting: exited with status 1" in log


def test_it_is_live_and_counts(system: System, url: str) -> None:
    direct = system.first("realtime")["url"]
    assert httpx2.get(f"{direct}/livez").status_code == 200
    assert httpx2.get(f"{direct}/readyz").status_code == 200
    # A socket's end is seen a little later than it happens.
    until(lambda: metric(system, "realtime_sockets") == 0, "the others' sockets to be gone")
    with Client(url) as client:
        client.subscribe("channels/counted")
        assert metric(system, "realtime_sockets") == 1
        assert metric(system, "realtime_subscriptions") == 1
