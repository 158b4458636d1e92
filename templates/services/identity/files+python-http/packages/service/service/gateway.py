"""Who calls, by an internal token of the gateway, for this service and a short time."""

import asyncio
import re
from typing import Annotated, Any

import httpx2
import jwt
from fastapi import Depends, FastAPI, Request
from pydantic import AnyHttpUrl
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.callers import Callers
from service.log import get_logger
from service.problems import unavailable
from service.requests import Requests
from service.settings import ProgramSettings, ServerSettings

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_ALGORITHM = "ES256"
_ISSUER = "gateway"
_PATIENCE_S = 2.0
# The clocks of two machines differ a little.
_TOLERANCE_S = 5
log = get_logger()


class BehindGateway(ProgramSettings):
    """Whose internal tokens say who calls."""

    # Without it, in development, callers are known by API keys or not at all.
    gateway_url: AnyHttpUrl | None = None


class Keys:
    """The public keys of the gateways that run."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: dict[str, jwt.PyJWK] = {}
        self._asking: asyncio.Task[None] | None = None

    def get(self, kid: str) -> jwt.PyJWK | None:
        """Return a key that is known."""
        return self._known.get(kid)

    async def learn(self, kid: str) -> None:
        """Ask for the keys, unless this one is known: a gateway that has just started has its own.

        Whoever asks meanwhile waits for the same answer, so that nobody can make it many requests.
        Raise httpx2.HTTPError or ValueError where there is no answer.
        """
        if kid in self._known:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await asyncio.shield(self._asking)

    async def _ask(self) -> None:
        async with httpx2.AsyncClient(timeout=_PATIENCE_S, trust_env=False) as client:
            answer = (await client.get(self._url)).raise_for_status()
        found = jwt.PyJWKSet.from_dict(answer.json())
        self._known = {key.key_id: key for key in found.keys if key.key_id}


class ByInternalToken(Callers):
    """Knows callers by what the gateway says of them; by an API key nobody is known here."""

    def __init__(self, keys: Keys, service: str) -> None:
        super().__init__({})
        self._keys = keys
        self._service = service

    def identify(self, authorization: str) -> str | None:
        """Return who calls; None where the token is not the gateway's, or not for here and now."""
        claims = self._claims(authorization)
        return None if claims is None else str(claims["sub"])

    def roles(self, authorization: str) -> frozenset[str]:
        """Return the roles of who calls, as the issuer says them."""
        return frozenset((self._claims(authorization) or {}).get("roles", ()))

    def _claims(self, authorization: str) -> dict[str, Any] | None:
        token = token_of(authorization)
        key = self._keys.get(kid_of(token))
        if key is None:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._service,
                issuer=_ISSUER,
                leeway=_TOLERANCE_S,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.InvalidTokenError:
            return None
        return claims


class KeysFirst:
    """Sees to it that the key of a request's token is known, before it is read who calls."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            kid = kid_of(token_of(Headers(scope=scope).get("authorization", "")))
            try:
                if kid:
                    await self._keys.learn(kid)
            except (httpx2.HTTPError, ValueError, jwt.PyJWTError) as error:
                log.warning("the gateway does not tell its keys", error=str(error))
                problem = unavailable("gateway-unavailable", "It is not known who calls.")
                await problem.response(scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def token_of(authorization: str) -> str:
    """Return the token of a header; an empty text where there is none."""
    found = _BEARER.fullmatch(authorization.strip())
    return found[1] if found else ""


def kid_of(token: str) -> str:
    """Return what a token calls its key; an empty text where it is no token."""
    try:
        kid = jwt.get_unverified_header(token).get("kid", "")
    except jwt.InvalidTokenError:
        return ""
    return kid if isinstance(kid, str) else ""


async def _roles(request: Request) -> frozenset[str]:
    # An API key has none.
    roles_of = getattr(request.app.state, "roles_of", None)
    return roles_of(request.headers.get("authorization", "")) if roles_of else frozenset()


# The roles of the one who calls, as a route's parameter.
Roles = Annotated[frozenset[str], Depends(_roles)]


def know_callers(app: FastAPI, settings: ServerSettings) -> None:
    """Let `app` know who calls: by internal tokens of the gateway, where there is one in front."""
    url = settings.gateway_url if isinstance(settings, BehindGateway) else None
    if url is None:
        app.add_middleware(Requests, callers=Callers.from_file(settings.api_keys_file))
        return
    keys = Keys(f"{str(url).rstrip('/')}/auth/keys")
    callers = ByInternalToken(keys, settings.service_name)
    app.state.roles_of = callers.roles
    app.add_middleware(Requests, callers=callers)
    app.add_middleware(KeysFirst, keys=keys)
