DROP TRIGGER outbox ON items;
DROP FUNCTION tell_of_item;
DROP TABLE outbox;
