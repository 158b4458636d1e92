"""The tables, as SQLAlchemy maps them. What is changed here needs a migration."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own way
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
    }


NAME_KEY = "items_owner_name_key"


class ItemRow(Base):
    __tablename__ = "items"
    # What the database computes comes back with the statement that writes.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    owner: Mapped[str]
    name: Mapped[str]
    attributes: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    idempotency_key: Mapped[str | None]
    request_hash: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        UniqueConstraint("owner", "name", name=NAME_KEY),
        UniqueConstraint("owner", "idempotency_key", name="items_owner_idempotency_key_key"),
        Index("items_owner_created_at_id_idx", "owner", text("created_at DESC"), text("id DESC")),
    )
