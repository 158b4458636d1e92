"""That a service takes internal tokens, and nobody else's."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from jwt.algorithms import ECAlgorithm
from pydantic import AnyHttpUrl

from service import limits, server
from service.gateway import BehindGateway, Roles
from service.limits import Limits
from service.settings import ServerSettings
from tests.things import client_of, close, router


class Settings(ServerSettings, BehindGateway):
    """Those of a service."""


class Signer:
    """A gateway's key."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.key = ec.generate_private_key(ec.SECP256R1())

    def public(self) -> dict[str, Any]:
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": "ES256", "use": "sig"}

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        usual = {"iss": "gateway", "aud": "things", "sub": "user:ann", "iat": now, "exp": now + 60}
        given = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(given, self.key, algorithm="ES256", headers={"kid": self.kid})


class Gateway:
    """Tells the keys of its signers, and counts how often it is asked."""

    def __init__(self) -> None:
        self.signers = [Signer("first")]
        self.asked = 0
        self.url = ""


@contextmanager
def listening(gateway: Gateway) -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            gateway.asked += 1
            body = json.dumps({"keys": [signer.public() for signer in gateway.signers]}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        gateway.url = f"http://127.0.0.1:{http.server_port}"
        yield http
        http.shutdown()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    with listening(found):
        yield found


def behind(url: str) -> FastAPI:
    settings = Settings(service_name="things", gateway_url=AnyHttpUrl(url))
    shipped = limits.read(Limits, Path("../../contracts"), {})
    app = server.create_app(settings, shipped, close=close, known={})
    app.include_router(router, prefix="/v1")
    return app


async def ask(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.get("/v1/things/1", headers={"authorization": f"Bearer {token}"})


async def test_who_calls_is_known_by_the_internal_token(gateway: Gateway) -> None:
    async with client_of(behind(gateway.url)) as client:
        for _ in range(2):
            answer = await ask(client, gateway.signers[0].token())
            assert answer.json().startswith("user:ann ")
    assert gateway.asked == 1


async def test_a_route_knows_the_roles_of_who_calls(gateway: Gateway) -> None:
    app = behind(gateway.url)

    @app.get("/v1/roles")
    async def roles_of(roles: Roles) -> list[str]:
        return sorted(roles)

    async with client_of(app) as client:
        for claims in ({"roles": ["b", "a"]}, {}):
            headers = {"authorization": f"Bearer {gateway.signers[0].token(**claims)}"}
            answer = await client.get("/v1/roles", headers=headers)
            assert answer.json() == sorted(claims.get("roles", []))


async def test_a_request_around_the_gateway_is_refused(gateway: Gateway) -> None:
    async with client_of(behind(gateway.url)) as client:
        assert (await client.get("/v1/things/1")).status_code == 401
        assert (await client.get("/v1/things/1", headers={"x-user": "ann"})).status_code == 401
        assert (await ask(client, "a-key")).status_code == 401
        for path in ("/livez", "/v1/things/openapi.json"):
            assert (await client.get(path)).status_code == 200


async def test_a_token_that_is_not_for_here_and_now_is_refused(gateway: Gateway) -> None:
    signer, now = gateway.signers[0], int(time.time())
    wrong: list[dict[str, Any]] = [
        {"aud": "other"},
        {"aud": None},
        {"iss": "somebody"},
        {"exp": now - 10},
        {"exp": None},
        {"iat": None},
        {"nbf": now + 60},
        {"sub": None},
    ]
    async with client_of(behind(gateway.url)) as client:
        for claims in wrong:
            assert (await ask(client, signer.token(**claims))).status_code == 401, claims


async def test_a_token_that_the_gateway_has_not_signed_is_refused(gateway: Gateway) -> None:
    public = gateway.signers[0].public()
    claims = jwt.decode(gateway.signers[0].token(), options={"verify_signature": False})
    async with client_of(behind(gateway.url)) as client:
        for token in (
            Signer("first").token(),
            jwt.encode(claims, "", algorithm="none", headers={"kid": "first"}),
            jwt.encode(claims, public["x"], algorithm="HS256", headers={"kid": "first"}),
        ):
            assert (await ask(client, token)).status_code == 401


async def test_the_token_of_a_gateway_that_has_just_started_is_taken_at_once(
    gateway: Gateway,
) -> None:
    async with client_of(behind(gateway.url)) as client:
        for number in range(3):
            gateway.signers.append(Signer(f"next-{number}"))
            assert (await ask(client, gateway.signers[-1].token())).status_code == 200


async def test_where_the_gateway_does_not_answer_it_is_not_known_who_calls() -> None:
    async with client_of(behind("http://127.0.0.1:1")) as client:
        answer = await ask(client, Signer("first").token())
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/gateway-unavailable")
