"""A real nginx with the project's configuration, in front of what `make dev` starts.

Copied beside the tests of a generated project with realtime, whose helpers it uses. Times are
short; SHIPPED=1 keeps those that are shipped.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import ROOT, System
from realtime import Client, until
from websockets.exceptions import InvalidStatus

SHIPPED = os.environ.get("SHIPPED") == "1"
PING_S = 25 if SHIPPED else 0.5
SOCKET_TIMEOUT_S = 75 if SHIPPED else 2
PROBLEM = "application/problem+json"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")

addresses = (f"198.51.100.{number}" for number in count(1))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Nginx:
    """One nginx; `ports` are those of the services behind, by the port that they have at home."""

    def __init__(self, folder: Path, ports: dict[str, int], *, socket_timeout_s: float) -> None:
        self.folder = folder
        self.port, self.probe_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        for source in (ROOT / "infra" / "nginx").glob("*.conf"):
            text = source.read_text(encoding="utf-8")
            text = text.replace("listen 8080 ", f"listen 127.0.0.1:{self.port} ")
            text = text.replace("listen 8081;", f"listen 127.0.0.1:{self.probe_port};")
            text = text.replace(" /tmp/", f" {folder}/")
            text = text.replace("_timeout 75s;", f"_timeout {socket_timeout_s * 1000:.0f}ms;")
            # What Debian's older nginx does not know.
            text = re.sub(r"^(resolver .*|\s*zone .*)\n", "", text, flags=re.MULTILINE)
            text = re.sub(
                r"server [\w-]+:(\d+) resolve",
                lambda found: f"server 127.0.0.1:{ports[found[1]]}",
                text,
            )
            (folder / source.name).write_text(text, encoding="utf-8")
        # The folder of a test is its user's alone.
        conf = folder / "nginx.conf"
        conf.write_text("user root;\n" + conf.read_text(encoding="utf-8"), encoding="utf-8")
        assert NGINX, "nginx is on this machine"
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [NGINX, "-c", str(conf), "-g", "daemon off;"], stdout=self.log, stderr=self.log
        )
        until(self.answers, "nginx")

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")
        try:
            probe = httpx2.get(f"http://127.0.0.1:{self.probe_port}/healthz")
        except httpx2.TransportError:
            return False
        return probe.status_code == 200

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def behind(start: Callable[..., System]) -> dict[str, int]:
    """The ports of a system that trusts a proxy, by the port that each service has at home."""
    system = start(TRUST_PROXY="127.0.0.1", WS_PING_S=str(PING_S), RATE_LIMIT_PER_MINUTE="1000000")
    system.wait_ready()
    return {"3000": system.first("gateway")["port"], "3001": system.first("realtime")["port"]}


@pytest.fixture(scope="module")
def nginx(behind: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("edge") / "nginx"
    found = Nginx(folder, behind, socket_timeout_s=SOCKET_TIMEOUT_S)
    yield found
    found.stop()


@pytest.fixture
def client(nginx: Nginx) -> Iterator[httpx2.Client]:
    """A client with an address of its own, as a proxy in front of nginx tells it."""
    headers = {"x-forwarded-for": next(addresses)}
    with httpx2.Client(base_url=nginx.url, headers=headers, timeout=30) as found:
        yield found


def is_problem(answer: httpx2.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].split(";")[0] == PROBLEM
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert set(document) >= {"title", "detail", "instance"}
    return document


def test_the_gateway_answers_through_nginx_as_itself(client: httpx2.Client) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}
    assert is_problem(client.get("/nowhere?x=1"), 404, "not-found")["instance"] == "/nowhere?x=1"


def test_a_change_to_another_protocol_than_websocket_is_not_passed_on(
    client: httpx2.Client,
) -> None:
    asked = {
        "connection": "Upgrade, HTTP2-Settings",
        "upgrade": "h2c",
        "http2-settings": "AAMAAABk",
    }
    assert client.get("/readyz", headers=asked).json() == {"status": "ok"}


def test_what_nginx_refuses_of_the_inference_protocol_says_error(client: httpx2.Client) -> None:
    path = "/v2/models/digits/infer"
    document = is_problem(client.post(path, content=b"x" * (1 << 21)), 413, "body-too-large")
    assert isinstance(document["error"], str)
    other = is_problem(client.post("/v1/other", content=b"x" * (1 << 21)), 413, "body-too-large")
    assert "error" not in other


def test_too_many_requests_of_one_address_are_told_when_to_come_back(
    client: httpx2.Client, nginx: Nginx
) -> None:
    answers = [client.get('/livez?"=\\') for _ in range(100)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(answers) - len(refused) >= 40
    for answer in refused:
        document = is_problem(answer, 429, "too-many-requests")
        assert document["instance"] in ("", "/livez?%22=%5C", "/livez?%22=\\")
        assert int(answer.headers["retry-after"]) >= 1
    assert refused
    # Another address is somebody else.
    other = httpx2.get(f"{nginx.url}/livez", headers={"x-forwarded-for": next(addresses)})
    assert other.status_code == 200
    until(lambda: client.get("/livez").status_code == 200, "the address to be served again")


def test_a_body_that_is_too_large_is_a_problem(client: httpx2.Client) -> None:
    answer = client.post("/v1/predictions", content=b"x" * 1_048_577)
    is_problem(answer, 413, "body-too-large")


def test_a_gateway_that_is_gone_is_a_problem_with_retry_after(
    behind: dict[str, int], tmp_path: Path
) -> None:
    lonely = Nginx(tmp_path / "nginx", behind | {"3000": free_port()}, socket_timeout_s=2)
    try:
        for _ in range(3):
            answer = httpx2.post(f"{lonely.url}/v1/predictions", json={})
            is_problem(answer, 503, "unavailable")
            assert 5 <= int(answer.headers["retry-after"]) <= 9
    finally:
        lonely.stop()


def test_an_address_has_so_many_sockets_and_no_more(nginx: Nginx) -> None:
    headers = {"x-forwarded-for": next(addresses)}
    sockets = [Client(nginx.url, headers=headers) for _ in range(20)]
    try:
        with pytest.raises(InvalidStatus) as refused:
            Client(nginx.url, headers=headers)
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["content-type"] == PROBLEM
        assert int(refused.value.response.headers["retry-after"]) >= 1
    finally:
        for each in sockets:
            each.open.close()


def test_a_socket_on_which_nothing_happens_stays(nginx: Nginx) -> None:
    with Client(nginx.url, headers={"x-forwarded-for": next(addresses)}) as socket_:
        # Reading answers pings; nothing else comes.
        with pytest.raises(TimeoutError):
            socket_.socket.recv(SOCKET_TIMEOUT_S * 1.5)
        socket_.subscribe("channels/idle")


def test_a_socket_without_pings_in_time_would_not_stay(
    behind: dict[str, int], tmp_path: Path
) -> None:
    impatient = Nginx(tmp_path / "nginx", behind, socket_timeout_s=PING_S / 2)
    try:
        with Client(impatient.url) as socket_:
            assert socket_.closed() is None
    finally:
        impatient.stop()


def test_events_arrive_one_by_one(nginx: Nginx) -> None:
    headers = {"x-forwarded-for": next(addresses)}
    arrived: list[tuple[float, str]] = []
    opened = threading.Event()

    def listen() -> None:
        url = f"{nginx.url}/v1/channels/slow/events"
        with httpx2.stream("GET", url, headers=headers, timeout=20) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            opened.set()
            for line in answer.iter_lines():
                if line.startswith("data: ") and "number" in line:
                    arrived.append((time.monotonic(), line))
                    if len(arrived) == 5:
                        return

    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(listen)
        assert opened.wait(20)
        sent = []
        with Client(nginx.url, headers=headers) as publisher:
            for number in range(5):
                sent.append(time.monotonic())
                publisher.publish("channels/slow", {"number": number})
                time.sleep(0.4)
        listening.result(20)
    late = [at - begun for begun, (at, _) in zip(sent, arrived, strict=True)]
    print("seconds from publish to arrival:", " ".join(f"{each:.3f}" for each in late))
    # None waited for the one after it.
    assert max(late) < 0.35
    assert [json.loads(line[6:])["number"] for _, line in arrived] == list(range(5))


def test_a_reload_drops_no_request(nginx: Nginx) -> None:
    done = threading.Event()

    def ask(network: int) -> list[int]:
        statuses: list[int] = []
        while not done.is_set():
            # A connection and an address of its own for each request: no limit is met.
            address = f"2001:db8:{network:x}::{len(statuses):x}"
            connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=20)
            connection.request("GET", "/readyz", headers={"x-forwarded-for": address})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            statuses.append(answer.status)
        return statuses

    with Client(nginx.url, headers={"x-forwarded-for": next(addresses)}) as socket_:
        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, network) for network in range(4)]
            for _ in range(5):
                nginx.process.send_signal(signal.SIGHUP)
                time.sleep(0.4)
            done.set()
            statuses = [status for each in asking for status in each.result(20)]
        # Also what was open before stays open for a while.
        socket_.subscribe("channels/reload")
    print(f"{len(statuses)} requests during 5 reloads")
    assert len(statuses) >= 50
    assert set(statuses) == {200}
