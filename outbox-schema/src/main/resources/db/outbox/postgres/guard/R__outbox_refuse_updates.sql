-- Optional: refuses UPDATEs of events. The log carries inserts only, so a changed event would stay as it was for every
-- consumer, and nobody would be told.
-- Postgres 14 to 18. Plain SQL, for Flyway (a repeatable migration), Liquibase and psql alike; may be run again.
--
-- It fires once per UPDATE statement that names one of the columns below, never for an INSERT, and costs inserts
-- nothing. INSERT … ON CONFLICT DO UPDATE of these columns is refused too. Columns that are not named here may change,
-- such as delivered_at, by which the relay marks what it delivered (after-delivery = mark).
-- On a partitioned outbox it guards UPDATEs of the outbox, not those of a partition by its own name.
--
-- Other names: put your table and columns below.

CREATE OR REPLACE FUNCTION outbox_refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event of %.% must not be changed', TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation',
              DETAIL = 'The relay has sent it, or is about to: consumers would never hear of the change.',
              HINT = 'Insert a new event that says what changed.';
END
$$;

CREATE OR REPLACE TRIGGER outbox_refuse_update
    BEFORE UPDATE OF seq, id, aggregate_type, aggregate_id, type, payload, headers, created_at ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_refuse_update();
