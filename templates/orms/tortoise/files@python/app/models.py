"""The tables, as Tortoise maps them. What is changed here needs a migration."""

import json
from functools import partial
from typing import Any

from service.body import number
from tortoise import fields
from tortoise.fields.db_defaults import SqlDefault
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

NAME_KEY = "items_owner_name_key"


class ItemRow(Model):
    id = fields.UUIDField(primary_key=True, db_default=SqlDefault("gen_random_uuid()"))
    owner = fields.TextField()
    name = fields.TextField()
    attributes = fields.JSONField[dict[str, Any]](decoder=partial(json.loads, parse_int=number))
    version = fields.IntField(db_default=1)
    idempotency_key = fields.TextField(null=True)
    request_hash = fields.TextField(null=True)
    created_at = fields.DatetimeField(db_default=SqlDefault("now()"))
    updated_at = fields.DatetimeField(db_default=SqlDefault("now()"))

    class Meta:
        table = "items"
        constraints = (
            UniqueConstraint(("owner", "name"), NAME_KEY),
            UniqueConstraint(("owner", "idempotency_key"), "items_owner_idempotency_key_key"),
        )
        # What has a space is SQL as it stands.
        indexes = (
            Index(
                fields=("owner", "created_at DESC", "id DESC"), name="items_owner_created_at_id_idx"
            ),
        )
