"""items"""

from tortoise import fields, migrations
from tortoise.fields.db_defaults import SqlDefault
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.constraints import UniqueConstraint

ID = SqlDefault("gen_random_uuid()")
NOW = SqlDefault("now()")
NEWEST_FIRST = ("owner", "created_at DESC", "id DESC")


class Migration(migrations.Migration):
    initial = True
    operations = [
        ops.CreateModel(
            "ItemRow",
            fields=[
                ("id", fields.UUIDField(primary_key=True, db_default=ID)),
                ("owner", fields.TextField()),
                ("name", fields.TextField()),
                ("attributes", fields.JSONField()),
                ("version", fields.IntField(db_default=1)),
                ("idempotency_key", fields.TextField(null=True)),
                ("request_hash", fields.TextField(null=True)),
                ("created_at", fields.DatetimeField(db_default=NOW)),
                ("updated_at", fields.DatetimeField(db_default=NOW)),
            ],
            options={
                "table": "items",
                "app": "models",
                "pk_attr": "id",
                "indexes": [Index(fields=NEWEST_FIRST, name="items_owner_created_at_id_idx")],
            },
        ),
        ops.AddConstraint("ItemRow", UniqueConstraint(("owner", "name"), "items_owner_name_key")),
        ops.AddConstraint(
            "ItemRow",
            UniqueConstraint(("owner", "idempotency_key"), "items_owner_idempotency_key_key"),
        ),
    ]
