-- The outbox as a partitioned table, ranged by seq: old events leave by DROP TABLE, which costs nothing and leaves no
-- dead rows. Use it instead of V1__outbox.sql where more than some thousand events a second are to be removed again.
-- Postgres 14 to 18. Plain SQL, for Flyway, Liquibase and psql alike.
--
-- Rights, names and payload types: as in V1__outbox.sql.
--
-- With outbox.after-delivery = drop-partition the relay makes the coming partitions and drops those whose events are
-- all delivered. Otherwise that is the work of whoever runs the database, before the numbers come: an INSERT beyond the
-- last partition fails, and the service's transaction with it. Below are 40,000,000 numbers. More of them, without
-- stopping the inserts:
--     CREATE TABLE outbox_p40000001 (LIKE outbox INCLUDING ALL);
--     ALTER TABLE outbox ATTACH PARTITION outbox_p40000001 FOR VALUES FROM (40000001) TO (50000001);
-- An old one, once all its events are delivered and no transaction is left that may hold one of its numbers:
--     ALTER TABLE outbox DETACH PARTITION outbox_p1 CONCURRENTLY;
--     DROP TABLE outbox_p1;
-- No default partition: beside one, DETACH … CONCURRENTLY is refused, and every new partition scans it.

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

-- Each is named by its first number, as the relay names those it makes.
CREATE TABLE outbox_p1        PARTITION OF outbox FOR VALUES FROM (MINVALUE) TO (10000001);
CREATE TABLE outbox_p10000001 PARTITION OF outbox FOR VALUES FROM (10000001) TO (20000001);
CREATE TABLE outbox_p20000001 PARTITION OF outbox FOR VALUES FROM (20000001) TO (30000001);
CREATE TABLE outbox_p30000001 PARTITION OF outbox FOR VALUES FROM (30000001) TO (40000001);

-- publish_via_partition_root: the log names the table, not the partition.
CREATE PUBLICATION outbox_relay FOR TABLE outbox WITH (publish = 'insert', publish_via_partition_root = true);
