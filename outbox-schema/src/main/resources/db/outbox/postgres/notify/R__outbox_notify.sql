-- Optional, for source.polling.notify: wakes a relay that polls as soon as an insert is committed.
-- Postgres 14 to 18. Plain SQL, for Flyway (a repeatable migration), Liquibase and psql alike; may be run again.
--
-- All commits that notify wait for each other, in all databases of the server: a lock is held from before the commit to
-- after it. Good for hundreds of transactions per second; for more, let the relay poll, which it does anyway.
-- Notifications of one transaction that are the same are sent once, however many rows it inserts.
--
-- Other names: put your table below. The channel is source.polling.notify.channel.

CREATE OR REPLACE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox_relay', '');
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER outbox_notify
    AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();
