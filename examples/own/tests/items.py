"""The resource `items` of an own service, as its clients meet it: through the gateway."""

from __future__ import annotations

import tomllib
import uuid
from typing import Any

import httpx2
from conftest import ROOT


def own_services() -> list[str]:
    """The names of the own services that the gateway passes requests on to."""
    config = tomllib.loads((ROOT / "tools" / "dev.toml").read_text(encoding="utf-8"))
    environments = [process.get("env", {}) for process in config["process"]]
    urls = next(values["API_URLS"] for values in environments if "API_URLS" in values)
    return [pair.split("=")[0] for pair in urls.split(",")]


def new_name(begin: str = "item") -> str:
    """A name that no other test has."""
    return f"{begin}-{uuid.uuid4()}"


class Items:
    """What one service keeps."""

    def __init__(self, gateway: httpx2.Client, service: str) -> None:
        self.service = service
        self.path = f"/v1/{service}/items"
        self.gateway = gateway

    def request(
        self, method: str, path: str = "", body: Any = None, **headers: str
    ) -> httpx2.Response:
        """Asks for `path` below the list, or a whole one; `if_match` in `headers` is `If-Match`."""
        url = path if path.startswith("/v1/") else f"{self.path}{path}"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway.request(method, url, json=body, headers=names)

    def send(self, method: str, path: str, content: bytes, **headers: str) -> httpx2.Response:
        """The same with a body as it is."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway.request(method, f"{self.path}{path}", content=content, headers=names)

    def create(self, name: str | None = None, **attributes: Any) -> dict[str, Any]:
        """A new item."""
        answer = self.request("POST", body={"name": name or new_name(), "attributes": attributes})
        assert answer.status_code == 201, answer.text
        item: dict[str, Any] = answer.json()
        return item

    def read(self, item: dict[str, Any]) -> dict[str, Any]:
        """An item as it is now."""
        answer = self.request("GET", f"/{item['id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def page(self, **query: Any) -> dict[str, Any]:
        """A part of the list."""
        answer = self.gateway.get(self.path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def assert_problem(
    answer: httpx2.Response, status: int, slug: str, *pointers: str
) -> dict[str, Any]:
    """The problem document of an answer, which points at all that is wrong."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{slug}", problem
    assert problem["status"] == status
    assert problem["instance"].split("?")[0] == answer.url.path
    assert {"title", "detail"} <= problem.keys()
    assert sorted(fault["pointer"] for fault in problem.get("errors", [])) == sorted(pointers)
    return problem
