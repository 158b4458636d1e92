"""To whom it belongs what own services keep, and that they take internal tokens alone."""

from __future__ import annotations

import httpx2
import pytest
from conftest import System
from items import new_name, own_services
from people import Browser

SERVICES = own_services()


@pytest.mark.parametrize("service", SERVICES)
def test_what_one_makes_is_not_there_for_others(gateway: httpx2.Client, service: str) -> None:
    alice, bob = Browser(str(gateway.base_url)), Browser(str(gateway.base_url))
    alice.sign_in("alice")
    bob.sign_in("bob")
    made = alice.ask("POST", f"/v1/{service}/items", json={"name": new_name()})
    assert made.status_code == 201, made.text
    assert made.json()["owner"] == "user:alice"
    where = made.headers["location"]
    assert alice.ask("GET", where).status_code == 200
    assert bob.ask("GET", where).status_code == 404
    assert bob.ask("DELETE", where).status_code == 404
    assert gateway.get(where).status_code == 404


@pytest.mark.parametrize("service", SERVICES)
def test_a_request_around_the_gateway_is_refused(system: System, service: str) -> None:
    url = f"{system.processes[service]['url']}/v1/{service}/items"
    headers = {"x-user": "alice", "x-forwarded-user": "alice"}
    for authorization in ("", "Bearer secret", "Bearer eyJhbGciOiJub25lIn0.e30."):
        headers["authorization"] = authorization
        answer = httpx2.get(url, headers=headers, trust_env=False)
        assert answer.status_code == 401, answer.text
        assert answer.headers["content-type"].startswith("application/problem+json")
