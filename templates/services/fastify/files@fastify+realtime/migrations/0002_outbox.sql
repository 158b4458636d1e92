-- What has changed and was not told yet. A trigger writes it in the transaction of the change, so
-- that there is no change without its event, and no event without its change.
CREATE TABLE outbox (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel text NOT NULL,
  event jsonb NOT NULL
);

-- A channel is open to everybody: an event says which item has changed, and not what it says.
CREATE FUNCTION tell_of_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (channel, event) VALUES (TG_TABLE_NAME, jsonb_build_object(
    'id', gen_random_uuid(),
    'type', CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'UPDATE' THEN 'replaced' ELSE 'removed' END,
    'item', COALESCE(NEW.id, OLD.id),
    'version', COALESCE(NEW.version, OLD.version)
  ));
  RETURN NULL;
END
$$;

CREATE TRIGGER outbox AFTER INSERT OR UPDATE OR DELETE ON items
FOR EACH ROW EXECUTE FUNCTION tell_of_item();
