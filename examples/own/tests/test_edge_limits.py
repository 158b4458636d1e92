"""Nginx has the numbers of contracts/limits.json, and they fit together."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NGINX = ROOT / "infra" / "nginx"
CONF = (NGINX / "nginx.conf").read_text(encoding="utf-8")
LIMITS = {
    name: limit["value"]
    for name, limit in json.loads((ROOT / "contracts" / "limits.json").read_text()).items()
}
SOCKETS = "edge_sockets" in LIMITS


def numbers(directive: str, text: str = CONF) -> set[float]:
    """The first number after each `directive`, such as 40 in `proxy_read_timeout 40s;`."""
    found = re.findall(rf"^\s*{directive}\D*?(\d+)", text, re.MULTILINE)
    assert found, f"there is no {directive}"
    return {float(number) for number in found}


def test_nginx_has_the_numbers_of_the_limits() -> None:
    assert numbers("client_max_body_size") == {LIMITS["body_limit_bytes"]}
    assert numbers("client_body_timeout") == {LIMITS["request_timeout_s"]}
    assert numbers("worker_shutdown_timeout") == {LIMITS["edge_shutdown_s"]}
    assert numbers("limit_req zone=requests burst=") == {LIMITS["edge_burst"]}
    rate = re.search(r"limit_req_zone .* rate=(\d+)r/s", CONF)
    assert rate and float(rate[1]) == LIMITS["edge_requests_per_second"]
    timeouts = {LIMITS["edge_timeout_s"]}
    if SOCKETS:
        timeouts.add(LIMITS["edge_socket_timeout_s"])
        assert numbers("limit_conn sockets") == {LIMITS["edge_sockets"]}
    assert numbers("proxy_read_timeout") == timeouts


def test_nginx_waits_longer_than_the_gateway_and_the_gateway_longer_than_a_caller() -> None:
    assert LIMITS["edge_timeout_s"] > LIMITS["handler_timeout_s"]
    assert LIMITS["handler_timeout_s"] > LIMITS.get("wait_max_s", 0)


def test_a_socket_on_which_nothing_happens_stays() -> None:
    if SOCKETS:
        assert LIMITS["edge_socket_timeout_s"] > 2 * LIMITS["ws_ping_s"]
        assert LIMITS["edge_socket_timeout_s"] > 2 * LIMITS["sse_comment_s"]


def test_nginx_closes_idle_connections_before_the_gateway_does() -> None:
    upstreams = (NGINX / "upstreams.conf").read_text(encoding="utf-8")
    server = (ROOT / "packages" / "http" / "src" / "server.ts").read_text(encoding="utf-8")
    kept = re.search(r"keepAliveTimeout: ([\d_]+)", server)
    assert kept
    assert max(numbers("keepalive_timeout", upstreams)) < int(kept[1].replace("_", "")) / 1000
