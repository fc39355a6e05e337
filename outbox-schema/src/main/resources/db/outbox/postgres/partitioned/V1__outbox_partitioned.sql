-- The outbox as a partitioned table, ranged by seq: old events leave by DROP TABLE, which costs nothing and leaves no
-- dead rows. Use it instead of V1__outbox.sql where more than some thousand events a second are to be removed again.
-- Postgres 14 to 18. Plain SQL, for Flyway, Liquibase and psql alike.
--
-- Rights, names and payload types: as in V1__outbox.sql.
--
-- A partition for the numbers to come, before they come:
--     CREATE TABLE outbox_p2 PARTITION OF outbox FOR VALUES FROM (10000001) TO (20000001);
-- An old one, once all its events are delivered:
--     ALTER TABLE outbox DETACH PARTITION outbox_p1;  DROP TABLE outbox_p1;
-- DETACH … CONCURRENTLY, which waits for no lock, is refused while there is a default partition.

-- A sequence instead of an identity: partitioned tables have identities from Postgres 17 on only.
-- CACHE 1: a session that takes numbers in advance would use them late, out of order.
CREATE SEQUENCE outbox_seq AS bigint CACHE 1;

CREATE TABLE outbox (
    -- The order of insertion.
    seq            bigint      NOT NULL DEFAULT nextval('outbox_seq') PRIMARY KEY,
    -- The event, unique for ever. Consumers filter duplicates by it.
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),
    -- What the event is about: the kind of thing, and which one. Events of one aggregate_id stay in order.
    aggregate_type text,
    aggregate_id   text,
    -- What happened.
    type           text,
    -- The message, byte for byte; text in UTF-8, as Postgres prints it.
    payload        jsonb,
    -- Further message headers: a JSON object of strings.
    headers        jsonb                DEFAULT '{}',
    created_at     timestamptz          DEFAULT now()
) PARTITION BY RANGE (seq);

ALTER SEQUENCE outbox_seq OWNED BY outbox.seq;

CREATE TABLE outbox_p1 PARTITION OF outbox FOR VALUES FROM (MINVALUE) TO (10000001);

-- Without it, an insert beyond the last partition fails, and the service's transaction with it. It should stay empty:
-- a partition for numbers that already lie here is refused.
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

-- publish_via_partition_root: the log names the table, not the partition.
CREATE PUBLICATION outbox_relay FOR TABLE outbox WITH (publish = 'insert', publish_via_partition_root = true);
