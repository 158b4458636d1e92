"""Items of all own services come back from backups, while the services run."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from conftest import ROOT, System
from items import Items, own_services

FOLDER = ROOT / "infra" / "postgres"
sys.path.insert(0, str(FOLDER))
from backup import OF_MIGRATIONS
from place import Place, on_this_machine
from testing import Postgres, Rows, content, eventually, now


def run(place: Place, *words: str) -> None:
    command = [sys.executable, str(FOLDER / "backup.py"), "--port", place.settings["PGPORT"]]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def told(place: Place) -> Rows:
    """All rows, once no event is left to be told."""
    found: list[Rows] = []

    def look() -> bool:
        found.append(content(place))
        return not any(rows for name, rows in found[-1].items() if name.endswith("/outbox.events"))

    eventually(look)
    return found[-1]


def test_items_come_back_row_by_row(system: System, gateway: httpx2.Client, tmp_path: Path) -> None:
    place = on_this_machine(system.processes["postgres"]["port"])
    services = [Items(gateway, name) for name in own_services()]
    saved = {items.service: items.create("saved") for items in services}
    run(place, "save", "--to", str(tmp_path / "first"))
    later = {items.service: items.create("written since") for items in services}
    before, at = told(place), now(place)
    assert {f"{service}/public.items" for service in saved} <= before.keys()
    for service in saved:
        assert any(f"{service}/public.{table}" in before for table in OF_MIGRATIONS)
        place.rows("DELETE FROM items", database=service)
    run(place, "save", "--at", at, "--to", str(tmp_path / "second"))
    backup = next((tmp_path / "second").iterdir())

    empty = Postgres(tmp_path / "empty")
    try:
        run(empty.place, "restore", str(backup))
        assert content(empty.place) == before
    finally:
        empty.stop()

    # The services that run meanwhile find what they had.
    run(place, "restore", str(backup), "--replace")
    for items in services:
        for item in (saved[items.service], later[items.service]):
            eventually(partial(has, items, item))
        items.create("written after")


def has(items: Items, item: dict[str, Any]) -> bool:
    """Whether an item is there as it was; false where its service has lost its connections."""
    answer = items.request("GET", f"/{item['id']}")
    assert answer.status_code in (200, 503), answer.text
    return answer.status_code == 200 and answer.json() == item
