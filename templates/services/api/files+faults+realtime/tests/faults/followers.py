"""Readers of a channel that come back after every end, to where they were told last."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx2
from realtime import Client, stream
from websockets.exceptions import WebSocketException

LOST = (OSError, AssertionError, WebSocketException, httpx2.HTTPError)


class Told(NamedTuple):
    """What an event of an own service says."""

    id: str
    kind: str
    item: str
    version: int


class Follower:
    """One reader. `told` has what it was told, events that were told again as well."""

    def __init__(self, url: str, channel: str) -> None:
        self.url = url
        self.channel = channel
        self.after = ""
        self.told: list[Told] = []
        self.gaps = 0
        self.connected = 0
        self.stop = threading.Event()

    def take(self, position: str, kind: str, data: Any) -> None:
        if kind != "message":
            self.gaps += kind == "gap"
            return
        self.after = position
        self.told.append(Told(data["id"], data["type"], data["item"], data["version"]))

    def unique(self) -> list[Told]:
        """Each event once, where it was told first."""
        return list(dict.fromkeys(self.told))

    def once(self) -> None:
        """Reads for as long as one connection lasts."""
        raise NotImplementedError

    def follow(self) -> None:
        while not self.stop.is_set():
            try:
                self.once()
            except LOST:
                time.sleep(0.05)


class SocketFollower(Follower):
    def once(self) -> None:
        topic = f"channels/{self.channel}"
        with Client(self.url) as client:
            # The first time from the beginning, which nobody has yet written to.
            client.subscribe(topic, **({"after": self.after} if self.after else {}))
            self.connected += 1
            taken = 0
            while not self.stop.is_set():
                for message in client.told(topic)[taken:]:
                    self.take(message.get("id", ""), message["type"], message["data"])
                    taken += 1
                client.receive()


class StreamFollower(Follower):
    def once(self) -> None:
        last = {"last_event_id": self.after} if self.after else {}
        with stream(self.url, f"/v1/channels/{self.channel}/events", **last) as events:
            assert events.answer.status_code == 200
            self.connected += 1
            while not self.stop.is_set() and (fields := events.block()):
                if "data" in fields:
                    data = json.loads(fields["data"])
                    self.take(fields.get("id", ""), fields["event"], data)


@contextmanager
def following(url: str, channel: str) -> Iterator[list[Follower]]:
    """Meanwhile a socket and a stream are told all events; they are connected when this begins."""
    followers: list[Follower] = [SocketFollower(url, channel), StreamFollower(url, channel)]
    threads = [threading.Thread(target=follower.follow) for follower in followers]
    for thread in threads:
        thread.start()
    try:
        while not all(follower.connected for follower in followers):
            time.sleep(0.02)
        yield followers
    finally:
        for follower in followers:
            follower.stop.set()
        for thread in threads:
            thread.join()
