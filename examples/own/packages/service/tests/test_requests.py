"""What every service answers, whatever its routes are."""

from pathlib import Path

import httpx2
from prometheus_client import REGISTRY

from service.callers import hash_key
from service.requests import trace_id
from tests.things import client_of, create


async def test_every_error_is_a_problem_document(client: httpx2.AsyncClient) -> None:
    for method, path, status, slug in [
        ("GET", "/v1/nothing?a=%20b", 404, "not-found"),
        ("GET", "/v1/things/1/", 404, "not-found"),
        ("PATCH", "/v1/things/1", 405, "method-not-allowed"),
        ("GET", "/v1/things/409", 409, "known"),
        ("GET", "/v1/things/x", 422, "invalid-path"),
        ("GET", "/v1/things/500", 500, "internal"),
    ]:
        answer = await client.request(method, path)
        document = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, document["status"]) == (status, status)
        assert (document["type"], document["instance"]) == (f"/problems/{slug}", path)
        assert "secret" not in answer.text
    allowed = (await client.request("PATCH", "/v1/things/1")).headers["allow"]
    assert allowed == "HEAD, GET, PUT"


async def test_a_key_is_asked_for_before_anything_is_read(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"ann:{hash_key('k')}\n")
    async with client_of(create(keys)) as client:
        for path in ("/livez", "/readyz", "/v1/things/openapi.json", "/docs"):
            assert (await client.get(path)).status_code == 200
        for answer in (
            await client.get("/v1/things/1", headers={"authorization": "Bearer x"}),
            await client.put("/v1/things/1", content="{"),
            await client.get("/v1/nothing"),
        ):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        known = await client.get("/v1/things/1", headers={"authorization": "Bearer k"})
        assert known.json().startswith("ann ")


async def test_a_trace_goes_on(client: httpx2.AsyncClient) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    headers = {"traceparent": f"00-{trace}-{span}-01"}
    assert (await client.get("/v1/things/1", headers=headers)).json() == f"anonymous {trace}"
    assert trace_id(f"cc-{trace}-{span}-01-more") == trace
    for wrong in (
        "",
        f"ff-{trace}-{span}-01",
        f"00-{'0' * 32}-{span}-01",
        f"00-{trace}-{span}-01x",
    ):
        assert trace_id(wrong) != trace
        assert len(trace_id(wrong)) == 32


async def test_requests_are_counted_by_route(client: httpx2.AsyncClient) -> None:
    def counted() -> float:
        labels = {"method": "HEAD", "route": "/v1/things/{number}", "status": "200"}
        return REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0

    before = counted()
    for number in range(3):
        assert (await client.head(f"/v1/things/{number}")).status_code == 200
    assert counted() == before + 3


async def test_who_drains_is_not_ready() -> None:
    app = create()
    app.state.draining = True
    async with client_of(app) as client:
        assert (await client.get("/livez")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 503


async def test_the_document_knows_problems_in_one_form_only(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/v1/things/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["schemas"]) == {"Fault", "Health", "Problem", "Thing"}
    answers = document["paths"]["/v1/things/{number}"]["put"]["responses"]
    schema = {"$ref": "#/components/schemas/Problem"}
    for status in ("400", "401", "413", "415", "422", "500", "503"):
        assert answers[status]["content"] == {"application/problem+json": {"schema": schema}}
