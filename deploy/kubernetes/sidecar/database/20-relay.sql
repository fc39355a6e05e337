-- What the relay keeps in the service's database: how far it came, and what operators told it.
-- Postgres 14 to 18. Plain SQL, for Flyway, Liquibase and psql alike. Needs no other migration: with an outbox table of
-- your own, this one and a publication are all there is to run.
--
-- The schema is the first of search_path and must be the outbox table's. The names are fixed.

-- Beside the replication slot: the slot is the position, this row tells whether the slot is still the same one.
CREATE TABLE outbox_relay_checkpoint (
    -- The outbox, as schema.table.
    outbox            text        PRIMARY KEY,
    slot              text        NOT NULL,
    -- The server and its history, from pg_control_system() and pg_control_checkpoint().
    system_identifier bigint      NOT NULL,
    timeline          int         NOT NULL,
    -- Every transaction that committed up to here is settled: delivered, or put aside.
    settled_lsn       pg_lsn      NOT NULL,
    -- handover: a snapshot of the table is being sent, before the log is read. streaming: the log is read.
    phase             text        NOT NULL CHECK (phase IN ('handover', 'streaming')),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

-- An operator's word about an event that the relay stopped at.
CREATE TABLE outbox_relay_request (
    -- The id of the event, as text.
    event_id     text        PRIMARY KEY,
    -- retry: send it again. skip: go on without it.
    action       text        NOT NULL CHECK (action IN ('retry', 'skip')),
    requested_by text        NOT NULL DEFAULT current_user,
    requested_at timestamptz NOT NULL DEFAULT now()
);

-- Partitions that the relay detached from a partitioned outbox (after-delivery = drop-partition), until it drops them.
-- Nothing else is ever dropped.
CREATE TABLE outbox_relay_partition (
    -- The outbox, as schema.table.
    outbox       text   NOT NULL,
    -- The partition, as schema.table, and its number: another table under the same name is not touched.
    partition    text   NOT NULL,
    table_oid    oid    NOT NULL,
    -- Every transaction that wrote to it ended before. NULL: not known to be detached yet.
    detached_lsn pg_lsn,
    PRIMARY KEY (outbox, partition)
);
