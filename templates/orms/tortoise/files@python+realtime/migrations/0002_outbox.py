"""outbox

What has changed and was not told yet. A trigger writes it in the transaction of the change, so that
there is no change without its event, and no event without its change. It has a schema of its own,
which models need not know.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

EVENTS = """
    CREATE TABLE outbox.events (
      position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      channel text NOT NULL,
      event jsonb NOT NULL
    )
"""
# A channel is open to everybody: an event says which item has changed, and not what it says.
TELL = """
    CREATE FUNCTION outbox.tell() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      types CONSTANT jsonb := '{"INSERT": "created", "UPDATE": "replaced", "DELETE": "removed"}';
    BEGIN
      INSERT INTO outbox.events (channel, event) VALUES (TG_TABLE_NAME, jsonb_build_object(
        'id', gen_random_uuid(),
        'type', types ->> TG_OP,
        'item', COALESCE(NEW.id, OLD.id),
        'version', COALESCE(NEW.version, OLD.version)
      ));
      RETURN NULL;
    END
    $$
"""
TRIGGER = """
    CREATE TRIGGER outbox AFTER INSERT OR UPDATE OR DELETE ON items
    FOR EACH ROW EXECUTE FUNCTION outbox.tell()
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0001_items")]
    operations = [
        ops.RunSQL("CREATE SCHEMA outbox", "DROP SCHEMA outbox CASCADE"),
        ops.RunSQL(EVENTS, ops.RunSQL.noop),
        ops.RunSQL(TELL, ops.RunSQL.noop),
        ops.RunSQL(TRIGGER, "DROP TRIGGER outbox ON items"),
    ]
