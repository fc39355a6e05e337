-- The relay's role where it only polls (source.type = polling): reads the outbox, removes what is delivered, and nothing
-- else. In place of roles/relay.sql; the database's log is not for it.
-- Run it as a role with CREATEROLE that may grant on the tables, after the migrations and with the same search_path.
-- Roles belong to the whole server: for a second database leave out CREATE ROLE.
--
-- Other names: outbox_relay is the role, public the schema, outbox the table.
-- The password is not set here, so that it stands in no file. In psql, which sends it hashed:
--     \password outbox_relay

CREATE ROLE outbox_relay LOGIN;

GRANT USAGE ON SCHEMA public TO outbox_relay;

-- DELETE is for outbox.after-delivery = delete. With mark, in place of it:
--     REVOKE DELETE ON outbox FROM outbox_relay;
--     GRANT UPDATE (delivered_at) ON outbox TO outbox_relay;
-- With drop-partition it makes, detaches and drops partitions, which is for owners only: make it a member of the role
-- that owns the outbox, such as
--     GRANT shop TO outbox_relay;
GRANT SELECT, DELETE ON outbox TO outbox_relay;

-- Where relay/V2__outbox_relay.sql was run: what operators say about halted events, the detached partitions, and whether
-- a relay read the log before. Such a position is given up here; its slot only a role with REPLICATION can drop, so a
-- slot that is left is named in a warning.
DO $$
BEGIN
    IF to_regclass('outbox_relay_request') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay_request, outbox_relay_partition TO outbox_relay;
        GRANT SELECT, INSERT, UPDATE ON outbox_relay_checkpoint TO outbox_relay;
    END IF;
    IF to_regclass('outbox_dead_letter') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_dead_letter, outbox_claim_check TO outbox_relay;
    END IF;
END
$$;
