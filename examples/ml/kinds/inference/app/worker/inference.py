"""The client of an inference server that speaks the Open Inference Protocol.

It tells apart what a failure says about a job: nothing (`Unavailable`), that it can never work
(`Rejected`), or that this attempt has failed (`Failed`).
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

JsonObject = dict[str, Any]

METADATA_S = 30  # for how long a model's metadata is taken to be the same


class Unavailable(Exception):
    """The server did not take the request: it is not there, starting or full."""


@dataclass
class Rejected(Exception):
    """The server will never take this request."""

    problem: JsonObject
    reason: str = "rejected"


@dataclass
class Failed(Exception):
    """The request was taken and came to nothing. `reset`: the server may have died of it."""

    problem: JsonObject
    reset: bool = False


class Inference:
    """One inference server."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.AsyncClient(
            base_url=url,
            # A bounded pool would make jobs wait for a connection, within their time.
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=2),
            timeout=httpx2.Timeout(None, connect=2),
            trust_env=False,
        )
        self._metadata: dict[str, tuple[float, JsonObject]] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ready(self) -> bool:
        """Ask whether the server takes requests."""
        try:
            response = await self._client.get("/v2/health/ready", timeout=2)
        except httpx2.TransportError:
            return False
        return response.status_code == httpx2.codes.OK

    async def metadata(self, model: str, timeout_s: float, *, anew: bool = False) -> JsonObject:
        """Return what the server says of a model: `inputs` and `outputs`.

        It is up to METADATA_S old, unless asked for `anew`.

        Raise Unavailable, Rejected or Failed.
        """
        now = asyncio.get_running_loop().time()
        if not anew and model in self._metadata and self._metadata[model][0] > now:
            return self._metadata[model][1]
        response = await self._send("GET", _path(model), timeout_s)
        metadata: JsonObject = response.json()
        if len(self._metadata) > 1000:
            self._metadata.clear()  # names come from clients: they must not fill the memory
        self._metadata[model] = (now + METADATA_S, metadata)
        return metadata

    async def infer(
        self, model: str, body: str | bytes, timeout_s: float, traceparent: str | None
    ) -> str:
        """Return the response to an inference request, both as JSON text.

        Raise Unavailable, Rejected or Failed; the latter also after `timeout_s`.
        """
        headers = {
            "Content-Type": "application/json",
            "X-Deadline-Ms": str(max(round(timeout_s * 1000), 1)),
        }
        if traceparent:
            headers["traceparent"] = traceparent
        response = await self._send("POST", _path(model) + "/infer", timeout_s, body, headers)
        return response.text

    async def _send(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: str | bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        try:
            # The client's own timeouts bound each read; this one bounds the whole.
            async with asyncio.timeout(timeout_s):
                response = await self._client.request(method, path, content=body, headers=headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Unavailable(str(error)) from error
        except TimeoutError as error:
            raise Failed(
                problem("inference-timeout", "Inference took too long", 504, f"{timeout_s:.1f} s")
            ) from error
        except httpx2.TransportError as error:
            detail = f"{type(error).__name__}: {error}"
            raise Failed(
                problem("inference-lost", "Inference broke the connection", 502, detail), reset=True
            ) from error

        if response.is_success:
            return response
        if response.status_code in {429, 503}:
            raise Unavailable(f"status {response.status_code}")
        stated = _problem_of(response)
        if response.is_client_error:
            unknown = response.status_code == httpx2.codes.NOT_FOUND
            raise Rejected(stated, "unknown-model" if unknown else "invalid-input")
        raise Failed(stated)


def problem(slug: str, title: str, status: int, detail: str, **more: object) -> JsonObject:
    """Return a problem document (RFC 9457)."""
    return {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        **more,
    }


def _path(model: str) -> str:
    return f"/v2/models/{quote(model, safe='')}"


def _problem_of(response: httpx2.Response) -> JsonObject:
    """Return the problem that the server states, or one that quotes it."""
    try:
        stated = response.json()
    except ValueError:
        stated = None
    if isinstance(stated, dict) and {"type", "title", "status"} <= stated.keys():
        # `instance` names the server's own address, and `error` repeats the detail.
        return {name: stated[name] for name in stated.keys() - {"instance", "error"}}
    return problem(
        "inference-error",
        "Inference refused the request" if response.is_client_error else "Inference failed",
        response.status_code,
        response.text[:500],
    )
