"""That a prediction is there for the person alone who has asked for it."""

from __future__ import annotations

import httpx2
from jobs import image, prediction
from people import Browser


def test_the_prediction_of_a_person_is_there_for_nobody_else(gateway: httpx2.Client) -> None:
    url = str(gateway.base_url).rstrip("/")
    alice, bob, unknown = Browser(url), Browser(url), Browser(url)
    alice.sign_in("alice")
    bob.sign_in("bob")
    # Long enough to be there still when the others ask to cancel it.
    asked = alice.ask("POST", "/v1/predictions", json=prediction(image(600)))
    assert asked.status_code == 202, asked.text
    path = f"/v1/predictions/{asked.json()['id']}"
    for browser in (bob, unknown):
        assert browser.ask("GET", path).status_code == 404
        assert browser.ask("DELETE", path).status_code == 404
    assert alice.ask("GET", path).json()["status"] != "canceled"
    assert alice.ask("DELETE", path).status_code in {200, 202}
