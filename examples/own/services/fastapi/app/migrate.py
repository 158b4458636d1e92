"""`python -m app.migrate [down | new TEXT]`: brings the tables up to date."""

import sys
from pathlib import Path

from service.migrations.sqlalchemy import main

MIGRATIONS = Path(__file__).parent.parent / "migrations"

if __name__ == "__main__":
    sys.exit(main(MIGRATIONS))
