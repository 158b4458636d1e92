"""Who signs in, and what is known of them, at whichever issuer."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from conftest import System
from people import Browser


@pytest.fixture
def alice(gateway: httpx2.Client) -> Browser:
    browser = Browser(str(gateway.base_url))
    browser.sign_in("alice")
    return browser


def test_who_signs_in_is_known(gateway: httpx2.Client) -> None:
    browser = Browser(str(gateway.base_url))
    assert browser.ask("GET", "/v1/me").status_code == 401
    me = browser.sign_in("admin").json()
    assert me == {"sub": "admin", "name": "Ada Admin", "roles": ["admin"], "how": "session"}


def test_who_signs_out_is_gone_here_and_at_the_issuer(alice: Browser) -> None:
    left = alice.ask("POST", "/auth/logout").json()["to"]
    assert alice.ask("GET", "/v1/me").status_code == 401
    page = alice.follow(alice.ask("GET", left))
    # Some issuers ask once more.
    page = page if alice.is_back(page) else alice.send(page)
    assert alice.is_back(page), page.text
    assert not alice.is_back(alice.follow(alice.ask("GET", "/auth/login")))


def events(system: System) -> list[tuple[str, str | None]]:
    """What the gateway has told of who comes in, who leaves and who is refused, and of whom."""
    lines = [line for line in system.log().splitlines() if '"event":' in line]
    told = [json.loads(line[line.index("{") :]) for line in lines]
    return [(one["event"], one.get("sub")) for one in told if one["service"] == "gateway"]


def test_the_log_tells_who_comes_and_goes_and_who_is_refused(
    system: System, gateway: httpx2.Client
) -> None:
    before = len(events(system))
    browser = Browser(str(gateway.base_url))
    browser.sign_in("bob")
    browser.gateway, here = "http://evil.example", browser.gateway
    assert browser.ask("POST", f"{here}/auth/logout").status_code == 403
    browser.gateway = here
    browser.ask("POST", "/auth/logout")
    assert browser.ask("GET", "/auth/callback?code=guessed").status_code == 400
    expected = [
        ("authn_login_success", "bob"),
        ("authz_fail", "bob"),
        ("session_expired", "bob"),
        ("authn_login_fail", None),
    ]
    deadline = time.monotonic() + 10
    while [one for one in events(system)[before:] if one in expected] != expected:
        assert time.monotonic() < deadline, events(system)[before:]
        time.sleep(0.05)


def test_a_program_calls_with_a_token_of_the_issuer(system: System, gateway: httpx2.Client) -> None:
    issuer = system.first("gateway")["env"]["OIDC_ISSUER"]
    found = httpx2.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
    answer = httpx2.post(
        found["token_endpoint"],
        data={"grant_type": "client_credentials"},
        auth=("program", "development"),
        trust_env=False,
    )
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    me = gateway.get("/v1/me", headers=headers).json()
    assert me == {"sub": "program", "roles": [], "how": "token"}


def test_nobody_comes_in_unknown_once_there_are_keys(
    start: Callable[..., System], tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"ci:{hashlib.sha256(b'secret').hexdigest()}\n", encoding="utf-8")
    system = start(API_KEYS_FILE=str(keys))
    system.wait_ready()
    url = system.first("gateway")["url"]
    assert httpx2.get(f"{url}/v1/hello", trust_env=False).status_code == 401
    browser = Browser(url)
    assert browser.sign_in("bob", "/v1/hello").status_code == 200
    headers = {"authorization": "Bearer secret"}
    me = httpx2.get(f"{url}/v1/me", headers=headers, trust_env=False).json()
    assert me == {"sub": "ci", "roles": [], "how": "key"}
