"""What Alembic runs for app/migrate.py."""

from service.migrations.sqlalchemy import environment

from app.models import Base

environment(Base.metadata)
