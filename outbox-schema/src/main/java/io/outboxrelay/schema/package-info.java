/** The outbox as the database knows it. Depends on nothing but the JDK, so that a service may use it too. */
package io.outboxrelay.schema;
