import type { AuditStore } from '../store/contract.js'
import type { Forwarder } from './contract.js'
import { LogForwarder } from './log-forwarder.js'
import { type ForwardedLog, type ForwardOptions, requireForwardable, resolveOptions } from './options.js'

/**
 * Copies every committed entry of a log into a store, in order and byte for byte, so that leaf hashes and root stay
 * the same; continues with new entries until it is closed. The position where it goes on is the size of the remote
 * log, and a commit takes place at that position or not at all: each entry is there exactly once, whatever breaks.
 * Recording does not wait for it: outages make the lag grow, and nothing else.
 *
 * An entry that was removed before it was forwarded ends it, with `AUDIT_ENTRY_REMOVED`: the remote log could not have the
 * same tree. One that is removed afterwards stays in the remote log.
 *
 * The remote log is this log's alone. The forwarder opens the store, and closes it with itself.
 *
 * @param log - an open log, or a reader of one
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * const log = await openAuditLog('./audit')
 * await using forwarder = forwardAuditLog(log, postgresStore({ connectionString, logId: hostname(), writer: 'forwarder' }))
 * ```
 */
export function forwardAuditLog(log: ForwardedLog, remote: AuditStore, options: ForwardOptions = {}): Forwarder {
  const resolved = resolveOptions(options)
  requireForwardable(log, remote, resolved)
  return new LogForwarder(log, remote, resolved)
}
