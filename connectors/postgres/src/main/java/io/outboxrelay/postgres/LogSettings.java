package io.outboxrelay.postgres;

/**
 * How a source reads the log, whichever source it is.
 *
 * @param slot the replication slot: the position
 * @param createSlot whether a missing slot is created, at the first start and after the position was given up
 * @param failover whether it is created so that a standby gets it too, on Postgres 17 and newer
 * @param existingRows what becomes of rows that are there at the first start
 */
public record LogSettings(String slot, boolean createSlot, boolean failover, ExistingRows existingRows) {}
