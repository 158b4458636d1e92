"""That a session ends with the one at the issuer, whichever way the gateway learns of it.

Put beside the tests of a project whose people sign in at Keycloak: see keycloak.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import httpx2
from conftest import System
from people import Browser


def ready(system: System) -> Browser:
    system.wait_ready()
    return Browser(system.first("gateway")["url"])


def end_at_the_issuer(browser: Browser) -> None:
    """Signs out where people sign in, without a word to the gateway."""
    issuer = os.environ["OIDC_ISSUER"]
    found = httpx2.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()
    page = browser.follow(browser.ask("GET", found["end_session_endpoint"]))
    assert browser.send(page).status_code == 200


def status(browser: Browser) -> int:
    return browser.ask("GET", "/v1/me").status_code


def test_the_issuer_tells_of_a_sign_out(start: Callable[..., System]) -> None:
    system = start(PORT=os.environ["BACK_CHANNEL_PORT"])
    alice, bob = ready(system), Browser(system.first("gateway")["url"])
    alice.sign_in("alice")
    bob.sign_in("bob")
    end_at_the_issuer(alice)
    deadline = time.monotonic() + 10
    while status(alice) != 401:
        assert time.monotonic() < deadline, system.log()
        time.sleep(0.05)
    assert "signed out by the issuer" in system.log()
    assert status(bob) == 200


def test_the_issuer_is_asked_again_and_refuses(start: Callable[..., System]) -> None:
    # The access token ends soon at each request, and nobody tells this gateway of sign-outs.
    system = start(REFRESH_AHEAD_S="600")
    alice = ready(system)
    alice.sign_in("alice")
    assert [status(alice) for _ in range(5)] == [200] * 5
    assert "the issuer did not answer" not in system.log()
    end_at_the_issuer(alice)
    assert status(alice) == 401
    assert "refused by the issuer" in system.log()
