-- For outbox.after-delivery = mark: delivered rows stay in the table, marked with the time. NULL means unsent.
-- Postgres 14 to 18. Plain SQL, for Flyway, Liquibase and psql alike. After the outbox's own migration.
--
-- Other names: put your table below, and the columns of outbox.columns.seq and outbox.cleanup.mark-column.
--
-- Rows that are in the table already count as unsent, and are published by the next relay that begins at the table.
-- Where all of them were delivered (after-delivery was keep until now), mark them with the new column, which costs no
-- more, in place of the ALTER TABLE below:
--     ALTER TABLE outbox ADD COLUMN delivered_at timestamptz DEFAULT now();
--     ALTER TABLE outbox ALTER COLUMN delivered_at DROP DEFAULT;
--
-- On a big table in use: the column is a change of the catalog alone, but it waits for every transaction that uses the
-- table, and all others wait behind it; so have it give up soon, and repeat it. The index holds off inserts until it is
-- built; make it first, in psql and outside of a transaction. This script then finds both and does nothing:
--     SET lock_timeout = '1s';
--     ALTER TABLE outbox ADD COLUMN IF NOT EXISTS delivered_at timestamptz;
--     CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_unsent ON outbox (seq) WHERE delivered_at IS NULL;
-- An index whose making was interrupted stays as INVALID: drop it and begin again. A partitioned table refuses
-- CONCURRENTLY: make the index ON ONLY the table, CONCURRENTLY on each partition, and attach them one by one (ALTER INDEX
-- … ATTACH PARTITION).
--
-- Marked rows are yours: the relay never removes them, and the table grows until somebody does. A piece, to be repeated
-- until it deletes none:
--     DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE delivered_at < now() - interval '7 days' ORDER BY seq LIMIT 10000);
-- The partitioned table instead drops the partitions in which nothing is unsent.

ALTER TABLE outbox ADD COLUMN IF NOT EXISTS delivered_at timestamptz;

-- What is unsent, in order, however many marked rows lie before it.
CREATE INDEX IF NOT EXISTS outbox_unsent ON outbox (seq) WHERE delivered_at IS NULL;
