-- The relay's role: reads the log and the outbox, removes what is delivered, writes its own tables, and nothing else.
-- Where the relay only polls (type = polling), roles/polling.sql makes a role with less.
-- Run it as a superuser, or on Postgres 16 and newer as a role with CREATEROLE and REPLICATION that may grant on the
-- tables, after the migrations and with the same search_path. Roles belong to the whole server: for a second database
-- leave out CREATE ROLE.
--
-- Other names: outbox_relay is the role, public the schema, outbox the table.
-- The password is not set here, so that it stands in no file. In psql, which sends it hashed:
--     \password outbox_relay
-- Login: pg_hba.conf needs a line for this role and this database. Its keyword "replication" is not about logical
-- replication and is not needed.

-- REPLICATION: to create the slot, stream from it, advance and drop it. Superusers have it.
-- Amazon RDS and Aurora: leave the word out here and add   GRANT rds_replication TO outbox_relay;
-- What else the relay calls is open to every role, unless somebody revoked it: pg_control_system(),
-- pg_control_checkpoint(), pg_current_wal_lsn(), pg_logical_emit_message(), pg_replication_slots.
CREATE ROLE outbox_relay LOGIN REPLICATION;

GRANT USAGE ON SCHEMA public TO outbox_relay;

-- The log itself asks for no right on the table; comparing the log with the table does, and so does the fallback. DELETE
-- is for outbox.after-delivery = delete. With mark, in place of it:
--     REVOKE DELETE ON outbox FROM outbox_relay;
--     GRANT UPDATE (delivered_at) ON outbox TO outbox_relay;
-- With drop-partition it makes, detaches and drops partitions, which is for owners only: make it a member of the role
-- that owns the outbox, such as
--     GRANT shop TO outbox_relay;
-- With keep, SELECT is all.
GRANT SELECT, DELETE ON outbox TO outbox_relay;

GRANT SELECT, INSERT, UPDATE, DELETE
    ON outbox_relay_checkpoint, outbox_relay_request, outbox_relay_partition
    TO outbox_relay;

-- Where relay/V4__outbox_dead_letter.sql was run.
DO $$
BEGIN
    IF to_regclass('outbox_dead_letter') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_dead_letter, outbox_claim_check TO outbox_relay;
    END IF;
END
$$;
