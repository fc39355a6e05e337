-- What a service needs to write events: to insert into the outbox. A role without login, to be granted to the role that
-- the service has already:
--     GRANT outbox_service TO my_service;
-- Run it as a role with CREATEROLE that may grant on the table, after the migrations and with the same search_path.
-- Roles belong to the whole server: for a second database leave out CREATE ROLE.
--
-- Other names: outbox_service is the role, public the schema, outbox the table, outbox_seq the sequence of the
-- partitioned variant.

CREATE ROLE outbox_service NOLOGIN;

GRANT USAGE ON SCHEMA public TO outbox_service;

GRANT INSERT ON outbox TO outbox_service;

-- INSERT … RETURNING reads what it returns, and JPA's GenerationType.IDENTITY is such an INSERT. Only then:
--     GRANT SELECT (seq, id) ON outbox TO outbox_service;

-- The partitioned variant has a sequence of its own. An identity column needs no right on its sequence.
DO $$
BEGIN
    IF to_regclass('outbox_seq') IS NOT NULL THEN
        GRANT USAGE ON SEQUENCE outbox_seq TO outbox_service;
    END IF;
END
$$;
