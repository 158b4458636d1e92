"""`python -m service.document`: prints the OpenAPI document of the service in this folder."""

import json
import sys
from importlib import import_module

from service.settings import load


def main() -> None:
    """Import the service as it is here, and ask it; nothing is started."""
    app, settings = import_module("app.main"), import_module("app.settings")
    created = app.create_app(*load(settings.Settings, settings.Limits))
    json.dump(created.openapi(), sys.stdout)


if __name__ == "__main__":
    main()
