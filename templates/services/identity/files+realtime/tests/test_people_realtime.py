"""That sockets and streams of events are of who is signed in, and end when the session does."""

from __future__ import annotations

import json

import httpx2
import pytest
from conftest import System
from people import Browser
from realtime import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.fixture
def alice(gateway: httpx2.Client) -> Browser:
    browser = Browser(str(gateway.base_url).rstrip("/"))
    browser.sign_in("alice")
    return browser


def cookie_of(browser: Browser) -> dict[str, str]:
    """What the browser sends with a WebSocket."""
    [cookies] = [it for host, it in browser.cookies.items() if browser.gateway.endswith(host)]
    return {"cookie": "; ".join(map("=".join, cookies.items()))}


def close_code(client: Client) -> int | None:
    """Reads until the socket is closed."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.receive()
    return closed.value.rcvd.code if closed.value.rcvd else None


@pytest.mark.parametrize("by", ["gateway", "realtime"])
def test_a_socket_is_of_who_is_signed_in_and_ends_with_the_session(
    system: System, alice: Browser, by: str
) -> None:
    url = system.first(by)["url"]
    with Client(url, headers=cookie_of(alice), origin=url) as client:
        client.request("subscribe", "channels/people")
        while client.receive().get("type") != "presence":
            pass
        assert client.members["channels/people"][-1]["caller"] == "user:alice"
        assert alice.ask("DELETE", "/v1/sessions").status_code == 204
        assert close_code(client) == 1008


def test_a_ticket_opens_one_socket(system: System, alice: Browser) -> None:
    ticket = alice.ask("POST", "/v1/tickets").json()["ticket"]
    url, protocols = system.first("realtime")["url"], ["v1", f"ticket.{ticket}"]
    with Client(url, protocols=protocols) as client:
        client.request("subscribe", "channels/ticket")
        assert client.receive()["op"] == "subscribed"
        with pytest.raises(InvalidStatus) as refused:
            Client(url, protocols=protocols)
        assert refused.value.response.status_code == 401


def test_a_page_of_another_origin_opens_nothing_with_the_cookie(
    system: System, alice: Browser
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Client(
            system.first("realtime")["url"],
            headers=cookie_of(alice),
            origin="https://evil.example",
        )
    assert refused.value.response.status_code == 403


def test_a_stream_of_events_ends_with_the_session(alice: Browser) -> None:
    headers = cookie_of(alice)
    with alice.client.stream(
        "GET", f"{alice.gateway}/v1/channels/told/events", headers=headers
    ) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry: ")
        alice.ask("POST", "/auth/logout")
        assert json.dumps(list(lines)) == json.dumps([""])
