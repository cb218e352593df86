/**
 * Client of Tandem: typed errors, pages, tails that survive a break, and a writer that sends ahead. It begins with
 * {@link io.github.tandem_sync.tandem.TandemClient}; the messages are in {@code io.github.tandem_sync.tandem.v1}.
 */
package io.github.tandem_sync.tandem;
