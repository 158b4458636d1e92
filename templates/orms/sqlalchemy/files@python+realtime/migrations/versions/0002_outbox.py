"""outbox

What has changed and was not told yet. A trigger writes it in the transaction of the change, so that
there is no change without its event, and no event without its change. It has a schema of its own,
which models need not know.
"""

from alembic import op

revision = "outbox"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE SCHEMA outbox")
    op.execute("""
        CREATE TABLE outbox.events (
          position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          channel text NOT NULL,
          event jsonb NOT NULL
        )
    """)
    # A channel is open to everybody: an event says which item has changed, and not what it says.
    op.execute("""
        CREATE FUNCTION outbox.tell() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          types CONSTANT jsonb :=
            '{"INSERT": "created", "UPDATE": "replaced", "DELETE": "removed"}';
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
    """)
    op.execute("""
        CREATE TRIGGER outbox AFTER INSERT OR UPDATE OR DELETE ON items
        FOR EACH ROW EXECUTE FUNCTION outbox.tell()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER outbox ON items")
    op.execute("DROP SCHEMA outbox CASCADE")
