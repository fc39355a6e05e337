# A service for the sample: places an order a second, each with its event in the same transaction.
while true; do
  psql -q -v ON_ERROR_STOP=1 -c "
    WITH placed AS (INSERT INTO orders DEFAULT VALUES RETURNING id)
    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)
      SELECT 'order', id::text, 'placed', jsonb_build_object('id', id) FROM placed"
  sleep 1
done
