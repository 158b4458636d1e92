"""Sockets over restarts, readers that do not read, and hints that get lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hints import no_hints
from processes import SMALL_HEAP, Memory, Processes, Stopwatch, report
from realtime import Client

SOCKETS = 200
EVENTS = 20


@pytest.mark.parametrize("group", ["gateway", "realtime"])
def test_sockets_resume_after_a_restart(tmp_path: Path, group: str) -> None:
    with Processes(tmp_path) as system:
        url, name = system.url(system.first("gateway")), system.first(group)
        clients = connected(url, "channels/news")
        with Client(url) as writer:
            sent = [writer.publish("channels/news", number) for number in range(EVENTS // 2)]
        with ThreadPoolExecutor(SOCKETS) as pool:
            receiving = pool.map(
                lambda client: client.receives("channels/news", len(sent)), clients
            )
            assert len(list(receiving)) == SOCKETS
            system.terminate(name)
            codes = set(pool.map(Client.closed, clients))
            assert codes == {1012}
            assert system.ended(name) == 0
            down = Stopwatch()
            system.start(name)
            with Client(url) as writer:
                # Also what is published before a reader is back.
                sent += [writer.publish("channels/news", number) for number in range(EVENTS // 2)]

                def resumed(old: Client) -> list[str]:
                    with Client(url) as client:
                        after = old.told("channels/news")[-1]["id"]
                        client.subscribe("channels/news", after=after)
                        client.receives("channels/news", EVENTS - EVENTS // 2)
                        told = old.told("channels/news") + client.told("channels/news")
                        return [event["id"] for event in told]

                told = list(pool.map(resumed, clients))
        missing = sum(len(set(sent) - set(ids)) for ids in told)
        doubled = sum(len(ids) - len(set(ids)) for ids in told)
        report(
            f"{group} restarted with {SOCKETS} sockets", closed_with=codes, events=len(sent),
            missing=missing, doubled=doubled, all_resumed_after_s=down(),
        )  # fmt: skip
        assert all(ids == sent for ids in told)
        assert not system.gone()


def connected(url: str, topic: str) -> list[Client]:
    def one(_number: int) -> Client:
        client = Client(url)
        client.subscribe(topic)
        return client

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, range(SOCKETS)))


def test_a_reader_that_stops_is_closed_and_harms_nobody(tmp_path: Path) -> None:
    environment = {"PUBLISH_PER_SECOND": "10000", "PUBLISH_MAX_BYTES": "65536", **SMALL_HEAP}
    topic = "channels/flood"
    with Processes(tmp_path, environment=environment) as system:
        url, realtime = system.url(system.first("gateway")), system.first("realtime")
        closes = "realtime_slow_consumer_closes_total"
        with Client(url, reads=False) as slow, Client(url) as quick:
            quick.subscribe(topic)
            sent: list[str] = []

            def publish(count: int) -> None:
                for _ in range(count):
                    sent.append(quick.publish(topic, "x" * 50_000))
                    quick.receives(topic, len(sent))

            # What the process needs for one quick reader, it has after a while.
            publish(300)
            with Memory(system, realtime) as memory:
                slow.subscribe(topic)
                while system.metric(realtime, closes) == 0:
                    assert len(sent) < 3_000, "never closed"
                    publish(20)
                publish(300)
            code = slow.closed()
            told = [event["id"] for event in quick.told(topic)]
        report(
            "a socket that stops reading", closed_with=code, events=len(sent),
            missing_of_others=len(set(sent) - set(told)), memory=memory,
        )  # fmt: skip
        assert code == 1013
        assert told == sent
        assert max(memory.growth_mib().values()) < 64


def test_lost_hints_delay_events_and_lose_none(tmp_path: Path) -> None:
    topic = "channels/unhinted"
    with Processes(tmp_path) as system:
        url = system.url(system.first("gateway"))
        with Client(url) as reader, Client(url) as writer:
            reader.subscribe(topic)
            with no_hints(system.url("redis")):
                sent = [writer.publish(topic, number) for number in range(EVENTS)]
                published = Stopwatch()
                told = [event["id"] for event in reader.receives(topic, EVENTS)]
                took_s = published()
        report("pub/sub cut off", events=len(sent), told=len(told), last_told_after_s=took_s)
        assert told == sent
        assert not system.gone()
