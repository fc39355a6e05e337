/** Reading HOCON so that every fault is reported at once, each with its path, value, what is allowed and where it stands. */
package io.outboxrelay.api.config;
