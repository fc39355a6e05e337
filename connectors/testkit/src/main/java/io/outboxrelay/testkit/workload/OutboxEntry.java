package io.outboxrelay.testkit.workload;

/**
 * One event on its way into the outbox.
 *
 * @param eventId a UUID
 * @param aggregateId its key
 * @param version its number among the events of its key, from 1
 */
record OutboxEntry(String eventId, String aggregateId, long version) {

    static final String AGGREGATE_TYPE = "order";
    static final String TYPE = "OrderChanged";

    /**
     * JSON as Postgres prints {@code jsonb}: shorter names first, one space after colon and comma. So every type of
     * payload column keeps the bytes. ASCII, without backslash, tab or line end, so that it can be copied unescaped.
     */
    String payload() {
        return "{\"order\": \"" + aggregateId + "\", \"version\": " + version + ", \"event_id\": \"" + eventId + "\"}";
    }
}
