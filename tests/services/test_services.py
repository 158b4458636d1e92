"""Two inference services of different models behind two gateways, each driven by its route."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from conftest import System

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = json.loads(
    (ROOT / "services/inference/models/digits/1/sample.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("gateway", ["gateway", "edge"])
@pytest.mark.parametrize("model", ["digits", "letters"])
def test_each_gateway_reaches_each_model(system: System, gateway: str, model: str) -> None:
    with httpx2.Client(base_url=system.processes[gateway]["url"], timeout=40) as client:
        inferred = client.post(
            f"/v2/models/{model}/infer", json={"inputs": SAMPLE["input"]["inputs"]}
        )
        assert inferred.status_code == 200, inferred.text
        assert inferred.json()["model_name"] == model
        job = client.post(
            "/v1/predictions", json={**SAMPLE, "model": model}, headers={"prefer": "wait=20"}
        )
        assert job.status_code == 201, job.text
        assert (job.json()["status"], job.json()["model"]) == ("succeeded", model)


@pytest.mark.parametrize(("service", "model"), [("inference", "digits"), ("scorer", "letters")])
def test_each_service_has_its_own_model(system: System, service: str, model: str) -> None:
    with httpx2.Client(base_url=system.processes[service]["url"], timeout=40) as client:
        assert client.get(f"/v2/models/{model}/ready").json() == {"name": model, "ready": True}
        other = "letters" if model == "digits" else "digits"
        assert client.get(f"/v2/models/{other}").status_code == 404
