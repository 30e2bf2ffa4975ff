import type { AuditEvent, AuditEventInput } from '../events/types.js'
import type { AuditLogWriter } from './contract.js'

// Every copy of this package in a process uses the same symbol.
const RECORD_STATEMENT: unique symbol = Symbol.for('spanledger.recordStatement.v1')

/** A log that records statements about itself for the processor that feeds it. No part of the public interface. */
export interface StatementWriter {
  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined
}

export { RECORD_STATEMENT }

/**
 * Records what a log, or the processor that feeds it, says of itself. A log of somebody else's making takes it as any
 * other event.
 */
export function recordStatement(log: AuditLogWriter, statement: AuditEventInput): AuditEvent | undefined {
  return RECORD_STATEMENT in log
    ? (log as AuditLogWriter & StatementWriter)[RECORD_STATEMENT](statement)
    : log.record(statement)
}
