/**
 * What tests stand on: servers that start, stop and die on demand. They come from Maven artefacts, or with
 * {@code -Dtest.servers=docker} from images. Never ships.
 */
package io.outboxrelay.testkit;
