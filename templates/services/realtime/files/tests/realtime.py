"""Clients of realtime for the tests: a WebSocket, and a stream of server-sent events."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self, TypeVar

import httpx2
from conftest import System
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

T = TypeVar("T")

PATIENCE_S = 20.0


def until(check: Callable[[], T], what: str) -> T:
    """The first answer of `check` that is not nothing."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := check()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return answer


class Client:
    """A WebSocket that keeps all it was told. `reads=False`: one that stops reading by itself."""

    def __init__(
        self,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        origin: str | None = None,
        protocols: list[str] | None = None,
        reads: bool = True,
    ) -> None:
        connecting = connect(
            f"{url.replace('http', 'ws', 1)}/v1/ws",
            additional_headers=headers,
            origin=Origin(origin) if origin else None,
            subprotocols=[Subprotocol(name) for name in protocols or []] or None,
            compression=None,
            max_size=None,
            # Above this many messages that nobody took, no more are read from the network.
            max_queue=None if reads else 1,
            ping_interval=None,
            proxy=None,
        )
        self.open = ExitStack()
        self.socket = self.open.enter_context(connecting)
        self.messages: list[dict[str, Any]] = []
        self.members: dict[str, list[dict[str, Any]]] = {}
        self.refs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()

    def send(self, text: str | bytes) -> None:
        self.socket.send(text)

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(PATIENCE_S))
        self.messages.append(message)
        if message.get("type") == "presence":
            self.members[message["topic"]] = self.listed(message["topic"], message["data"])
        return message

    def listed(self, topic: str, data: dict[str, Any]) -> list[dict[str, Any]]:
        """Who is listed after a `presence`: the first one has a list, the others what changed."""
        if "members" in data:
            return list(data["members"])
        stayed = [one for one in self.members[topic] if one["id"] not in data["left"]]
        return stayed + list(data["joined"])

    def request(self, op: str, topic: str, **rest: Any) -> int:
        """Sends a request; its answer will carry the number that is returned."""
        self.refs += 1
        self.send(json.dumps({"op": op, "ref": self.refs, "topic": topic} | rest))
        return self.refs

    def answer(self, ref: int) -> dict[str, Any]:
        for message in self.messages:
            if message.get("ref") == ref:
                return message
        while (message := self.receive()).get("ref") != ref:
            pass
        return message

    def ask(self, op: str, topic: str, **rest: Any) -> dict[str, Any]:
        return self.answer(self.request(op, topic, **rest))

    def subscribe(self, topic: str, **rest: Any) -> dict[str, Any]:
        answer = self.ask("subscribe", topic, **rest)
        assert answer["op"] == "subscribed", answer
        return answer

    def publish(self, topic: str, data: Any) -> str:
        """The id of the event."""
        answer = self.ask("publish", topic, data=data)
        assert answer["op"] == "published", answer
        event_id: str = answer["id"]
        return event_id

    def told(self, topic: str) -> list[dict[str, Any]]:
        """The events of `topic` so far, and gaps."""
        return [
            message
            for message in self.messages
            if message["op"] == "event"
            and message["topic"] == topic
            and message["type"] != "presence"
        ]

    def receives(self, topic: str, count: int) -> list[dict[str, Any]]:
        """The events of `topic` once there are `count`."""
        while len(self.told(topic)) < count:
            self.receive()
        return self.told(topic)

    def present(self, topic: str, count: int) -> list[dict[str, Any]]:
        """Who is listed at the first word, from now on, of `count` being present."""
        while True:
            event = self.receive()
            told = event.get("type") == "presence" and event["topic"] == topic
            if told and event["data"]["count"] == count:
                return self.members[topic]

    def closed(self) -> int | None:
        """The code with which the other side closes; nothing where it just ends."""
        try:
            while True:
                self.receive()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None


class Stream:
    """Server-sent events, one block at a time."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.lines = answer.iter_lines()

    def block(self) -> dict[str, str]:
        """The fields of the next block; a comment has the name ''. Empty at the end."""
        fields: dict[str, str] = {}
        for line in self.lines:
            if not line:
                return fields
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        return {}

    def event(self) -> dict[str, Any]:
        """The next event, its data as JSON; empty at the end."""
        deadline = time.monotonic() + PATIENCE_S
        while fields := self.block():
            if "data" in fields:
                return fields | {"data": json.loads(fields["data"])}
            # Comments come for ever.
            assert time.monotonic() < deadline, "waited in vain for an event"
        return {}

    def rest(self) -> list[dict[str, Any]]:
        """All events until the stream ends by itself."""
        return list(iter(self.event, {}))


@contextmanager
def stream(url: str, path: str, **headers: str) -> Iterator[Stream]:
    """`last_event_id` in `headers` is the header `Last-Event-ID`."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    with (
        httpx2.Client(timeout=PATIENCE_S, trust_env=False) as client,
        client.stream("GET", f"{url}{path}", headers=names) as answer,
    ):
        yield Stream(answer)


def status(url: str, path: str, **headers: str) -> int:
    """The status with which a stream answers."""
    with stream(url, path, **headers) as found:
        code: int = found.answer.status_code
        return code


def metric(system: System, name: str) -> float:
    """What realtime counts under `name`, over all labels."""
    port = system.first("realtime")["env"]["METRICS_PORT"]
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(line.split()[-1]) for line in lines)


def ask_redis(system: System, command: str) -> str:
    """The first line that Redis answers to `command`."""
    with socket.create_connection(("127.0.0.1", system.processes["redis"]["port"])) as redis:
        redis.sendall(f"{command}\r\n".encode())
        return redis.makefile().readline().strip()


def restarted(system: System, group: str, signalled: int) -> None:
    """Returns when the process `signalled` has a successor that is ready."""

    def another() -> bool:
        system.reload()
        return bool(system.first(group)["pid"] != signalled)

    until(another, f"a restart of {group}")
