-- The relay's role: reads the log and the outbox, writes its own two tables, and nothing else.
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

-- The log itself asks for no right on the table; comparing the log with the table does.
GRANT SELECT ON outbox TO outbox_relay;

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay_checkpoint, outbox_relay_request TO outbox_relay;
