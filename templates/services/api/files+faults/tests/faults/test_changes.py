"""Changes of items while everything under them dies and freezes, again and again."""

from __future__ import annotations

from pathlib import Path

from chances import LIMITS, SEED, Faults
from changes import Ledger
from databases import NAME, WithDatabase
from items import own_services
from processes import Stopwatch
from writers import writing


def test_what_was_accepted_is_there_once_and_nothing_else(tmp_path: Path) -> None:
    services = own_services()
    with WithDatabase(tmp_path, environment=LIMITS) as system:
        gateways = system.group("gateway")
        ledger = Ledger(system, services)
        faults = Faults(system, ledger, [*services, NAME, *gateways], tmp_path)
        took = Stopwatch()
        with system.kept(*faults.targets), writing(ledger, system.url(gateways[0]), SEED):
            faults.run()
        ledger.close("changes under faults", took_s=took(), **faults.told())
