-- What the relay puts aside in the service's database: rejected events, and payloads too large for the broker.
-- Postgres 14 to 18. Plain SQL, for Flyway, Liquibase and psql alike. Needs no other migration. With
-- delivery.on-rejected = halt and delivery.oversize = reject it may be left out.
--
-- The schema is the first of search_path and must be the outbox table's. The names are fixed. Later versions only add
-- columns that are nullable or have a default, so that a relay of an earlier version goes on working meanwhile.

-- Rejected events, and what waits behind them.
CREATE TABLE outbox_dead_letter (
    -- The order in which they were put aside.
    seq            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The outbox, as schema.table.
    outbox         text        NOT NULL,
    -- What operators call the event: its id, or its position in the source where it has none.
    name           text        NOT NULL,
    -- The row, as it was.
    event_id       text,
    aggregate_type text,
    aggregate_id   text,
    type           text,
    payload        bytea,
    headers        text,
    occurred_at    timestamptz NOT NULL,
    -- Where it stood in its source: the place in the log, or the number in the table.
    position       text        NOT NULL,
    -- Where it was to go; '' where that could not be told.
    destination    text        NOT NULL,
    -- Whether it holds back the later events of its aggregate.
    parked         boolean     NOT NULL,
    -- Why it was put aside: one line for people, one word for machines. 'behind' waits behind another one.
    reason         text        NOT NULL,
    kind           text        NOT NULL,
    -- How often it was tried; 0 for one that waits behind another.
    attempts       int         NOT NULL,
    put_aside_at   timestamptz NOT NULL DEFAULT now(),
    tried_at       timestamptz,
    -- What an operator wants: the relay that leads acts on it, and takes the row out when it is done.
    wish           text        CHECK (wish IN ('redrive', 'discard')),
    wished_by      text,
    wished_at      timestamptz,
    -- Which run of a relay put it there, or found it there last: a random number.
    put_by         bigint      NOT NULL DEFAULT 0
);
-- Hashes, because an index takes no text of more than 2.7 kB, and an event may be rejected for being too long.
-- Put aside twice, after a crash, it is here once. Of two events that share an id, against the rules, each is here.
CREATE UNIQUE INDEX outbox_dead_letter_once ON outbox_dead_letter
    (outbox, hashtextextended(name, 0), hashtextextended(name, 1), hashtextextended(destination, 0),
     hashtextextended(coalesce(aggregate_type, '') || '/' || coalesce(aggregate_id, ''), 0),
     sha256(coalesce(payload, '')));
-- The events of one aggregate, in order.
CREATE INDEX outbox_dead_letter_key ON outbox_dead_letter
    (outbox, hashtextextended(coalesce(aggregate_type, '') || '/' || coalesce(aggregate_id, ''), 0), seq);
-- Which aggregates are parked, found one after another however many events each has. Tells NULL from '', and where the
-- type ends.
CREATE INDEX outbox_dead_letter_parked ON outbox_dead_letter
    (outbox,
     hashtextextended(coalesce(char_length(aggregate_type)::text || '=' || aggregate_type, '') || '/'
                      || coalesce('=' || aggregate_id, ''), 0),
     hashtextextended(coalesce(char_length(aggregate_type)::text || '=' || aggregate_type, '') || '/'
                      || coalesce('=' || aggregate_id, ''), 1))
    WHERE parked;
CREATE INDEX outbox_dead_letter_wish ON outbox_dead_letter (outbox, seq) WHERE wish IS NOT NULL;

-- Payloads whose messages carry a reference only.
CREATE TABLE outbox_claim_check (
    -- What the message refers to.
    id         text        PRIMARY KEY,
    -- The outbox, as schema.table.
    outbox     text        NOT NULL,
    payload    bytea       NOT NULL,
    sha256     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- From then on the relay may delete it.
    expires_at timestamptz NOT NULL
);
CREATE INDEX outbox_claim_check_expiry ON outbox_claim_check (expires_at);
